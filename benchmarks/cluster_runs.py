"""What Dask's workers gain `ferflow repeat`, and what Dask costs it.

usage: python -m benchmarks.cluster_runs [--seeds 4] [--times 1] [--set KEY=VALUE ...]

The quickstart with several seeds, its code the present commit's: one run after another in one
process of one thread, without Dask; on one worker of Dask of one thread; and on two, on 127.0.0.1.
Each run is the same work: the chain up to `evaluate`, and its record. Every way begins in a new
clone with an empty cache. Seconds are those from the first run's start to the last record, with
the check of the workers, their clones and what travels; schedulers and workers have started
before. A worker and the one process are each bound to one core (Linux): needs two idle cores. The
predictions on record are compared: they must be the same bytes.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cluster_fits import report
from benchmarks.local_cluster import local_cluster
from ferflow.core.cluster import connect
from ferflow.records.receive import receive_record, wanted
from ferflow.records.record import RunRecord
from ferflow.runs.cluster import record_there
from ferflow.runs.jobs import Job, repeat_jobs, write_params
from ferflow.runs.on_worker import RECORD
from ferflow.settings.presets import parse_setting, use

HERE = Path(__file__).parents[1]
WAYS = {"one process": 0, "one worker": 1, "two workers": 2}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def measure(n_seeds: int, settings: Sequence[str], times: int) -> dict[str, list[float]]:
    """Seconds of each way; the ways take turns. Raises AssertionError if predictions differ."""
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    results = set()
    for _ in range(times):
        for name, n_workers in WAYS.items():
            with _clone() as folder, chdir(folder), _cluster(n_workers) as address:
                use("quickstart", dict(parse_setting(text) for text in settings))
                jobs = repeat_jobs(n_seeds)
                started = time.perf_counter()
                made = record_there(address, jobs) if address else _record_here(jobs)
                seconds[name].append(time.perf_counter() - started)
            results.add(tuple(sorted((r.name, r.predictions_sha256) for r in made)))
            print(f"{name}: {seconds[name][-1]:.1f} s", flush=True)
    assert len(results) == 1, "predictions differ"
    return seconds


@contextmanager
def _clone() -> Iterator[Path]:
    """A new clone of the present commit, with nothing in DVC's cache."""
    with TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(HERE), str(clone)], check=True)
        yield clone


@contextmanager
def _cluster(n_workers: int) -> Iterator[str | None]:
    """The address of a scheduler whose workers have a core each; None without workers."""
    if n_workers == 0:
        yield None
        return
    with local_cluster(n_workers) as address:
        with connect(address) as client:
            for core, worker in enumerate(client.scheduler_info(n_workers=-1)["workers"]):
                # as a task: its thread is bound, and what that starts
                bound = client.submit(os.sched_setaffinity, 0, {core}, workers=[worker], pure=False)
                bound.result()
        yield address


def _record_here(jobs: list[Job]) -> list[RunRecord]:
    """The work of the workers, one run after another, on the first core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    made = []
    for job in jobs:
        write_params(job.text)
        with TemporaryDirectory() as name:
            command = [
                sys.executable,
                "-m",
                "ferflow.runs.on_worker",
                RECORD,
                name,
                str(os.getpid()),
            ]
            subprocess.run(command, check=True, stdout=sys.stderr)
            files = [Path(name, f"{RECORD}.{end}").read_bytes() for end in ("json", "parquet")]
        made.append(receive_record(files[0], files[1], wanted(job.params)))
    os.sched_setaffinity(0, before)
    return made


def main(words: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--times", type=int, default=1, help="in each way")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    o = parser.parse_args(words)
    os.environ |= ONE_THREAD  # of this process's children: runs and workers
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    print(report(measure(o.seeds, o.set, o.times)))


if __name__ == "__main__":
    main()
