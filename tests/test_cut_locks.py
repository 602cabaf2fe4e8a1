"""DVC's list of locks, cut off by a kill."""

import json
from pathlib import Path
from threading import Event, Thread

import pytest
from typer.testing import CliRunner

from ferflow.cli import app
from ferflow.core import cut_locks
from ferflow.core.busy import LOCKS
from ferflow.core.cut_locks import delete_cut_off_locks
from ferflow.core.locks import exclusive

pytestmark = pytest.mark.usefixtures("workplace")
WHOLE = json.dumps({"write": {}, "read": {}})


@pytest.fixture
def write_locks():
    Path("dvc.yaml").touch()  # by which the command knows a repository
    LOCKS.parent.mkdir(parents=True)
    return LOCKS.write_text


@pytest.mark.parametrize("left", ["", '{"write": {"data/raw'])
def test_check_deletes_a_list_that_was_cut_off(write_locks, left):
    write_locks(left)
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 0
    assert "cut off by a kill" in result.output
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

    def noticed(*guard):
        asked.set()
        return exclusive(*guard)

    monkeypatch.setattr(cut_locks, "exclusive", noticed)
    with exclusive(LOCKS.parent, "rwlock.lock"):  # as DVC holds it
        write_locks("")
        waiting = Thread(target=lambda: found.append(delete_cut_off_locks()))
        waiting.start()
        assert asked.wait(60), "it has seen the list cut off"
        write_locks(WHOLE)
    waiting.join()
    assert found == [False]
    assert LOCKS.read_text() == WHOLE
