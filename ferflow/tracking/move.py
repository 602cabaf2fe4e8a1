"""`ferflow store move`: MLflow's store keeps its runs where the repository was moved or copied.

MLflow's database has the full paths of the runs' files. They are changed in one transaction of
SQLite: a command that is killed changes nothing, and one that is repeated finds nothing to do.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ferflow.core.errors import DataError, FerflowError
from ferflow.core.locks import exclusive
from ferflow.tracking.database import EXPERIMENT, artifacts_uri, store_file, writer_lock

# Where MLflow keeps places of files; older databases have not all of them.
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
_IS_BELOW = "substr({c}, 1, length(:old) + 1) = :old || '/'"
_UPDATE = f"update {{t}} set {{c}} = :new || substr({{c}}, length(:old) + 1) where {_IS_BELOW}"


def move_store() -> str:
    """Give the runs of the store the place where it lies now; returns a line that says what was.

    The store is the repository's, or the database that MLFLOW_TRACKING_URI names. Raises
    FerflowError where there is none, where it keeps its files elsewhere than beside it, or where
    another process has it open.
    """
    file = store_file()
    if file is None:
        raise FerflowError(
            "MLFLOW_TRACKING_URI names a server, and `ferflow store move` changes a database file. "
            "Unset it to move the repository's own store."
        )
    if not file.is_file():
        raise DataError(f"{file} is not here: there are no runs to move. `ferflow track` makes it.")
    with exclusive(writer_lock(file), held=_busy(file)):
        _refuse_if_open(file)
        return move_runs(file)


def move_runs(file: Path) -> str:
    """As `move_store`, of a database file that no other process has open."""
    try:
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as database:
            database.execute("begin exclusive")  # what is not committed is as it was
            said = _move(database, file)
            database.execute("commit")
            return said
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise _busy(file) from None
        raise DataError(f"{file} is not a store of MLflow that can be changed ({error}).") from None


def _busy(file: Path) -> FerflowError:
    return FerflowError(
        f"{file} is being written. Wait until it is done, then run the command again."
    )


def _move(database: sqlite3.Connection, file: Path) -> str:
    now = artifacts_uri(file)
    query = "select artifact_location from experiments where name = ?"
    found = database.execute(query, (EXPERIMENT,)).fetchone()
    if found is None:
        raise DataError(f"{file} has no experiment '{EXPERIMENT}': there are no runs to move.")
    before = str(found[0])
    if before == now:
        return f"Nothing to move: the runs in {file} have its place already."
    if not before.startswith("file://") or not before.endswith("/artifacts"):
        raise FerflowError(
            f"the runs in {file} keep their files in {before}, not in a folder beside it: there "
            "is nothing that `ferflow store move` could follow."
        )
    n_runs = 0
    for table, column in _present(database):
        update = _UPDATE.format(t=table, c=column)
        for old, new in _places(before, now):
            changed = database.execute(update, {"old": old, "new": new}).rowcount
            n_runs += changed if table == "runs" else 0
    return f"Runs moved: {n_runs}, from {before} to {now}."


def _places(before: str, now: str) -> Iterator[tuple[str, str]]:
    """(old, new) folders of the store, as URIs and as paths; of a repository, its root."""
    old, new = (uri.removesuffix("/artifacts") for uri in (before, now))
    if old.rpartition("/")[2] == new.rpartition("/")[2]:  # `.mlflow` both
        old, new = old.rpartition("/")[0], new.rpartition("/")[0]
    yield old, new
    yield _path(old), _path(new)


def _path(uri: str) -> str:
    return url2pathname(urlsplit(uri).path)


def _present(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for table, column in _COLUMNS:
        names = {row[1] for row in database.execute(f"pragma table_info({table})")}
        if column in names:
            yield table, column


def _refuse_if_open(file: Path) -> None:
    """FerflowError while another process, such as `mlflow ui`, has the database open.

    Processes of other users and other machines cannot be asked.
    """
    import psutil

    opened = str(file.resolve())
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # another user's, or one that has just ended
            if process.pid != os.getpid() and opened in {f.path for f in process.open_files()}:
                raise FerflowError(
                    f"{file} is open in process {process.pid} ({process.name()}), as in a running "
                    "`mlflow ui`. End it, then run the command again."
                )
