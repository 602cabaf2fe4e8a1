"""Seconds until a command that has nothing to do is done, in this clone and in another one.

usage: python -m benchmarks.startup OTHER_CLONE [--turns 5] [--commands import,help,use,dvc]

Start it in the root of this clone. The other one is an older build beside it, such as
`git worktree add ../old 16676a2`. In both, `dvc repro` must have run: what is then left to do is
nothing. The clones take turns, so that a busy machine is busy for both, and one virtual
environment serves both: PYTHONPATH names the clone whose code runs.

Processor seconds are those of the command and all that it started; wall seconds depend on what
else runs. Printed is the median of each over the turns, and this clone's share of the other's.
"""

import argparse
import os
import resource
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
COMMANDS = {
    "python": ["python -c pass"],  # what the interpreter takes by itself
    "import": ["python -c 'import ferflow'"],
    "help": ["ferflow --help"],
    "presets": ["ferflow presets"],
    "check": ["ferflow check"],
    "use": ["ferflow use quickstart"],
    "dvc": ["dvc repro"],
    # what `make repro` runs, without its look at .venv
    "make": ["ferflow check", "dvc repro", "ferflow track", "ferflow show"],
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--commands", default=",".join(COMMANDS))
    options = parser.parse_args()
    clones = {"this": HERE, "other": options.other.resolve()}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.turns} turns")
    print(f"{'':24}{'processor seconds':>30}{'wall seconds':>30}")
    print(f"{'':24}" + f"{'this':>10}{'other':>10}{'ratio':>10}" * 2)
    for name in options.commands.split(","):
        taken: dict[str, list[tuple[float, float]]] = {clone: [] for clone in clones}
        for turn in range(options.turns + 1):
            for clone, root in clones.items():
                seconds = run(COMMANDS[name], root)
                if turn:  # the first turn writes __pycache__ and fills the disk's cache
                    taken[clone].append(seconds)
        print(f"{label(name):24}" + line(taken, 0) + line(taken, 1), flush=True)


def label(name: str) -> str:
    """How a person calls the command."""
    return {"make": "make repro"}.get(name, COMMANDS[name][0])


def line(taken: dict[str, list[tuple[float, float]]], kind: int) -> str:
    """Medians of one kind of seconds, and their ratio."""
    this, other = (statistics.median(t[kind] for t in taken[clone]) for clone in taken)
    return f"{this:10.2f}{other:10.2f}{f'1/{other / this:.1f}':>10}"


def run(commands: list[str], root: Path) -> tuple[float, float]:
    """Processor and wall seconds of commands that run one after another in a clone."""
    bin_folder = Path(sys.executable).parent
    environment = os.environ | {
        "PYTHONPATH": str(root),
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for command in commands:
        done = subprocess.run(
            shlex.split(command),
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{command} in {root} failed:\n{done.stdout}{done.stderr}")
        if command == "dvc repro" and "Running stage" in done.stdout:
            sys.exit(f"{root} had something to do. It is done now: start again.")
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return processor, wall


if __name__ == "__main__":
    main()
