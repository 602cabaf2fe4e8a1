"""What one operating system has and another has not; nothing else in ferflow asks for it.

The tests run on Linux. Elsewhere a stage outlives a killed DVC, and what cannot be known is guessed
to the safe side.
"""

import getpass
import os
import platform
import sys

_TUNABLES = "GLIBC_TUNABLES"
_HELD = (
    "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=0x1000000000:"
    "glibc.malloc.top_pad=0x10000000:glibc.malloc.hugetlb=1"
)


def is_alive(process: int) -> bool:
    """Whether a process of that number runs on this machine, in this container.

    On Windows, without psutil, every process counts as alive.
    """
    if sys.platform == "win32":  # os.kill would end it
        try:
            import psutil
        except ImportError:
            return True
        return bool(psutil.pid_exists(process))
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def end_with_parent() -> bool:
    """Ask Linux to end this process with its parent; False where the system cannot be asked."""
    if sys.platform != "linux":
        return False
    import ctypes
    import signal

    death_signal = 1  # PR_SET_PDEATHSIG in linux/prctl.h
    ctypes.CDLL(None, use_errno=True).prctl(death_signal, signal.SIGKILL)
    return True


def hold_memory() -> None:
    """Start this process anew so that it keeps the memory it frees, in pages of 2 MiB.

    By itself glibc gives large arrays back to Linux, and a network's training gets them anew in
    every step, cleared, in pages of 4 KiB: a fourth of its time. glibc reads GLIBC_TUNABLES only
    when a process starts. Does nothing without glibc, or where the variable sets malloc already.
    """
    said = os.environ.get(_TUNABLES, "")
    if platform.libc_ver()[0] != "glibc" or "glibc.malloc." in said:
        return
    sys.stdout.flush()
    held = {_TUNABLES: f"{said}:{_HELD}".removeprefix(":")}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | held)


def peak_memory_mb() -> float:
    """The largest resident size so far of this process, in MB (10**6 bytes)."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        used = psutil.Process().memory_info()
        return float(getattr(used, "peak_wset", used.rss)) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6  # bytes there, KiB here


def user_name() -> str:
    """The user's name; the number where there is none, as in a container."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # ImportError: on Windows there is no table of users
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
