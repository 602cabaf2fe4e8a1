"""One training by several processes of this machine, FERFLOW_RANKS of them, or of torchrun's.

torchrun's own meeting place listens on all of a machine's interfaces, also with `--standalone`.
Ranks started here meet in a file, and talk over the loopback interface.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ferflow.core.errors import FerflowError, ParamError, one_line
from ferflow.core.own_rank import FOLDER, LAUNCHER, n_ranks, rank
from ferflow.core.system import is_alive, usable_cores
from ferflow.training.shared.params import takes_ranks

RANKS = "FERFLOW_RANKS"
THREADS = "OMP_NUM_THREADS"
LOST = "another rank ended, or cannot be reached any more"

_LOOK_EVERY = 0.1  # seconds
_PREFIX = "ferflow-ranks-"
_INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")


class LostRankError(FerflowError):
    """Another rank ended: what it says of itself is the reason."""


def start_ranks(family: str) -> None:
    """Where FERFLOW_RANKS says so, run this very command as so many ranks, and end with them.

    Returns at once in a rank, for one process, and for a family that one process trains. Raises
    FerflowError where a rank fails; the others are ended then. On Linux they end with this process.
    """
    n = _wanted()
    if n == 1 or n_ranks() > 1 or not takes_ranks(family):
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what follows then ends the ranks
    with _shared_folder() as folder:
        environment = os.environ | _on_loopback() | {FOLDER: folder, LAUNCHER: str(os.getpid())}
        threads = os.environ.get(THREADS) or str(max(1, usable_cores() // n))
        environment |= {"WORLD_SIZE": str(n), "LOCAL_WORLD_SIZE": str(n), THREADS: threads}
        print(f"{n} processes of {threads} threads train together", flush=True)
        started: list[subprocess.Popen[bytes]] = []
        try:
            for k in range(n):
                own = environment | {"RANK": str(k), "LOCAL_RANK": str(k)}
                started.append(subprocess.Popen([sys.executable, *_words()], env=own))
            _wait(started, Path(folder))
        finally:
            for process in started:
                process.kill()
                process.wait()
    sys.exit()


@contextmanager
def joined(family: str, device: str) -> Iterator[None]:
    """As one of several ranks, if this process is one: they meet before the block and part after.

    device : 'auto', 'cpu' or 'cuda', as in params.yaml; each rank of a machine takes a GPU.
    Raises ParamError where one process has to train the family, or GPUs are missing;
    LostRankError where another rank ends meanwhile.
    """
    if n_ranks() == 1:
        yield
        return
    if not takes_ranks(family):
        raise ParamError(
            f"train.family {family} is trained by one process; got {n_ranks()} of torchrun's. "
            "Run the stage without torchrun, or set train.family to network."
        )
    import torch
    from torch import distributed

    backend, place = "gloo", int(os.environ["LOCAL_RANK"])
    if device != "cpu" and torch.cuda.is_available():
        backend = "cpu:gloo,cuda:nccl"
        if place >= torch.cuda.device_count():
            raise ParamError(
                f"{RANKS}: each process takes a GPU, and {torch.cuda.device_count()} are here; got "
                f"{os.environ['LOCAL_WORLD_SIZE']} processes. Start no more than there are GPUs, "
                "or set train.network.device to cpu."
            )
        torch.cuda.set_device(place)
    folder = os.environ.get(FOLDER)
    options: dict[str, Any] = {}
    if folder is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this rank will end it
        store = distributed.FileStore(str(Path(folder) / "store"), n_ranks())  # type: ignore[attr-defined]
        options = {"store": store, "rank": rank(), "world_size": n_ranks()}
    try:
        distributed.init_process_group(backend, **options)
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or not _is_lost(error):
            raise
        raise LostRankError(f"{LOST} ({one_line(error)}).") from None
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _shared_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder for the ranks; those that killed processes left are deleted."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        number = left.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdecimal() and not is_alive(int(number)):
            shutil.rmtree(left, ignore_errors=True)  # another user's stay
    return tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-")


def _is_lost(error: RuntimeError) -> bool:
    from torch.distributed import DistError

    return isinstance(error, DistError) or "gloo" in str(error)


def _wanted() -> int:
    text = os.environ.get(RANKS) or "1"
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise ParamError(f"{RANKS} must be a whole number from 1 to 1024; got {text!r}.")
    return int(text)


def _words() -> list[str]:
    """What python was started with: -m and a module's name, or a script."""
    return sys.orig_argv[1:]


def _on_loopback() -> dict[str, str]:
    """Variables that have the ranks listen on the loopback interface alone, where it has a name."""
    names = [name for _, name in socket.if_nameindex()] if hasattr(socket, "if_nameindex") else []
    loopback = next((name for name in ("lo", "lo0") if name in names), None)
    return {} if loopback is None else dict.fromkeys(_INTERFACES, loopback)


def _wait(started: list[subprocess.Popen[bytes]], folder: Path) -> None:
    """Until all have ended well; FerflowError with the first cause where one has not."""
    while any(process.poll() is None for process in started):
        if any(process.returncode for process in started):
            break
        time.sleep(_LOOK_EVERY)
    failed = [k for k, process in enumerate(started) if process.poll()]
    if failed:
        raise FerflowError(min(_cause(k, started[k], folder) for k in failed)[1])


def _cause(k: int, process: subprocess.Popen[bytes], folder: Path) -> tuple[int, str]:
    """What is said of a failed rank; of several that with the lowest number is the first cause."""
    file = folder / f"error-{k}"
    if file.exists():
        line = file.read_text(encoding="utf-8").removeprefix("error: ")
        return (3 if line.startswith(LOST) else 0), line
    if process.returncode > 0:
        return 2, f"rank {k} failed with exit code {process.returncode}; the others were ended."
    name = signal.Signals(-process.returncode).name
    return 1, (
        f"rank {k} of the training was ended by {name}; the others were ended, too. "
        "`dvc repro` goes on after the last finished epoch."
    )
