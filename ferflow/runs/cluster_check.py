"""`ferflow cluster check`: whether each worker of a Dask cluster can run these jobs as here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferflow.core.costs import find_costs
from ferflow.core.errors import FerflowError, one_line
from ferflow.core.git import is_committed
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
class Member:
    """The scheduler or a worker, and what was found out about it.

    kind : 'scheduler' or 'worker'. threads : tasks, so runs, at once; 0 on a scheduler.
    memory_mb : of all of them (10**6 bytes), by Dask's limit; None is no limit. faults : why it
    cannot run the jobs, in words; [] if it can.
    """

    kind: str
    address: str
    commit: str
    faults: list[str]
    threads: int = 0
    memory_mb: float | None = None


def inspect(client: "Client", jobs: Sequence[Params]) -> list[Member]:
    """The scheduler, asked about its code and packages; each worker also about data and memory.

    jobs : the parameters of the runs. Raises FerflowError if there is no worker.
    """
    here, needed = about(), needed_mb(jobs)
    members = [_scheduler(client, here)]
    known = client.scheduler_info(n_workers=-1)["workers"]
    answers = client.run(describe, named_paths(jobs), on_error="return") if known else {}
    if not answers:
        raise FerflowError(
            "the scheduler has no workers. Start some, such as `dask worker ADDRESS --nthreads 1`, "
            "and wait until they have joined."
        )
    return members + [
        _worker(address, known.get(address, {}), answers[address], here, needed)
        for address in sorted(answers)
    ]


def refuse_unfit(members: Sequence[Member]) -> None:
    """FerflowError with a line for each member that has faults."""
    unfit = [member for member in members if member.faults]
    if unfit:
        lines = [f"the {m.kind} {m.address} has {'; '.join(m.faults)}." for m in unfit]
        lines.append("Nothing was run. Correct or stop these, then run the command again.")
        raise FerflowError("\n".join(lines))


def named_paths(jobs: Sequence[Params]) -> list[str]:
    """The files and folders of this machine that the parameters name, and no clone brings.

    Names that lead to nothing here are those of a hub.
    """
    values: list[Any] = [flatten(params).get(key) for params in jobs for key in PATHS]
    words = [v for value in values for v in (value if isinstance(value, list) else [value])]
    found = {v for v in words if isinstance(v, str) and Path(v).expanduser().exists()}
    found = {v for v in found if v.startswith(("/", "~")) or not is_committed(v)}
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


def _scheduler(client: "Client", here: dict[str, Any]) -> Member:
    """It unpickles the names of our functions, so it needs ferflow too."""
    address = str(client.scheduler.address)
    try:
        answer = client.run_on_scheduler(about)
    except Exception as error:  # whatever there is wrong over there
        return Member("scheduler", address, "none", [_no_ferflow(error)])
    return Member("scheduler", address, answer["commit"], differences(here, answer))


def _worker(
    address: str, known: dict[str, Any], answer: Any, here: dict[str, Any], needed: float | None
) -> Member:
    threads = int(known.get("nthreads", 1))
    memory_mb = known["memory_limit"] / 1e6 if known.get("memory_limit") else None
    if isinstance(answer, Exception):
        faults = [_no_ferflow(answer)]
        return Member("worker", address, "none", faults, threads, memory_mb)
    faults = differences(here, answer)
    faults += [f"no access to {path}" for path in answer["unreadable"]]
    faults += [] if answer["git"] else ["no Git"]
    if needed is not None and memory_mb is not None and memory_mb / threads < needed:
        faults.append(
            f"{memory_mb / threads:,.0f} MB of memory a run ({threads} at once), and a stage took "
            f"{needed:,.0f} MB: give it more (--memory-limit) or fewer --nthreads"
        )
    return Member("worker", address, answer["commit"], faults, threads, memory_mb)


def _no_ferflow(error: Exception) -> str:
    return f"no ferflow of this version ({type(error).__name__}: {one_line(error)})"
