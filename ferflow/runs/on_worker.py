"""What a Dask worker does for `--cluster`: it says what it is, and runs the chain in its own clone.

Dask names the functions, the worker imports them from its own ferflow. What goes there and comes
back is text, numbers and bytes; no object of ours is unpickled on the way.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from threading import get_ident
from typing import Any

import ferflow
from ferflow.core.dvc_locks import delete_cut_off_locks
from ferflow.core.errors import FerflowError, one_line, printable
from ferflow.core.files import atomic
from ferflow.core.git import code_commit
from ferflow.core.params import PARAMS_FILE
from ferflow.core.paths import SCORES, TRAIN
from ferflow.core.pipeline import Pipeline
from ferflow.core.system import end_with_parent
from ferflow.runs.repro import own_python_first

RECORD, SCORED = "record", "scores"  # what comes home: a record's two files, or what a sweep reads
FINGERPRINT = "fingerprint"  # of the run, as text
_SHOWN = 15  # last lines of a run that failed
_LOOK = 2.0  # seconds between looks whether the run is still wanted
_ELSEWHERE = ("DVC_ROOT", "DVC_STAGE", "DASK_SCHEDULER_ADDRESS")  # not for the run


def about() -> dict[str, Any]:
    """The code and the versions that this process would run with, to be compared.

    code : fingerprint of ferflow's modules. commit : of the clone that they lie in, or 'none'.
    """
    from ferflow.records.machine import versions

    package = Path(ferflow.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package)
        if name.parts[0] != "repository":  # the stages, which a wheel has here
            digest.update(f"{name.as_posix()}\0".encode() + file.read_bytes())
    commit = code_commit(package.parent)
    return {"code": digest.hexdigest()[:16], "commit": commit, "versions": versions()}


def describe(paths: list[str]) -> dict[str, Any]:
    """`about`, the paths that cannot be read here, and whether Git is there."""
    unreadable = [path for path in paths if not _is_readable(Path(path).expanduser())]
    return about() | {"unreadable": unreadable, "git": shutil.which("git") is not None}


def differences(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """What two answers of `about` differ in, in words; [] if they are of the same version."""
    found = []
    if here["code"] != there["code"]:
        found.append(f"other code of ferflow (commit {there['commit']}, here {here['commit']})")
    for name in sorted(here["versions"].keys() | there["versions"].keys()):
        one, other = (side["versions"].get(name, "none") for side in (here, there))
        if one != other:
            found.append(f"{name} {other} (here {one})")
    return found


def run(bundle: bytes, order: dict[str, Any]) -> dict[str, Any]:
    """Run the chain in this worker's clone; {'files': name -> bytes} or {'failed': text}.

    bundle : of Git, with the commit. order : commit, prefix (the project's folder in its
    repository), text (of params.yaml), kind (`RECORD` or `SCORED`), about (of who asks), links
    (path in the clone -> where it lies, of data that is not in Git).
    The clones and DVC's cache lie in the worker's scratch folder, which ends with the worker.
    """
    from distributed import get_worker

    worker = get_worker()
    if other := differences(order["about"], about()):
        return {"failed": f"the worker {worker.address} has {'; '.join(other)}."}
    scratch = Path(worker.local_directory) / "ferflow"
    try:
        folder = _clone(scratch, bundle, order)
        with atomic(folder / PARAMS_FILE) as part:
            part.write_bytes(order["text"].encode())
        for name, place in order["links"].items():
            _link(folder / name, Path(place))
        with TemporaryDirectory(dir=scratch) as name:
            made = Path(name)
            if (said := _run_child(worker, folder, order["kind"], made)) is not None:
                return {"failed": f"on {worker.address}:\n{said}"}
            return {"files": {file.name: file.read_bytes() for file in made.iterdir()}}
    except (FerflowError, OSError) as error:
        return {"failed": f"on {worker.address}: {printable(str(error))}"}


def main() -> None:
    """In a clone: run the chain, and put what should come home into a folder.

    Without MLflow's address the stage `track` is left out: the clone's own store ends with it.
    """
    kind, target, parent = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    # and the stages with this process, in which DVC runs
    if end_with_parent() and os.getppid() != parent:
        sys.exit("error: the worker ended while this was starting.")
    delete_cut_off_locks()
    from dvc.cli import main as dvc

    if dvc(["repro", *([] if os.environ.get("MLFLOW_TRACKING_URI") else ["evaluate"])]):
        sys.exit(1)
    try:
        _take_home(kind, target)
    except FerflowError as error:
        sys.exit(printable(f"error: {error}"))


def _take_home(kind: str, target: Path) -> None:
    if kind == RECORD:
        from ferflow.records.record_run import record_run

        made = record_run()
        for ending in ("json", "parquet"):
            shutil.copyfile(made.file(ending), target / f"{RECORD}.{ending}")
        return
    for path in (SCORES, TRAIN):
        shutil.copyfile(path, target / path.name)
    (target / FINGERPRINT).write_text(Pipeline().lock_fingerprint(), encoding="utf-8", newline="\n")


def _is_readable(path: Path) -> bool:
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            with path.open("rb") as file:
                file.read(1)
    except OSError:
        return False
    return True


def _clone(scratch: Path, bundle: bytes, order: dict[str, Any]) -> Path:
    """The project in this thread's clone; DVC's cache is shared by all clones of the worker."""
    clone = scratch / f"{order['commit'][:12]}-{get_ident()}"
    if not clone.exists():
        with atomic(clone) as part:
            file = part.with_suffix(".bundle")
            file.write_bytes(bundle)
            try:
                _must("git", "clone", "--quiet", "--no-checkout", str(file), str(part))
            finally:
                file.unlink()
            _must("git", "checkout", "--quiet", "--detach", order["commit"], folder=part)
            cache = ("cache", "dir", "--local", str(scratch / "cache"))
            _must(sys.executable, "-m", "dvc", *cache, folder=part / order["prefix"])
    return Path(clone, order["prefix"])


def _link(name: Path, place: Path) -> None:
    """A path of params.yaml that counts from the repository leads to the same place in a clone.

    An earlier run's link may lead to another repository's data.
    """
    if name.is_symlink() or not name.exists():
        name.parent.mkdir(parents=True, exist_ok=True)
        name.unlink(missing_ok=True)
        name.symlink_to(place)


def _must(*command: str, folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=_environment())
    if done.returncode:
        words = one_line(done.stderr, None)
        raise FerflowError(f"{' '.join(command[:4])} failed: {words[-500:]}")


def _run_child(worker: Any, folder: Path, kind: str, made: Path) -> str | None:
    """Run `main` there until it ends or nobody waits for it; its last lines where it failed."""
    command = [sys.executable, "-m", "ferflow.runs.on_worker", kind, str(made), str(os.getpid())]
    key = worker.get_current_task()
    with TemporaryFile() as log:
        child = subprocess.Popen(
            command, cwd=folder, env=_environment(), stdout=log, stderr=subprocess.STDOUT
        )
        while child.poll() is None:
            if not _is_wanted(worker, key):
                child.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.wait(_LOOK)
        log.seek(0)
        lines = log.read().decode(errors="replace").splitlines()
    return printable("\n".join(lines[-_SHOWN:])) if child.returncode else None


def _is_wanted(worker: Any, key: Any) -> bool:
    """False once the scheduler took the task back: who asked has gone, or it runs elsewhere."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state not in ("cancelled", "resumed")


def _environment() -> dict[str, str]:
    """This worker's variables, with its own Python first, less what points elsewhere."""
    kept = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    return own_python_first(kept)


if __name__ == "__main__":
    main()
