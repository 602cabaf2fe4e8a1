"""`ferflow clean`: gives back the room of what is old and needed by nothing.

It deletes checkpoints, whose trainings and searches then start from the beginning, and files of
DVC's cache that neither the workspace nor a branch, a tag, an experiment or a young commit names.
DVC itself tells which those are. Whatever is younger stays.
"""

import json
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ferflow.core.dvc_locks import refuse_while_dvc_runs
from ferflow.core.errors import FerflowError
from ferflow.core.locks import exclusive, lock_of
from ferflow.core.params import repository_root
from ferflow.core.paths import SCRATCH
from ferflow.runs.jobs import one_command

_DAY = 86400  # seconds


class _InUseError(Exception):
    """A training goes on in this folder."""


def clean(days: int, *, delete: bool) -> Iterator[str]:
    """Lines on what has not changed for this number of days; deleted if wanted.

    Raises FerflowError while DVC, an experiment in a copy, or `ferflow repeat` runs here.
    """
    refuse_while_dvc_runs()
    with one_command():
        _refuse_while_experiments_run()
        yield from _clean(days, delete=delete)


def _clean(days: int, *, delete: bool) -> Iterator[str]:
    before = time.time() - days * _DAY
    root = repository_root()
    scratch = root / SCRATCH
    total = 0
    with _unnamed_cache_files(root, days) as (unnamed, remark):
        for what, paths in (
            ("checkpoints of trainings", scratch.glob("training/*/")),
            ("checkpoints of the ant colony", scratch.glob("colony/colony-*.npz")),
            ("files of DVC's cache that nothing names", _without_young(unnamed, before)),
        ):
            sizes = [
                size
                for path in paths
                if (size := _give_back(path, before, delete=delete)) is not None
            ]
            total += sum(sizes)
            yield f"{what}: {len(sizes)}, {sum(sizes) / 1e6:.1f} MB"
    if remark:
        yield remark
    if delete:
        yield f"Deleted: {total / 1e6:.1f} MB."
    elif total:
        yield f"{total / 1e6:.1f} MB can be deleted: run it again with --yes."
    else:
        yield f"Nothing that could be deleted is older than {days} days."


def _give_back(path: Path, before: float, *, delete: bool) -> int | None:
    """The bytes of a file or folder that has not changed since; None where it is left alone."""
    files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
    if any(file.lstat().st_mtime >= before for file in files) or not files:
        return None
    size = sum(file.lstat().st_size for file in files)
    if path.is_file():
        if delete:
            path.unlink(missing_ok=True)
        return size
    with suppress(_InUseError), exclusive(lock_of(path), held=_InUseError()):
        if delete:
            shutil.rmtree(path)
        return size
    return None


def _without_young(unnamed: list[Path], before: float) -> list[Path]:
    """The files without those that a young folder holds; a folder's list is deleted before them."""
    lists = [path for path in unnamed if path.suffix == ".dir" and path.exists()]
    held = {
        item["md5"]
        for path in lists
        if path.lstat().st_mtime >= before
        for item in json.loads(path.read_bytes())
    }
    files = [path for path in unnamed if path.exists() and path.parent.name + path.name not in held]
    return sorted(files, key=lambda path: path.suffix != ".dir")


@contextmanager
def _unnamed_cache_files(root: Path, days: int) -> Iterator[tuple[list[Path], str]]:
    """The files of DVC's cache that nothing names, by `dvc gc`, and a remark; DVC waits meanwhile.

    A cache outside of the repository may be other clones', too: it is left alone.
    """
    from dvc.repo import Repo, lock_repo
    from dvc.scm import NoSCM

    with Repo(str(root)) as repo:
        cache = Path(repo.cache.local.path)
        if not cache.resolve().is_relative_to(root.resolve()):
            yield [], f"DVC's cache is {cache}, which other clones may share: left alone."
            return
        names: dict[str, Any] = {"workspace": True}
        if not isinstance(repo.scm, NoSCM):
            names |= dict.fromkeys(("all_branches", "all_tags", "all_experiments"), True)
            names["commit_date"] = (date.today() - timedelta(days=days)).isoformat()
        with lock_repo(repo), _told() as told:
            repo.gc(**names, dry=True, force=True)
            yield told, ""


class _Listener(logging.Handler):
    """Collects the paths that a dry `dvc gc` tells it would remove."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[Path] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple):
            self.paths += [Path(str(path)) for path in record.args]


@contextmanager
def _told() -> Iterator[list[Path]]:
    """What a dry `dvc gc` tells within the block."""
    listener = _Listener()
    logger = logging.getLogger("dvc_data.hashfile.gc")
    level, propagate = logger.level, logger.propagate
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # a line for each of thousands of files
    try:
        yield listener.paths
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
        logger.propagate = propagate


def _refuse_while_experiments_run() -> None:
    """FerflowError while an experiment runs in a copy: no commit names its files yet."""
    import psutil

    copies = (repository_root() / ".dvc/tmp/exps").resolve()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # another user's, or one that has just ended
            if Path(process.cwd()).is_relative_to(copies):
                raise FerflowError(
                    f"an experiment runs in a copy of this repository (process {process.pid}). "
                    "Wait until it has ended, then run the command again."
                )
