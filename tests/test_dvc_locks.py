"""DVC's list of locks: whether DVC is at work here, and a list that a kill cut off."""

import json
import os
from pathlib import Path
from threading import Event, Thread

import pytest
import zc.lockfile
from typer.testing import CliRunner

from ferflow.cli import app
from ferflow.core import dvc_locks
from ferflow.core.dvc_locks import (
    LOCKS,
    delete_cut_off_locks,
    lock_holders,
    refuse_while_dvc_runs,
)
from ferflow.core.errors import FerflowError
from ferflow.core.locks import exclusive
from ferflow.core.params import PARAMS_FILE
from ferflow.settings.presets import use

pytestmark = pytest.mark.usefixtures("workplace")
WHOLE = json.dumps({"write": {}, "read": {}})
GUARD = LOCKS.with_name("rwlock.lock")  # DVC holds it while it changes the list


def lock(write=(), read=()):
    LOCKS.parent.mkdir(parents=True)
    holders = {"write": {f"w{n}": {"pid": n, "cmd": "dvc repro"} for n in write}}
    holders["read"] = {"dep": [{"pid": n, "cmd": "dvc repro"} for n in read]}
    LOCKS.write_text(json.dumps(holders))


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


@pytest.fixture
def write_locks(workplace):  # noqa: ARG001 -- before it, the current folder is the repository
    Path("dvc.yaml").touch()  # by which the command knows a repository
    LOCKS.parent.mkdir(parents=True)
    return LOCKS.write_text


@pytest.mark.parametrize("left", ["", '{"write": {"data/raw'])
def test_check_deletes_a_list_that_was_cut_off(write_locks, left):
    write_locks(left)
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 0
    assert "was damaged because DVC had been killed" in result.output
    assert not LOCKS.exists()
    assert "cut off" not in CliRunner().invoke(app, ["check"]).output


def test_a_whole_list_stays(write_locks):
    write_locks(WHOLE)
    assert not delete_cut_off_locks()
    assert LOCKS.read_text() == WHOLE


def test_without_a_list_nothing_is_made():
    assert not delete_cut_off_locks()
    assert not LOCKS.parent.exists()


def test_a_list_that_dvc_is_writing_stays(write_locks, monkeypatch):
    asked, found = Event(), []

    def noticed(guard):
        asked.set()
        return exclusive(guard)

    monkeypatch.setattr(dvc_locks, "exclusive", noticed)
    guard = zc.lockfile.LockFile(str(GUARD))  # as DVC holds it
    write_locks("")
    waiting = Thread(target=lambda: found.append(delete_cut_off_locks()))
    waiting.start()
    assert asked.wait(60), "it has seen the list cut off"
    write_locks(WHOLE)
    guard.close()
    waiting.join()
    assert found == [False]
    assert LOCKS.read_text() == WHOLE


@pytest.mark.usefixtures("write_locks")
def test_dvcs_guard_and_ours_keep_each_other_out():
    """Both libraries lock by `flock`; if one went over to `lockf`, neither would see the other."""
    with exclusive(GUARD), pytest.raises(zc.lockfile.LockError):
        zc.lockfile.LockFile(str(GUARD))
    guard = zc.lockfile.LockFile(str(GUARD))
    with pytest.raises(FerflowError, match="DVC's"), exclusive(GUARD, held=FerflowError("DVC's")):
        pass
    guard.close()
    with exclusive(GUARD, held=FerflowError("DVC's")):
        assert GUARD.read_bytes(), "what DVC wrote into it, its process, stays"


@pytest.mark.usefixtures("write_locks")
def test_dvc_itself_waits_for_our_guard():
    """Here the list's own editor in DVC is asked, so that another library there is noticed."""
    from dvc.fs import localfs
    from dvc.lock import LockError
    from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK, _edit_rwlock

    assert (LOCKS.name, GUARD.name) == (RWLOCK_FILE, RWLOCK_LOCK)
    with (
        exclusive(GUARD),
        pytest.raises(LockError),
        _edit_rwlock(str(LOCKS.parent), localfs, hardlink=False),
    ):
        pass
