"""Whole runs on a Dask cluster: the same bytes as here, and a killed worker loses none."""

import json
import shutil
import sys
from subprocess import DEVNULL, PIPE, STDOUT, Popen

import pytest
from dask_cluster import Cluster, kill, processes_in, wait_for
from repository import SMALL

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
    with Cluster(tmp_path, own) as running:
        running.workers = [running.add_worker() for _ in range(2)]
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
    victim, _ = running.workers[0]
    wait_for(lambda: len(stages(tmp_path)) >= 2, started)  # both workers are at it
    before = stages(tmp_path)
    kill(victim)
    wait_for(lambda: len(before.keys() & stages(tmp_path).keys()) < len(before))
    printed, _ = started.communicate()
    assert started.returncode == 0, printed.decode()
    assert len(list((own.folder / PAPERS).glob("seed-*.json"))) == 4
    assert len(list((own.folder / PAPERS).glob("seed-*.parquet"))) == 4
    assert stages(tmp_path) == {}, "no stage outlives its worker"


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
    wait_for(lambda: stages(tmp_path) == {})
    n_kept = len(list((own.folder / PAPERS).glob("seed-*.json")))
    printed = own.ferflow(*words)
    assert printed.count("recorded already") == n_kept
    assert len(list((own.folder / PAPERS).glob("seed-*.json"))) == 3


def stages(folder):
    """The runs' processes that work in the workers' clones."""
    return {k: v for k, v in processes_in(folder).items() if b"ferflow.runs.on_worker" in v}
