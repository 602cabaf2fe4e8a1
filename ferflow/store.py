"""Where MLflow keeps runs: a database under the repository, made safely, or the user's server."""

import os
from pathlib import Path

from ferflow.errors import FerflowError
from ferflow.locks import exclusive
from ferflow.params import repository_root

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

from mlflow import MlflowClient

EXPERIMENT = "ferflow"
FOLDER = Path(".mlflow")


def open_store() -> tuple[MlflowClient, str]:
    """A client, and the id of the experiment `ferflow` in its store.

    MLFLOW_TRACKING_URI wins over the repository's own database, which lies in the real
    repository also when DVC runs in a temporary copy of it.
    """
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        return client, experiment.experiment_id if experiment else client.create_experiment(
            EXPERIMENT
        )
    folder = repository_root().resolve() / FOLDER
    with exclusive(folder):  # two processes that create it at once crash
        if not (folder / "mlflow.db").exists():
            _create(folder)
    client = MlflowClient(database_uri(folder))
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return client, client.create_experiment(EXPERIMENT, _artifacts(folder))
    if experiment.artifact_location != _artifacts(folder):
        raise FerflowError(
            f"{folder} was made for runs in {experiment.artifact_location}: the repository was "
            f"moved, and MLflow stores full paths. Delete {FOLDER}/ and run `ferflow track`."
        )
    return client, experiment.experiment_id


def database_uri(folder: Path) -> str:
    """The address of the database in a store's folder."""
    return f"sqlite:///{folder / 'mlflow.db'}"


def _create(folder: Path) -> None:
    """Make the database under another name first: one that is cut off half-made never opens."""
    part = folder / "mlflow.db.part"
    part.unlink(missing_ok=True)
    MlflowClient(f"sqlite:///{part}").create_experiment(EXPERIMENT, _artifacts(folder))
    part.rename(folder / "mlflow.db")


def _artifacts(folder: Path) -> str:
    return (folder / "artifacts").as_uri()
