"""A scheduler of Dask with workers on this machine, each a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

_PATIENCE = 120  # seconds for the scheduler to start


@contextmanager
def local_cluster(n_workers: int, path: tuple[Path, ...] = ()) -> Iterator[str]:
    """The address of a scheduler on 127.0.0.1; its workers have one thread each.

    path : folders from which the workers import, beside the present ones.
    Raises RuntimeError with what it printed if the scheduler ends or does not start.
    """
    found = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    own = [str(folder) for folder in (Path(__file__).parents[1], *path)]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [*own, *found]))}
    with TemporaryDirectory() as folder, ExitStack() as stack:
        about = Path(folder) / "scheduler.json"
        log = stack.enter_context((Path(folder) / "log").open("w+"))
        common = ["--scheduler-file", str(about), "--no-dashboard"]
        to_scheduler = ["scheduler", "--host", "127.0.0.1", "--port", "0", *common]
        scheduler = _start(stack, to_scheduler, env, log)
        started = time.monotonic()
        while not about.exists() or not about.read_text():
            if scheduler.poll() is not None or time.monotonic() - started > _PATIENCE:
                log.seek(0)
                raise RuntimeError(f"no scheduler started: {log.read()}")
            time.sleep(0.1)
        to_worker = ["worker", "--host", "127.0.0.1", "--nthreads", "1", *common]
        workers = [
            _start(stack, [*to_worker, "--local-directory", folder], env, log)
            for _ in range(n_workers)
        ]
        for process in (scheduler, *workers):  # all are told to end before one is waited for
            stack.callback(process.terminate)
        from distributed import Client

        address: str = json.loads(about.read_text())["address"]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(n_workers, timeout=_PATIENCE)
        yield address


def _start(
    stack: ExitStack, words: list[str], env: dict[str, str], log: IO[str]
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dask", *words]
    process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
    stack.callback(_wait, process)
    return process


def _wait(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
