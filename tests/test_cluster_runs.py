"""Whole runs on a Dask cluster: the same bytes as here, and a killed worker loses none."""

import json
import shutil
import sys
import time
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen

import psutil
import pytest
from repository import SMALL

from benchmarks.local_cluster import cluster

pytestmark = pytest.mark.long

CHEAP = [
    *SMALL,
    "features.method=hog",
    "balance.method=none",
    "selection.method=k_best",
    "selection.n_features=50",
]
PAPERS = "metrics/papers/quickstart"
OF_THE_MACHINE = ("date", "costs", "hardware")


@pytest.fixture
def place(own, tmp_path):
    """A repository with cheap parameters, and two workers."""
    own.use("quickstart", *CHEAP)
    own.commit()
    with cluster(tmp_path, own.environment() | {"PYTHONPATH": str(own.folder)}) as running:
        running.start_workers(2)
        yield own, running


def records(repository):
    """Name -> content of the recorded files; of a record, without what differs between machines."""
    found = {}
    for path in sorted((repository.folder / PAPERS).iterdir()):
        content = path.read_bytes()
        if path.suffix == ".json":
            content = {k: v for k, v in json.loads(content).items() if k not in OF_THE_MACHINE}
        found[path.name] = content
    return found


def test_a_cluster_records_what_this_machine_records(place):
    own, running = place
    (own.folder / "params.yaml").write_text(own.text("params.yaml") + "# an edit is no obstacle\n")
    printed = own.ferflow("repeat", "--seeds", "2", "--cluster", running.address)
    assert printed.count("recorded as quickstart/seed-") == 2
    there = records(own)
    assert len(there) == 5  # two records of two files, and the summary
    shutil.rmtree(own.folder / PAPERS)
    own.ferflow("repeat", "--seeds", "2", OMP_NUM_THREADS="1")
    assert records(own) == there


def test_a_killed_worker_loses_nothing(place, tmp_path):
    own, running = place
    address = {"DASK_SCHEDULER_ADDRESS": running.address}
    command = [sys.executable, "-m", "ferflow", "repeat", "--seeds", "4"]
    started = Popen(
        command, cwd=own.folder, env=own.environment() | address, stdout=PIPE, stderr=STDOUT
    )
    wait_for(lambda: len(stages(tmp_path)) >= 2, started)  # both workers are at it
    before = stages(tmp_path)
    kill(running.processes[1])  # the first worker
    wait_for(lambda: not before <= stages(tmp_path))
    printed, _ = started.communicate()
    assert started.returncode == 0, printed.decode()
    assert len(list((own.folder / PAPERS).glob("seed-*.json"))) == 4
    assert len(list((own.folder / PAPERS).glob("seed-*.parquet"))) == 4
    assert not stages(tmp_path), "no stage outlives its worker"


def test_a_killed_command_leaves_no_run_and_the_next_continues(place, tmp_path):
    own, running = place
    words = ["repeat", "--seeds", "3", "--cluster", running.address]
    started = Popen(
        [sys.executable, "-m", "ferflow", *words],
        cwd=own.folder,
        env=own.environment(),
        stdout=DEVNULL,
    )
    wait_for(lambda: list((own.folder / PAPERS).glob("seed-*.json")), started)
    kill(started)
    wait_for(lambda: not stages(tmp_path))
    n_kept = len(list((own.folder / PAPERS).glob("seed-*.json")))
    printed = own.ferflow(*words)
    assert printed.count("recorded already") == n_kept
    assert len(list((own.folder / PAPERS).glob("seed-*.json"))) == 3


def stages(folder):
    """The numbers of the runs' processes that work in the workers' clones."""
    return {
        process.pid
        for process in psutil.process_iter(["cwd", "cmdline"])  # None of somebody else's
        if "ferflow.runs.on_worker" in (process.info["cmdline"] or [])
        and Path(process.info["cwd"] or "/").is_relative_to(folder)
    }


def wait_for(what, process=None):
    """Wait until a function gives something true, while a process runs that may bring it about."""
    for _ in range(1200):
        if what():
            return
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError("it did not come")


def kill(process):
    """As the kernel ends a process that takes too much memory."""
    process.kill()
    process.wait()
