"""What runs of a clone wrote, as md5 sums: two builds that print the same lines do the same work.

usage: python benchmarks/same_results.py CLONE PRESET[:KEY=VALUE,...] ... [--set KEY=VALUE ...]

Runs each preset in the clone, with `dvc repro`, and prints one line for every file and folder that
the chain makes: preset, path, md5. params.yaml of the clone is overwritten. For another build:

    git worktree add ../old 16676a2
    python benchmarks/same_results.py ../old svm littlevgg:train.network.epochs=2 \\
        --set data.path=/data/fer2013.zip > old.txt
    python benchmarks/same_results.py . svm littlevgg:train.network.epochs=2 \\
        --set data.path=/data/fer2013.zip > new.txt
    diff old.txt new.txt

One virtual environment serves both: PYTHONPATH names the clone whose code runs.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clone", type=Path)
    parser.add_argument("presets", nargs="+", metavar="preset")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    for text in options.presets:
        preset, _, own = text.partition(":")
        settings = [*options.set, *filter(None, own.split(","))]
        words = [word for setting in settings for word in ("--set", setting)]
        run(options.clone, "ferflow", "use", preset, *words)
        run(options.clone, "dvc", "repro", "evaluate")
        for path, md5 in made(options.clone / "dvc.lock"):
            print(text, path, md5, flush=True)


def run(clone: Path, *command: str) -> None:
    """Run a command with the clone's code; what it prints goes to the error stream."""
    environment = os.environ | {"PYTHONPATH": str(clone.resolve())}
    subprocess.run(command, cwd=clone, env=environment, stdout=sys.stderr, check=True)


def made(lock: Path) -> list[tuple[str, str]]:
    """Path and md5 of what the stages made, but for MLflow's mirror of it."""
    stages = YAML(typ="safe", pure=True).load(lock)["stages"]
    outs = [out for name, stage in stages.items() if name != "track" for out in stage["outs"]]
    return [(out["path"], out["md5"]) for out in outs]


if __name__ == "__main__":
    main()
