"""`ferflow store move`: the runs of a moved or copied repository stay, with their files."""

import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from ferflow.core.errors import DataError, FerflowError
from ferflow.core.locks import exclusive
from ferflow.tracking.database import FINGERPRINT, artifacts_uri, finished_run, writer_lock
from ferflow.tracking.move import move_store

KEPT = Path(__file__).parent / "kept/16676a2/mlflow.zip"
BEFORE = "file:///tmp/tmpp0opb936/.mlflow/artifacts"  # in the kept store of 16676a2


def ask(file, query, *words):
    with closing(sqlite3.connect(file)) as database, database:
        return database.execute(query, words).fetchall()


def dump(file):
    with closing(sqlite3.connect(file)) as database:
        return list(database.iterdump())


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = tmp_path / "é b"
    folder.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return folder


@pytest.fixture
def file(root):
    """The database of an older build's repository, which lay in another place."""
    with zipfile.ZipFile(KEPT) as archive:
        archive.extract("mlflow.db", root / ".mlflow")
    return root / ".mlflow/mlflow.db"


def test_every_place_in_a_kept_store_is_changed(file, root):
    ((fingerprint,),) = ask(file, "select value from tags where key = ?", FINGERPRINT)
    ((run_id, model_id),) = ask(
        file, "select run_uuid, model_id from runs join logged_models on source_run_id = run_uuid"
    )
    assert finished_run(fingerprint) is None
    now = f"{root.as_uri()}/.mlflow/artifacts"
    assert "%20" in now
    assert move_store() == f"Runs moved: 1, from {BEFORE} to {now}."
    places = dict(ask(file, "select name, artifact_location from experiments"))
    assert places == {"ferflow": now, "Default": f"{root}/mlruns/0"}
    assert ask(file, "select artifact_uri from runs") == [(f"{now}/{run_id}/artifacts",)]
    models = ask(file, "select artifact_location from logged_models")
    assert models == [(f"{now}/models/{model_id}/artifacts",)]
    assert finished_run(fingerprint) is not None


def test_nothing_else_is_changed_and_a_second_time_nothing_at_all(file):
    before = dump(file)
    move_store()
    after = dump(file)
    changed = {new.split('"')[1] for old, new in zip(before, after, strict=True) if old != new}
    assert changed == {"experiments", "runs", "logged_models"}
    content = file.read_bytes()
    assert move_store() == f"Nothing to move: the runs in {file} have its place already."
    assert file.read_bytes() == content


def test_a_neighbour_with_a_longer_name_keeps_its_place(file):
    other = "file:///tmp/tmpp0opb936-2/.mlflow/artifacts/a/artifacts"
    ask(file, "update runs set artifact_uri = ?", other)
    assert move_store().startswith("Runs moved: 0, ")
    assert ask(file, "select artifact_uri from runs") == [(other,)]


def test_a_store_that_mlflow_2_made_has_no_logged_models(file):
    ask(file, "drop table logged_models")
    assert move_store().startswith("Runs moved: 1, ")


def test_a_fault_half_way_leaves_everything_as_it_was(file):
    ask(
        file,
        "create trigger full before update on logged_models "
        "begin select raise(abort, 'database or disk is full'); end",
    )
    before = dump(file)
    with pytest.raises(DataError, match=r"can be changed \(database or disk is full\)"):
        move_store()
    assert dump(file) == before
    assert not file.with_name("mlflow.db-journal").exists()


def test_another_database_is_moved_with_the_folder_beside_it(file, root, monkeypatch):
    elsewhere = root / "shared/runs.db"
    elsewhere.parent.mkdir()
    shutil.copy(file, elsewhere)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///shared/runs.db")
    assert move_store().endswith(f" to {artifacts_uri(elsewhere)}.")
    assert ask(file, "select artifact_location from experiments where name = 'ferflow'") == [
        (BEFORE,)
    ]


def test_what_cannot_be_moved_is_a_line(file, monkeypatch):
    ask(file, "update experiments set artifact_location = 's3://bucket/a'")
    with pytest.raises(FerflowError, match=r"keep their files in s3://bucket/a, not in a folder"):
        move_store()
    ask(file, "update experiments set name = 'mine' where name = 'ferflow'")
    with pytest.raises(DataError, match="has no experiment 'ferflow'"):
        move_store()
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(DataError, match=r"is not a store of MLflow .*file is not a database"):
        move_store()
    file.unlink()
    with pytest.raises(DataError, match=r"mlflow.db is not here: there are no runs to move"):
        move_store()
    assert not file.exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    with pytest.raises(FerflowError, match="names a server"):
        move_store()


def test_a_store_that_is_being_filled_or_written_is_left_alone(file):
    before = dump(file)
    with exclusive(writer_lock(file)), pytest.raises(FerflowError, match="is being written"):
        move_store()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(FerflowError, match="is being written"):
            move_store()
    assert dump(file) == before


OPEN = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("select * from runs").fetchall()
print("open", flush=True)
sys.stdin.read()
"""


def test_a_store_that_a_server_has_open_is_left_alone(file):
    """A server that waits for questions holds the file open, and no lock."""
    before = dump(file)
    command = [sys.executable, "-c", OPEN, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout.readline() == b"open\n"
        with pytest.raises(FerflowError, match=rf"is open in process {server.pid} \(python"):
            move_store()
        server.stdin.close()
    assert dump(file) == before
    move_store()


def test_a_moved_store_is_refused_with_the_command_and_then_opens(root, file):
    from ferflow.tracking.store import open_store  # MLflow: seconds

    picture = root / ".mlflow/artifacts"
    ((run_id,),) = ask(file, "select run_uuid from runs")
    (picture / run_id / "artifacts").mkdir(parents=True)
    (picture / run_id / "artifacts/a.txt").write_text("kept")
    with pytest.raises(FerflowError, match=r"moved or copied, .*: ferflow store move$") as caught:
        open_store()
    assert "elete" not in str(caught.value)
    move_store()
    client, experiment_id = open_store()
    (run,) = client.search_runs([experiment_id])
    assert [item.path for item in client.list_artifacts(run.info.run_id)] == ["a.txt"]
