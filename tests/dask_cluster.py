"""A Dask scheduler and workers as processes on 127.0.0.1, for tests."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 120  # seconds, on a busy machine


class Cluster:
    """A scheduler with workers whose ferflow is that of a repository; a context that ends them."""

    def __init__(self, folder, repository):
        self.folder, self.repository, self.processes = folder, repository, []
        self.address = None

    def __enter__(self):
        words = ("scheduler", "--port", "0", "--no-dashboard")
        log = self._start(*words, name="scheduler", PYTHONPATH=str(self.repository.folder))
        self.address = self._read(log, r"Scheduler at:\s+(tcp://\S+)")
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()

    def add_worker(self, *python_path, name="worker"):
        """Start a worker of one thread and wait for it; its process and its address.

        python_path : folders before the repository, from which it imports.
        """
        path = os.pathsep.join(map(str, (*python_path, self.repository.folder)))
        words = ["worker", self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard"]
        words += ["--local-directory", str(self.folder)]
        log = self._start(*words, name=f"{name}-{len(self.processes)}", PYTHONPATH=path)
        return self.processes[-1], self._read(log, r"Registered to.*", r"Start worker at:\s+(\S+)")

    def _start(self, *words, name, **changes):
        log = self.folder / f"{name}.log"
        with log.open("w") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1"],
                cwd=self.folder,
                env=self.repository.environment() | changes,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return log

    @staticmethod
    def _read(log, *patterns):
        """What the last pattern finds in a log, once all of them are there."""
        for _ in range(10 * PATIENCE):
            text = log.read_text()
            found = [re.search(pattern, text) for pattern in patterns]
            if all(found):
                return found[-1].group(1)
            time.sleep(0.1)
        raise AssertionError(text)


def processes_in(folder):
    """The numbers of the processes that work in a folder, and what they are."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(folder):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def wait_for(what, process=None):
    """Wait until a function gives something true, while a process runs that may bring it about."""
    for _ in range(10 * PATIENCE):
        if what():
            return
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError("it did not come")


def kill(process):
    """As the kernel ends a process that takes too much memory."""
    process.send_signal(signal.SIGKILL)
    process.wait()
