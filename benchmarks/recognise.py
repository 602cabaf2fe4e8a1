"""The bundled network in this clone and in another one: one picture, and faces a second.

usage: python -m benchmarks.recognise OTHER_CLONE [--turns 3]

The other clone is an older build beside it, such as `git worktree add ../old 16676a2`. The clones
take turns, so that a busy machine is busy for both, and one virtual environment serves both:
PYTHONPATH names the clone whose code runs. Printed are medians over the turns, and this clone's
share of the other's: `ferflow predict` of one picture, the whole process, and faces a second that
are cut out already, on one processor core and on two.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parents[1]
PICTURE = HERE / "docs/faces.png"
SECONDS = 2.0  # of naming faces, a figure and turn
RATES = [(1, 1), (1, 2), (64, 1), (64, 2)]  # faces at once, cores


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    clones = {"this": HERE, "other": options.other.resolve()}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.turns} turns")
    print(f"{'':34}{'this':>10}{'other':>10}{'ratio':>10}")
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in clones}
    for turn in range(options.turns + 1):
        for name, root in clones.items():
            seconds = predict(root)
            if turn:  # the first turn writes __pycache__ and fills the disk's cache
                taken[name].append(seconds)
    for kind, what in enumerate(("processor seconds", "wall seconds")):
        line(f"one picture, {what}", {k: [t[kind] for t in v] for k, v in taken.items()})
    for size, cores in RATES:
        found: dict[str, list[float]] = {name: [] for name in clones}
        for _ in range(options.turns):
            for name, root in clones.items():
                found[name].append(float(run(root, size, cores)))
        line(f"faces a second, {size} at once, {cores} core{'s' if cores > 1 else ''}", found)


def line(what: str, found: dict[str, list[float]]) -> None:
    """A row with the medians and their ratio."""
    this, other = (statistics.median(found[name]) for name in ("this", "other"))
    print(f"{what:34}{this:10,.2f}{other:10,.2f}{this / other:10.2f}", flush=True)


def predict(root: Path) -> tuple[float, float]:
    """Seconds of the processor and of the clock for one picture."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "ferflow", "predict", str(PICTURE)]
    subprocess.run(command, cwd=root, env=environment(root), check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.perf_counter() - started


def run(root: Path, size: int, cores: int) -> str:
    """What `name_faces` prints in a process with a clone's code."""
    command = [sys.executable, __file__, "--name-faces", str(size), str(cores)]
    done = subprocess.run(
        command, cwd=root, env=environment(root), check=True, capture_output=True, text=True
    )
    return done.stdout


def environment(root: Path) -> dict[str, str]:
    """Variables with which a clone's code runs."""
    return os.environ | {"PYTHONPATH": str(root)}


def name_faces(size: int, cores: int) -> None:
    """Print how many faces a second the bundled network names, `size` of them at once."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from ferflow.recognition.recognizer import Recognizer

    classify = Recognizer.bundled().classifier
    faces = np.random.default_rng(0).integers(0, 256, (size, 48, 48), dtype=np.uint8)
    for _ in range(3):
        classify(faces)
    n_done, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        classify(faces)
        n_done += size
    print(n_done / (time.perf_counter() - started))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--name-faces"]:
        name_faces(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
