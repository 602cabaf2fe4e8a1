"""Where runs are kept: the repository's database, the user's own, or a server."""

import getpass
import os

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError

from ferflow.core.errors import FerflowError, ParamError
from ferflow.core.system import user_name
from ferflow.tracking import commands, store
from ferflow.tracking.database import FINGERPRINT, finished_run, own_database
from ferflow.tracking.store import database_uri, one_writer, open_store


def test_a_relative_database_counts_from_the_repository_and_keeps_pictures_beside_it(
    tmp_path, monkeypatch
):
    (tmp_path / "temporary copy").mkdir()
    monkeypatch.chdir(tmp_path / "temporary copy")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///shared/runs.db")
    client, experiment_id = open_store()
    assert client.tracking_uri == database_uri(tmp_path / "shared/runs.db")
    location = client.get_experiment(experiment_id).artifact_location
    assert location == (tmp_path / "shared/artifacts").as_uri()
    assert open_store()[1] == experiment_id
    assert list((tmp_path / "temporary copy").iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [MlflowException("out of\nreach"), OperationalError("insert", {}, Exception("out of reach"))],
)
def test_what_mlflow_raises_is_a_line(tmp_path, monkeypatch, error):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with (
        pytest.raises(FerflowError, match=r"MLflow's store cannot be written") as caught,
        one_writer(),
    ):
        raise error
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "uri", ["sqlite:", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:runs.db"]
)
def test_sqlite_without_a_file_is_a_line(tmp_path, monkeypatch, uri):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ParamError, match=rf"must name a file .* got '{uri}'"):
        open_store()
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_mlflow_does_not_know_is_a_line(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://somewhere")
    with pytest.raises(FerflowError, match="MLflow's store cannot be read") as caught:
        commands.store()
    assert len(str(caught.value).splitlines()) == 1


def test_a_database_without_its_driver_is_a_line(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mssql+pymssql:///runs")
    with pytest.raises(FerflowError, match="needs the Python package pymssql, which is not"):
        open_store()


def test_a_database_that_refuses_is_a_line(monkeypatch):
    def refuse(_):
        raise OperationalError("connect", {}, Exception('first\nFATAL:  database "x" is not there'))

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql:///runs")
    monkeypatch.setattr(store, "create_engine", refuse)
    with pytest.raises(FerflowError, match=r'refuses \(FATAL:  database "x" is not there\)\.'):
        open_store()


def test_a_database_of_many_clones_says_where_files_go(monkeypatch):
    class Database:
        tracking_uri = "postgresql://runs/x"
        made = None

        def get_experiment_by_name(self, _):
            return None

        def create_experiment(self, _, artifacts, **__):
            self.made = artifacts
            return 3

    monkeypatch.setenv("MLFLOW_TRACKING_URI", Database.tracking_uri)
    monkeypatch.setattr(store, "_client", lambda _: database)
    database = Database()
    monkeypatch.delenv(store.ARTIFACT_ROOT, raising=False)
    with pytest.raises(FerflowError, match="export MLFLOW_DEFAULT_ARTIFACT_ROOT=/shared/mlflow"):
        open_store()
    assert database.made is None
    monkeypatch.setenv(store.ARTIFACT_ROOT, "s3://bucket/mlflow")
    assert open_store() == (database, "3")
    assert database.made == "s3://bucket/mlflow"


def test_an_experiment_that_another_process_made_first_is_taken():
    class Server:
        tracking_uri = "http://127.0.0.1:5000"

        def __init__(self):
            self.asked = 0

        def get_experiment_by_name(self, _):
            self.asked += 1
            found = type("Experiment", (), {"experiment_id": "7", "tags": {}})
            return None if self.asked == 1 else found

        def create_experiment(self, *_, **__):
            raise MlflowException("exists already")

        def set_experiment_tag(self, experiment_id, key, value):
            tagged.append((experiment_id, key, value))

    tagged = []
    assert store._experiment(Server(), None) == "7"
    assert ("7", "mlflow.experimentKind", "custom_model_development") in tagged


def test_a_database_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch):
    class FullDisk:
        def __init__(self, uri):
            self.part = tmp_path / f"mlflow.db.{os.getpid()}.part"
            assert uri == database_uri(self.part)

        def create_experiment(self, *_, **__):
            self.part.write_text("half")
            raise MlflowException("database or disk is full")

    monkeypatch.setattr(store, "MlflowClient", FullDisk)
    with pytest.raises(MlflowException, match="full"):
        store._create(tmp_path / "mlflow.db")
    assert list(tmp_path.iterdir()) == []


def test_a_user_without_a_name_is_a_number(monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert user_name() == str(os.getuid())


def test_a_finished_run_is_found_without_mlflow(tmp_path, monkeypatch):
    root = tmp_path / "é b"
    root.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(root))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert finished_run("f") is None
    client, experiment_id = open_store()
    run_id = client.create_run(experiment_id, run_name="a", tags={FINGERPRINT: "f"}).info.run_id
    assert finished_run("f") is None
    client.set_terminated(run_id, "FINISHED")
    assert finished_run("f") == "a"
    assert finished_run("g") is None
    client.delete_run(run_id)
    assert finished_run("f") is None


def test_a_damaged_database_is_left_to_mlflow(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    own_database().parent.mkdir()
    own_database().write_bytes(b"no database" * 1000)
    assert finished_run("f") is None
