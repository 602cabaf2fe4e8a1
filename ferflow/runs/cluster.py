"""`--cluster`: runs as tasks of a Dask cluster, each in a clone of the same commit on a worker.

What is recorded is kept here as soon as it comes home. A task whose worker dies is run again on
another by Dask; where that fails too, or this command is killed, the same command continues.
"""

import uuid
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferflow.core.cluster import connect
from ferflow.core.errors import DataError, FerflowError, one_line
from ferflow.core.git import bundle, committed, is_committed
from ferflow.core.params import flatten, repository_root
from ferflow.records.receive import receive_record, wanted
from ferflow.records.record import RunRecord
from ferflow.runs.cluster_check import inspect, refuse_unfit
from ferflow.runs.on_worker import RECORD, about, run
from ferflow.settings.presets import PATHS, PRESETS

if TYPE_CHECKING:
    from distributed import Client

    from ferflow.runs.jobs import Job

_COMMITTED = (str(PRESETS), ".dvc/config", ".dvcignore")  # beside the code
_LOOK = 5.0  # seconds between looks whether a worker is left
_AGAIN = "What is recorded stays; the same command continues."

Files = dict[str, bytes]


def record_there(address: str, jobs: Sequence["Job"]) -> list[RunRecord]:
    """Run and record jobs on a cluster; the records in the order in which they came home.

    Raises FerflowError before anything runs if a worker does not fit, and at the end with a line
    for each run that failed; the others are recorded then.
    """
    made, faults = [], []
    expected = {job: wanted(job.params) for job in jobs}  # presets may be edited meanwhile
    for job, files in run_there(address, jobs, RECORD):
        try:
            if isinstance(files, FerflowError):
                raise files
            figures, answers = (_part(files, f"{RECORD}.{kind}") for kind in ("json", "parquet"))
            made.append(receive_record(figures, answers, expected[job]))
            print(f"{job.name}: recorded as {made[-1].name}", flush=True)
        except FerflowError as error:
            faults.append(f"{job.name}: {error}")
            print(faults[-1], flush=True)
    if faults:
        raise FerflowError(
            f"{len(faults)} of {len(jobs)} runs failed, see above. What was recorded stays; the "
            "same command runs those that are missing."
        )
    return made


def run_there(
    address: str, jobs: Sequence["Job"], kind: str
) -> Iterator[tuple["Job", Files | FerflowError]]:
    """Run jobs on a cluster; each with its files, or with what went wrong, as soon as it ends.

    kind : which files, as `ferflow.runs.on_worker` names them. Raises FerflowError if edits are not
    committed, no scheduler answers, a worker does not fit, or the scheduler is lost.
    """
    commit, prefix = committed(_COMMITTED)
    order = {"commit": commit, "prefix": prefix, "kind": kind, "about": about()}
    orders = [order | {"text": job.text, "links": links(job.params)} for job in jobs]
    with connect(address) as client:
        refuse_unfit(inspect(client, [job.params for job in jobs]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on the bundle's size
            # a task, so that Dask can make it again where the worker that held it has died
            packed = client.submit(bytes, bundle(), key=f"bundle-{uuid.uuid4().hex}")
            waiting = {
                client.submit(run, packed, one, key=f"ferflow-run-{uuid.uuid4().hex}"): job
                for one, job in zip(orders, jobs, strict=True)
            }
        while waiting:
            for future in _ended(client, list(waiting)):
                yield waiting.pop(future), _outcome(future)


def links(params: dict[str, Any]) -> dict[str, str]:
    """Path from the repository's root -> absolute path, of what params.yaml names and Git has not.

    Raises FerflowError for a path that leads out of the repository: clones lie elsewhere.
    """
    flat, found = flatten(params), {}
    for key in PATHS:
        value = flat.get(key)
        for name in value if isinstance(value, list) else [value]:
            if not isinstance(name, str) or name.startswith(("/", "~")):
                continue
            place = repository_root() / name
            if not place.exists() or is_committed(name):
                continue
            if ".." in Path(name).parts:
                raise FerflowError(
                    f"{key}: {name} leads out of the repository, so workers cannot find it. Set "
                    "its absolute path."
                )
            found[name] = str(place.absolute())
    return found


def _ended(client: "Client", futures: list[Any]) -> list[Any]:
    """The tasks that have ended, at least one; says once that no worker is left to run them."""
    from distributed import wait

    told = False
    while not (done := [future for future in futures if future.done()]):
        try:
            with client.as_current():  # ours is nobody's default
                wait(futures, timeout=_LOOK, return_when="FIRST_COMPLETED")
        except TimeoutError:
            if not told and not client.scheduler_info(n_workers=-1)["workers"]:
                print("no worker is left: waiting for one. Ctrl-C stops; records stay.", flush=True)
                told = True
        except Exception as error:  # Dask's CancelledError derives from Exception only
            if all(future.status == "pending" for future in futures):
                raise FerflowError(f"the scheduler is lost ({error}). {_AGAIN}") from None
    return done


def _outcome(future: Any) -> Files | FerflowError:
    if future.status == "cancelled":
        raise FerflowError(f"the scheduler is lost, or cancelled the runs. {_AGAIN}")
    try:
        answer = future.result()
    except Exception as fault:  # of the task, or of Dask, which then lost what it had
        text = one_line(fault, 500)
        if type(fault).__name__ == "KilledWorker":
            text = (
                "every worker that began it died, perhaps for want of memory: see "
                "`ferflow cluster check`"
            )
        return FerflowError(f"it failed on the cluster: {text}")
    if "files" not in answer:
        return FerflowError(str(answer.get("failed", answer)))
    return dict(answer["files"])


def _part(files: Files, name: str) -> bytes:
    content = files.get(name)
    if not isinstance(content, bytes):
        raise DataError(f"what came back lacks the file {name}.")
    return content
