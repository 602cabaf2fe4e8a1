"""Seconds and memory of each stage of a preset, this build beside an older clone.

    python -m benchmarks.preset --older CLONE [PRESET] [--set KEY=VALUE ...] [--turns 3]

    git worktree add ../old 16676a2
    python -m benchmarks.preset --older ../old mobilenet-aco-rf --set data.path=/data/fer2013.zip

The two builds run the whole chain up to `evaluate` in turn, every stage anew. A stage's seconds are
all that passes until the next one begins: Python's start, its work, and DVC's copy of what it made.
Printed are medians over the turns, and the largest memory of the stage's own process. In both
clones params.yaml, dvc.lock and what the chain makes are overwritten; their caches grow.

One virtual environment serves both: PYTHONPATH names the clone whose code runs.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

from ferflow.core.paths import SCRATCH
from ferflow.core.pipeline import STAGES

RUNNING = re.compile(r"Running stage '(\w+)'")
WHOLE = "whole"


def main() -> None:
    """Print a line per stage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", nargs="?", default="mobilenet-aco-rf")
    parser.add_argument("--older", type=Path, required=True, help="a clone of an older build")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    clones = {"this": Path(__file__).parents[1], "older": options.older.resolve()}
    print(f"{options.preset}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    for clone in clones.values():
        words = [word for setting in options.set for word in ("--set", setting)]
        command = ["ferflow", "use", options.preset, *words]
        subprocess.run(command, cwd=clone, env=with_code_of(clone), check=True, stdout=sys.stderr)
    turns: dict[str, list[dict[str, tuple[float, float]]]] = {name: [] for name in clones}
    for _ in range(options.turns):
        for name, clone in clones.items():
            turns[name].append(run(clone))
    print_table(turns)


def with_code_of(clone: Path) -> dict[str, str]:
    """The environment in which commands run the clone's code."""
    return os.environ | {"PYTHONPATH": str(clone)}


def run(clone: Path) -> dict[str, tuple[float, float]]:
    """Stage -> seconds and peak memory in MB of one run of the chain in a clone, and of the whole.

    What the run prints goes to the error stream.
    """
    command = ["dvc", "repro", "--force", "evaluate"]
    began = {"": time.perf_counter()}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=clone, env=with_code_of(clone), stdout=pipe, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            sys.stderr.write(line)
            if found := RUNNING.search(line):
                began[found[1]] = time.perf_counter()
    if child.returncode:
        sys.exit(f"the chain failed in {clone}; the reason stands above")
    times = [*began.values(), time.perf_counter()]
    seconds = dict(zip(began, (b - a for a, b in pairwise(times)), strict=True))
    memory = {stage: peak_memory(clone, stage) for stage in seconds if stage in STAGES}
    costs = {stage: (seconds[stage], memory[stage]) for stage in memory}
    return costs | {WHOLE: (times[-1] - times[0], max(memory.values()))}


def peak_memory(clone: Path, stage: str) -> float:
    """What the latest run of a stage says of itself, in MB."""
    files = (clone / SCRATCH / "costs").glob(f"{stage}-*.json")
    latest = max(files, key=lambda file: file.stat().st_mtime)
    return float(json.loads(latest.read_text(encoding="utf-8"))["peak_memory_mb"])


def print_table(turns: dict[str, list[dict[str, tuple[float, float]]]]) -> None:
    print(f"{'':18}{'older':>9}{'this':>9}{'ratio':>8}{'older':>10}{'this':>8}   (seconds; MB)")
    for stage in turns["this"][0]:
        (this, mb), (older, older_mb) = (
            (
                statistics.median(turn[stage][0] for turn in turns[name]),
                max(turn[stage][1] for turn in turns[name]),
            )
            for name in ("this", "older")
        )
        print(f"{stage:18}{older:9.1f}{this:9.1f}{older / this:8.2f}{older_mb:10,.0f}{mb:8,.0f}")


if __name__ == "__main__":
    main()
