"""Where MLflow keeps runs: a database under the repository, made safely, or the user's server."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from ferflow.core.errors import FerflowError, one_line
from ferflow.core.files import atomic
from ferflow.core.locks import exclusive, lock_of
from ferflow.tracking.database import (
    EXPERIMENT,
    artifacts_uri,
    check_database,
    own_database,
    store_file,
    writer_lock,
)
from ferflow.tracking.headline import ACCURACY_VAL, FIGURES, GROUP, SECONDS
from ferflow.tracking.reach import check_server, names_database

ARTIFACT_ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"  # as `mlflow server` reads it
_LOCK = 2013  # any number that nobody else takes in this database
_VIEW = "at-a-glance"
_VIEW_TAG = f"mlflow.sharedViewState.{_VIEW}"  # MLflow keeps what is saved under `Views` so


def runs_page(experiment_id: str) -> str:
    """Where MLflow's server shows the runs, behind its address, in the view for model training.

    The server of MLflow 3.17 opens the one for language models, whatever tags the experiment has:
    the address alone tells it. The saved view shows the headline figures, the best on val first.
    """
    query = f"workflowType=machine_learning&viewStateShareKey={_VIEW}"
    return f"/#/experiments/{experiment_id}/runs?{query}"


def experiment_tags() -> dict[str, str]:
    """What MLflow's pages read of an experiment: its kind, its description, a saved view."""
    state = {
        "orderByKey": f"metrics.`{ACCURACY_VAL}`",
        "orderByAsc": False,
        "selectedColumns": [
            "attributes.`Duration`",
            *(f"metrics.`{name}`" for name in (*FIGURES, SECONDS)),
        ],
    }
    view = {"name": "At a glance", "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)}
    return {
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.note.content": (
            "Runs of ferflow, one for each state of the pipeline. The figures to compare are in "
            f"the group `{GROUP}`; `Views`, at the top, has them as columns. Repeats and sweeps "
            "lie below a run of their own, with the summary."
        ),
        _VIEW_TAG: json.dumps(view),
    }


def open_store() -> tuple[MlflowClient, str]:
    """A client, and the id of the experiment `ferflow` in its store.

    MLFLOW_TRACKING_URI wins over the repository's own database, which lies in the real
    repository also when DVC runs in a temporary copy of it.
    """
    file = store_file()
    if file is None:
        client = _client(os.environ["MLFLOW_TRACKING_URI"])
        return client, _experiment(client, os.environ.get(ARTIFACT_ROOT))
    with exclusive(lock_of(file)):  # two processes that create it at once crash
        if not file.exists():
            _create(file)
        check_database(file)
        client = MlflowClient(database_uri(file))
        experiment_id = _experiment(client, artifacts_uri(file))
    if file == own_database():
        location = client.get_experiment(experiment_id).artifact_location
        if location != artifacts_uri(file):
            raise FerflowError(
                f"{file.parent} was made for runs in {location}: the repository was moved or "
                "copied, and MLflow stores full paths. Put them right: ferflow store move"
            )
    return client, experiment_id


@contextmanager
def one_writer() -> Iterator[None]:
    """Fill runs for the block's length, alone where the store is a database file.

    Two that look for a run at once would both create it. What MLflow raises is a FerflowError.
    """
    file = store_file()
    with told("written"), nullcontext() if file is None else exclusive(writer_lock(file)):
        yield


@contextmanager
def told(what: str) -> Iterator[None]:
    """FerflowError for what MLflow raises in the block; its store cannot be read, or written."""
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FerflowError(f"MLflow's store cannot be {what} ({one_line(reason)}).") from None


def database_uri(file: Path) -> str:
    """The address of a store's database file."""
    return f"sqlite:///{file}"


def _client(uri: str) -> MlflowClient:
    """A client of the server or the database that the user names, once it is known to answer."""
    check_server(uri)
    with _first_use(uri) if names_database(uri) else nullcontext():
        return MlflowClient(uri)


@contextmanager
def _first_use(uri: str) -> Iterator[None]:
    """One process at a time, in PostgreSQL: of two that make an empty database's tables, one fails.

    Raises FerflowError where a database refuses: MLflow would ask it again for minutes.
    """
    try:
        connection = create_engine(uri).connect()
    except ModuleNotFoundError as error:
        raise FerflowError(
            f"the database that MLFLOW_TRACKING_URI names needs the Python package {error.name}, "
            "which is not installed. For PostgreSQL: pip install 'ferflow[cluster]'"
        ) from None
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[-1].strip()
        raise FerflowError(
            f"the database that MLFLOW_TRACKING_URI names refuses ({reason}). Correct its name, "
            "user or password."
        ) from None
    with connection:  # the lock ends with the transaction
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        yield


def _experiment(client: MlflowClient, artifacts: str | None) -> str:
    """The id of the experiment, which is made where there is none, with the tags that it lacks.

    artifacts : where its runs keep files. A server of MLflow knows a place itself; a database
    does not, and MLflow would take a folder of the clone that happens to be the first.
    """
    if (found := client.get_experiment_by_name(EXPERIMENT)) is None:
        if artifacts is None and names_database(client.tracking_uri):
            raise FerflowError(
                "MLFLOW_TRACKING_URI names a database, which has no place for the files of runs. "
                f"Name one that all clones reach: export {ARTIFACT_ROOT}=/shared/mlflow (or an "
                "address such as s3://bucket/mlflow), or start `mlflow server` on the database "
                "and name its address."
            )
        try:
            return str(client.create_experiment(EXPERIMENT, artifacts, tags=experiment_tags()))
        except MlflowException:  # on a server another process may have been first
            if (found := client.get_experiment_by_name(EXPERIMENT)) is None:
                raise
    for key, value in experiment_tags().items():
        if key not in found.tags:
            client.set_experiment_tag(found.experiment_id, key, value)
    return str(found.experiment_id)


def _create(file: Path) -> None:
    """Make the database under another name first: one that is cut off half-made never opens."""
    with atomic(file) as part:
        MlflowClient(database_uri(part)).create_experiment(
            EXPERIMENT, artifacts_uri(file), tags=experiment_tags()
        )
