"""A scheduler of Dask with workers on 127.0.0.1, each a process of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

_PATIENCE = 120  # seconds for one to start, on a busy machine
_TO_END = 20  # seconds


@dataclass
class Cluster:
    """Processes that work in a folder and print to files there: a scheduler, then its workers."""

    folder: Path
    env: dict[str, str]
    address: str = ""  # of the scheduler
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start_workers(self, n: int, *path: Path, nanny: bool = False) -> list[str]:
        """Their addresses, once the scheduler knows them; they have one thread each.

        path : folders from which they import before those of `env`. nanny : whether Dask starts
        them again when they end. Raises RuntimeError with what one printed that does not start.
        """
        folders = [*map(str, path), self.env.get("PYTHONPATH", "")]
        env = self.env | {"PYTHONPATH": os.pathsep.join(filter(None, folders))}
        words = ["worker", self.address, "--nthreads", "1", "--local-directory", str(self.folder)]
        words += [] if nanny else ["--no-nanny"]
        logs = [self._start(words, env) for _ in range(n)]
        return [self._read(log, r"Start worker at:\s+(\S+)(?s:.*)Registered to") for log in logs]

    def start_scheduler(self) -> None:
        """Raises RuntimeError as the workers' start does."""
        log = self._start(["scheduler", "--port", "0"], self.env)
        self.address = self._read(log, r"Scheduler at:\s+(tcp://\S+)")

    def end(self) -> None:
        """All are told to before one is waited for."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, words: list[str], env: dict[str, str]) -> Path:
        log = self.folder / f"{words[0]}-{len(self.processes)}.log"
        command = [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1", "--no-dashboard"]
        with log.open("w") as printed:
            self.processes.append(
                subprocess.Popen(
                    command, cwd=self.folder, env=env, stdout=printed, stderr=subprocess.STDOUT
                )
            )
        return log

    def _read(self, log: Path, pattern: str) -> str:
        """What a pattern finds in what a process prints, as soon as it does."""
        process = self.processes[int(log.stem.rpartition("-")[2])]
        for _ in range(10 * _PATIENCE):
            ended = process.poll() is not None
            if found := re.search(pattern, log.read_text()):
                return found[1]
            if ended:
                break
            time.sleep(0.1)
        raise RuntimeError(f"{log.stem} did not start: {log.read_text()}")


@contextmanager
def cluster(folder: Path, env: dict[str, str]) -> Iterator[Cluster]:
    """A scheduler in a folder, whose variables are `env`; it and its workers end with the block."""
    running = Cluster(folder, env)
    try:
        running.start_scheduler()
        yield running
    finally:
        running.end()


@contextmanager
def local_cluster(n_workers: int, path: tuple[Path, ...] = ()) -> Iterator[str]:
    """The address of a scheduler with workers that import this ferflow, and from other folders."""
    found = os.environ.get("PYTHONPATH", "")
    own = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), found]))
    with (
        TemporaryDirectory() as folder,
        cluster(Path(folder), os.environ | {"PYTHONPATH": own}) as running,
    ):
        running.start_workers(n_workers, *path, nanny=True)
        yield running.address
