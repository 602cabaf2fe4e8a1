"""`ferflow cluster check`: whether each worker of a Dask cluster can run these jobs as here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferflow.core.costs import find_costs
from ferflow.core.errors import FerflowError
from ferflow.core.params import PARAMS_FILE, flatten, read_yaml
from ferflow.core.pipeline import STAGES, Pipeline
from ferflow.records.record import load_records
from ferflow.records.record_run import variant_of
from ferflow.runs.on_worker import about, describe, differences
from ferflow.settings.presets import PATHS

if TYPE_CHECKING:
    from distributed import Client

Params = dict[str, Any]


@dataclass(frozen=True)
class Worker:
    """A worker and what was found out about it.

    threads : tasks, so runs, at once. memory_mb : of all of them (10**6 bytes), by Dask's limit;
    None is no limit. faults : why it cannot run the jobs, in words; [] if it can.
    """

    address: str
    threads: int
    memory_mb: float | None
    commit: str
    faults: list[str]


def inspect(client: "Client", jobs: Sequence[Params]) -> list[Worker]:
    """Every worker, asked about its code, packages, data and memory for runs of these parameters.

    Raises FerflowError if there is no worker.
    """
    here, needed = about(), needed_mb(jobs)
    known = client.scheduler_info(n_workers=-1)["workers"]
    answers = client.run(describe, named_paths(jobs), on_error="return") if known else {}
    if not answers:
        raise FerflowError(
            "the scheduler has no workers. Start some, such as `dask worker ADDRESS --nthreads 1`, "
            "and wait until they have joined."
        )
    return [
        _judge(address, known.get(address, {}), answers[address], here, needed)
        for address in sorted(answers)
    ]


def check_workers(client: "Client", jobs: Sequence[Params]) -> list[Worker]:
    """`inspect`; FerflowError with a line for each worker that cannot run the jobs as here."""
    workers = inspect(client, jobs)
    refuse_unfit(workers)
    return workers


def refuse_unfit(workers: Sequence[Worker]) -> None:
    """FerflowError with a line for each worker that has faults."""
    unfit = [worker for worker in workers if worker.faults]
    if unfit:
        lines = [f"the worker {worker.address} has {'; '.join(worker.faults)}." for worker in unfit]
        raise FerflowError("\n".join([*lines, "Mend or stop it: nothing was run."]))


def named_paths(jobs: Sequence[Params]) -> list[str]:
    """The files and folders of this machine that the parameters name; others are names of a hub."""
    values: list[Any] = [flatten(params).get(key) for params in jobs for key in PATHS]
    words = [v for value in values for v in (value if isinstance(value, list) else [value])]
    found = {v for v in words if isinstance(v, str) and Path(v).expanduser().exists()}
    return sorted(str(Path(name).absolute()) if name[0] != "~" else name for name in found)


def needed_mb(jobs: Sequence[Params]) -> float | None:
    """The most memory that a stage of these runs took when it was timed, in MB; None if never.

    By the records of the preset, of the same variant where there are any, and by the last run.
    """
    records, peaks = load_records(), []
    for params in jobs:
        timed = [r for r in records if r.preset == params["preset"] and r.costs]
        alike = [record for record in timed if record.variant == variant_of(params)]
        for record in alike or timed:
            peaks += [cost.get("peak_memory_mb", 0.0) for cost in record.costs.values()]
    pipeline = Pipeline()
    if all(stage in pipeline.lock for stage in STAGES) and any(
        params["preset"] == read_yaml(PARAMS_FILE).get("preset") for params in jobs
    ):
        peaks += [cost["peak_memory_mb"] for cost in find_costs(pipeline).values()]
    return max(peaks, default=None)


def _judge(
    address: str, known: dict[str, Any], answer: Any, here: dict[str, Any], needed: float | None
) -> Worker:
    threads = int(known.get("nthreads", 1))
    memory = known.get("memory_limit") or None
    memory_mb = None if memory is None else memory / 1e6
    if not isinstance(answer, dict):  # an exception
        said = " ".join(str(answer).split())[:200]
        fault = f"no ferflow of this version ({type(answer).__name__}: {said})"
        return Worker(address, threads, memory_mb, "none", [fault])
    faults = differences(here, answer)
    faults += [f"no access to {path}" for path in answer["unreadable"]]
    faults += [] if answer["git"] else ["no Git"]
    if needed is not None and memory_mb is not None and memory_mb / threads < needed:
        faults.append(
            f"{memory_mb / threads:,.0f} MB of memory a run ({threads} at once), and a stage took "
            f"{needed:,.0f} MB: give it more (--memory-limit) or fewer --nthreads"
        )
    return Worker(address, threads, memory_mb, answer["commit"], faults)
