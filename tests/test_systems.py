"""What Windows and macOS lack is asked for in one module, which knows how to do without."""

import ast
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from ferflow.core import system
from stages import train

ROOT = Path(__file__).parents[1]
CODE = [*sorted((ROOT / "ferflow").rglob("*.py")), *sorted((ROOT / "stages").glob("*.py"))]
MODULES = ["fcntl", "grp", "pty", "pwd", "resource", "spwd", "syslog", "termios", "tty"]
NAMES = {
    "os": [
        "WEXITSTATUS",
        "chown",
        "fork",
        "forkpty",
        "getegid",
        "geteuid",
        "getgid",
        "getloadavg",
        "getpgid",
        "getuid",
        "killpg",
        "mkfifo",
        "nice",
        "sched_getaffinity",
        "sched_setaffinity",
        "setsid",
        "statvfs",
        "sysconf",
        "uname",
        "wait3",
        "wait4",
    ],
    "signal": ["SIGALRM", "SIGCONT", "SIGHUP", "SIGKILL", "SIGSTOP", "SIGUSR1", "alarm", "pause"],
}


def lacking(text):
    """What a module's code takes from the system that is not everywhere, unless it asks first."""
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                found += [a.name for a in names if a.name in {*MODULES, "ctypes"}]
            case ast.ImportFrom(module=module) if module in {*MODULES, "ctypes"}:
                found.append(module)
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (
                f"{module}.{name}" == "os.kill"  # which on Windows ends the process
                or (name in NAMES.get(module, []) and f'hasattr({module}, "{name}")' not in text)
            ):
                found.append(f"{module}.{name}")
            case ast.Call(func=ast.Attribute(attr="write_text"), keywords=words) if not any(
                word.arg == "newline" for word in words
            ):
                found.append("write_text without newline")
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import fcntl", ["fcntl"]),
        ("def f():\n    from resource import getrusage", ["resource"]),
        ("import os\nos.getuid()", ["os.getuid"]),
        ('import os\nif hasattr(os, "getuid"): os.getuid()', []),
        ("import signal\nsignal.SIGKILL, signal.SIGTERM", ["signal.SIGKILL"]),
        ("p.write_text('a')", ["write_text without newline"]),
        ("p.write_text('a', newline='')", []),
    ],
)
def test_what_a_system_may_lack_is_found(text, found):
    assert lacking(text) == found


def test_nothing_but_one_module_asks_for_what_a_system_may_lack():
    assert len(CODE) > 200
    found = {path: lacking(path.read_text(encoding="utf-8")) for path in CODE}
    assert {path.stem for path, names in found.items() if names} == {"system"}


IMPORTS = """
import builtins, importlib, os, pkgutil, signal, sys
from pathlib import Path
modules, names = {modules}, {names}
packages = [importlib.import_module(name) for name in ("ferflow", "stages")]
own = [m.name for p in packages for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")]
own.remove("ferflow.__main__")  # it is the command
for name in own:  # what others' packages ask of this system is theirs
    importlib.import_module(name)
for name in [name for name in sys.modules if name.partition(".")[0] in ("ferflow", "stages")]:
    del sys.modules[name]
for name in modules:
    sys.modules[name] = None
for module, lost in names.items():
    for name in lost:
        if hasattr(sys.modules[module], name):
            delattr(sys.modules[module], name)
sys.platform = sys.argv[1]
for name in own:
    importlib.import_module(name)
from ferflow.core import system
from ferflow.core.files import atomic
assert not system.end_with_parent()
assert 10 < system.peak_memory_mb() < 1e5
os.environ.pop("LOGNAME", None)
for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
    os.environ.pop(name, None)
assert system.user_name() == "unknown"
assert system.is_alive(os.getpid()) and not system.is_alive(2**22 + 1)
left = Path(sys.argv[2]) / f"a.txt.{{2**22 + 1}}.part"
left.write_text("of a killed process")
with atomic(Path(sys.argv[2]) / "a.txt") as part:
    part.write_text("whole")
assert [path.name for path in Path(sys.argv[2]).iterdir()] == ["a.txt"]
print(len(own))
"""


@pytest.mark.long
def test_every_module_is_imported_where_those_are_not(tmp_path):
    code = IMPORTS.format(modules=MODULES, names=NAMES)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, "win32", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200


def test_on_windows_a_process_is_looked_up_and_never_signalled(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(psutil, "pid_exists", lambda number: number == os.getpid())
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("os.kill ends processes there"))
    assert system.is_alive(os.getpid())
    assert not system.is_alive(2**22 + 1)
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert system.is_alive(2**22 + 1)  # what it left is not deleted


HELD = """
import os, sys
if sys.argv[1] == "held":
    from ferflow.core.system import hold_memory
    hold_memory()
import resource
print("started", *sys.orig_argv[-2:])
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    b"x" * 40_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, os.environ["GLIBC_TUNABLES"])
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc's memory")


def run_held(tmp_path, word, tunables):
    script = tmp_path / "held.py"
    script.write_text(HELD, newline="")
    done = subprocess.run(
        [sys.executable, script, word],
        env=os.environ | {"PYTHONPATH": str(ROOT), "GLIBC_TUNABLES": tunables},
        capture_output=True,
        text=True,
        check=True,
    )
    started, last = done.stdout.splitlines()
    assert started == f"started {script} {word}"
    faults, variable = last.split()
    return int(faults), variable


@glibc
def test_a_process_that_holds_its_memory_gets_large_arrays_once(tmp_path):
    """20 arrays of 40 MB have 195,000 pages of 4 KiB; the first alone has 9,800."""
    loose, _ = run_held(tmp_path, "loose", "glibc.malloc.check=0")
    held, variable = run_held(tmp_path, "held", "glibc.elision.tries=3")
    assert loose > 150_000
    assert held < 15_000
    assert variable.startswith("glibc.elision.tries=3:glibc.malloc.mmap_max=0:")


@glibc
def test_what_the_user_told_malloc_stays(tmp_path):
    faults, variable = run_held(tmp_path, "held", "glibc.malloc.check=0")
    assert faults > 150_000
    assert variable == "glibc.malloc.check=0"


def test_without_glibc_no_process_starts_anew(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(os, "execve", None)
    system.hold_memory()


@pytest.mark.parametrize(("family", "holds"), [("network", True), ("random_forest", False)])
def test_the_training_of_a_network_alone_holds_its_memory(monkeypatch, family, holds):
    class ReachedError(Exception):
        pass

    def reached(*given):
        raise ReachedError(*given)

    monkeypatch.setattr(train, "load_family", lambda: (SimpleNamespace(family=family), None))
    monkeypatch.setattr(train, "hold_memory", reached)
    monkeypatch.setattr(train, "start_ranks", lambda name: reached(name))
    with pytest.raises(ReachedError) as error:
        train.main(*[Path()] * 9)
    assert error.value.args == (() if holds else (family,))


@pytest.mark.parametrize(("name", "bytes_a_unit"), [("linux", 1024), ("darwin", 1)])
def test_peak_memory_is_in_the_systems_units(monkeypatch, name, bytes_a_unit):
    usage = SimpleNamespace(ru_maxrss=2_000_000)
    resource = SimpleNamespace(RUSAGE_SELF=0, getrusage=[usage].__getitem__)
    monkeypatch.setitem(sys.modules, "resource", resource)
    monkeypatch.setattr(sys, "platform", name)
    assert system.peak_memory_mb() == 2 * bytes_a_unit


def test_without_the_module_resource_the_peak_is_what_psutil_knows(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    windows = SimpleNamespace(rss=5_000_000, peak_wset=7_000_000)
    monkeypatch.setattr(psutil.Process, "memory_info", lambda _: windows)
    assert system.peak_memory_mb() == 7


def test_a_user_without_a_name_has_a_number_where_there_are_any(monkeypatch):
    def nameless():
        raise ImportError("No module named 'pwd'")

    monkeypatch.setattr(system.getpass, "getuser", nameless)
    monkeypatch.setattr(os, "getuid", lambda: 12345, raising=False)
    assert system.user_name() == "12345"
    monkeypatch.delattr(os, "getuid")
    assert system.user_name() == "unknown"


def test_parameters_with_the_line_ends_of_windows_are_the_same(tmp_path):
    from ferflow.core.params import read_yaml

    text = (ROOT / "presets/defaults.yaml").read_bytes()
    assert b"\r" not in text
    other = tmp_path / "params.yaml"
    other.write_bytes(text.replace(b"\n", b"\r\n"))
    assert read_yaml(other) == read_yaml(ROOT / "presets/defaults.yaml")


def test_files_have_the_same_line_ends_everywhere(tmp_path, monkeypatch):
    """As on Windows, where a text's line ends become two characters unless it is told otherwise."""
    import io

    from ferflow.core.files import write_json

    real = io.open
    monkeypatch.setattr(
        io,
        "open",
        lambda file, mode="r", buffering=-1, encoding=None, errors=None, newline=None: (
            real(file, mode, buffering, encoding, errors, "\r\n" if newline is None else newline)
            if "w" in mode and "b" not in mode
            else real(file, mode, buffering, encoding, errors, newline)
        ),
    )
    (tmp_path / "told not.txt").write_text("a\n")
    assert (tmp_path / "told not.txt").read_bytes() == b"a\r\n"
    write_json(tmp_path / "a.json", {"a": 1})
    assert (tmp_path / "a.json").read_bytes() == b'{\n  "a": 1\n}\n'
