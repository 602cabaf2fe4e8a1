"""MLflow's database under the repository, as far as it can be read without MLflow."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from ferflow.core.errors import DataError, ParamError
from ferflow.core.params import repository_root

EXPERIMENT = "ferflow"
FOLDER = Path(".mlflow")
FINGERPRINT = "ferflow.fingerprint"  # the tag by which a run is found

_FINISHED = """
SELECT runs.name FROM runs
JOIN experiments ON experiments.experiment_id = runs.experiment_id
JOIN tags ON tags.run_uuid = runs.run_uuid
WHERE experiments.name = ? AND experiments.artifact_location = ?
AND tags.key = ? AND tags.value = ?
AND runs.status = 'FINISHED' AND runs.lifecycle_stage = 'active'
"""


def own_database() -> Path:
    """The database file, also when DVC runs in a temporary copy of the repository."""
    return repository_root().resolve() / FOLDER / "mlflow.db"


def store_file() -> Path | None:
    """The sqlite file that is the store, or None where a server is.

    A relative one counts from the repository: DVC's temporary copies of it are deleted. Raises
    ParamError where MLFLOW_TRACKING_URI names SQLite and no file.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return own_database()
    if not uri.startswith("sqlite:"):
        return None
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        name = make_url(uri).database
    except (ArgumentError, ValueError):
        name = None
    if name in (None, "", ":memory:"):
        raise ParamError(
            f"MLFLOW_TRACKING_URI must name a file where it begins with sqlite:, such as "
            f"sqlite:///runs.db or sqlite:////home/me/runs.db; got {uri!r}."
        )
    return repository_root().resolve() / str(name)


def writer_lock(file: Path) -> Path:
    """What a process holds while it fills runs of a database, or changes their places."""
    return file.with_name(f"{file.name}.writer")


def artifacts_uri(file: Path) -> str:
    """Where a database's runs keep files: beside it."""
    return (file.parent / "artifacts").as_uri()


def check_database(file: Path) -> None:
    """Raise DataError if the store's file is not a database; MLflow would retry for minutes."""
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            database.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):  # MLflow waits for it
            return
        raise DataError(
            f"{file} is not a database ({error}). Restore a copy of it. Or delete it: the next "
            "`ferflow track` makes a new one, without the older runs."
        ) from None


def finished_run(fingerprint: str) -> str | None:
    """The name of the finished run with this fingerprint in the repository's own database.

    None where there is none, or where only MLflow can tell: a database that is missing, damaged,
    of another version, or made in another place.
    """
    file = own_database()
    wanted = (EXPERIMENT, artifacts_uri(file), FINGERPRINT, fingerprint)
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            row = database.execute(_FINISHED, wanted).fetchone()
    except sqlite3.Error:
        return None
    return str(row[0]) if row else None
