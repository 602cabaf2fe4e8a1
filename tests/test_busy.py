"""Whether DVC is at work here, by its lock file."""

import json
import os
import subprocess
import sys

import pytest

from ferflow.core.busy import LOCKS, lock_holders, refuse_while_dvc_runs
from ferflow.core.errors import FerflowError
from ferflow.core.params import PARAMS_FILE
from ferflow.settings.presets import use

pytestmark = pytest.mark.usefixtures("workplace")


def lock(write=(), read=()):
    LOCKS.parent.mkdir(parents=True)
    holders = {"write": {f"w{n}": {"pid": n, "cmd": "dvc repro"} for n in write}}
    holders["read"] = {"dep": [{"pid": n, "cmd": "dvc repro"} for n in read]}
    LOCKS.write_text(json.dumps(holders))


@pytest.fixture
def ended():
    """The id of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_without_a_lock_file_nothing_runs():
    assert lock_holders() == set()
    refuse_while_dvc_runs()


def test_locks_of_killed_processes_count_for_nothing(ended):
    lock(write=[ended], read=[ended])
    assert lock_holders() == {ended}
    refuse_while_dvc_runs()


@pytest.mark.parametrize("place", ["write", "read"])
def test_params_are_not_written_under_a_running_pipeline(place):
    lock(**{place: [os.getpid()]})
    before = PARAMS_FILE.read_bytes()
    with pytest.raises(FerflowError, match=rf"DVC runs the pipeline here \(process {os.getpid()}"):
        use("quickstart", {"seed": 7})
    assert PARAMS_FILE.read_bytes() == before


def test_a_damaged_lock_file_is_left_to_dvc():
    lock()
    LOCKS.write_text("{")
    refuse_while_dvc_runs()
