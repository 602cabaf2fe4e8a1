"""What Dask's workers gain a colony, and what Dask costs it.

usage: python -m benchmarks.cluster_fits [--times 3] [--rows 3000] [--features 5120] [--ants 60]

A colony scores its ants, a third of them in each of 3 iterations, by forests of 20 trees on numbers
drawn from a seed: in one process of one thread, on one worker of Dask, and on two, of one thread
each, on 127.0.0.1. Seconds are those of `fit`, the sending of the data included; schedulers and
workers have started before, and have each imported what a fit imports. Needs two idle cores. The
results are compared: they must be the same bytes.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from typing import Any

import numpy as np
from joblib import parallel_config
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from threadpoolctl import threadpool_limits

from benchmarks.local_cluster import local_cluster
from ferflow.aco import AntColonySelector
from ferflow.core.cluster import connect

N_CLASSES, N_ITERATIONS, N_TREES = 7, 3, 20
WANTED_GAIN, WANTED_OVERHEAD = 1.7, 0.10

Rows = tuple[NDArray[np.float32], NDArray[np.int64]]


def draw_rows(n: int, d: int) -> Rows:
    """x (n, d), y (n,): noise, in which a tenth of the features tell of the class."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, d)).astype(np.float32), np.arange(n) % N_CLASSES
    x[:, : d // 10] += 0.2 * rng.normal(size=(N_CLASSES, d // 10)).astype(np.float32)[y]
    return x, y


def fitted(rows: Rows, n_ants: int) -> tuple[float, bytes]:
    """The seconds of a fit, and its result as bytes."""
    x, y = rows
    half = 2 * len(y) // 3
    selector = AntColonySelector(
        RandomForestClassifier(N_TREES),
        n_features_to_select=0.5,
        n_ants=n_ants // N_ITERATIONS,
        n_iterations=N_ITERATIONS,
        racing=False,
        random_state=0,
    )
    started = time.perf_counter()
    selector.fit(x[:half], y[:half], X_val=x[half:], y_val=y[half:])
    seconds = time.perf_counter() - started
    return seconds, selector.support_.tobytes() + selector.ants_.tobytes()


def measure(rows: Rows, n_ants: int, times: int) -> dict[str, list[float]]:
    """Seconds of each way; the ways take turns. Raises AssertionError if results differ."""
    with ExitStack() as stack:
        ways: dict[str, Callable[[], Any]] = {"one process": nullcontext}
        for n, name in ((1, "one worker"), (2, "two workers")):
            client = stack.enter_context(connect(stack.enter_context(local_cluster(n))))
            ways[name] = lambda client=client: parallel_config(backend="dask", client=client)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        small = draw_rows(60, 20)
        results = set()
        for way in ways.values():
            with way():
                fitted(small, n_ants)  # imports
        for _ in range(times):
            for name, way in ways.items():
                with way():
                    taken, result = fitted(rows, n_ants)
                seconds[name].append(taken)
                results.add(result)
                print(f"{name}: {taken:.1f} s", flush=True)
    assert len(results) == 1, "results differ"
    return seconds


def report(seconds: dict[str, list[float]]) -> str:
    """The medians, and whether they are what is wanted."""
    alone, one, two = (statistics.median(taken) for taken in seconds.values())
    gain, overhead = alone / two, one / alone - 1
    return (
        "| way | seconds, median |\n|---|---|\n"
        f"| one process of one thread | {alone:.1f} |\n"
        f"| Dask, one worker of one thread | {one:.1f} |\n"
        f"| Dask, two workers of one thread | {two:.1f} |\n\n"
        f"two workers: {gain:.2f} times as fast as one process; wanted: {WANTED_GAIN} or more\n"
        f"one worker: {overhead:+.1%} seconds; wanted: {WANTED_OVERHEAD:+.0%} or less\n"
    )


def main(words: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=3, help="fits in each way")
    parser.add_argument("--rows", type=int, default=3000, help="two thirds of them fitted")
    parser.add_argument("--features", type=int, default=5120)
    parser.add_argument("--ants", type=int, default=60, help="of all iterations together, from 3")
    o = parser.parse_args(words)
    with threadpool_limits(1):
        print(report(measure(draw_rows(o.rows, o.features), o.ants, o.times)))


if __name__ == "__main__":
    main()
