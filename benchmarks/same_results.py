"""Whether two builds do the same work: md5 sums of everything that runs of presets wrote.

usage: python -m benchmarks.same_results run CLONE PRESET[:KEY=VALUE,...] ... [--set KEY=VALUE ...]
       python -m benchmarks.same_results adopt OLD_CLONE PRESET ...

`run` runs each preset in the clone by `dvc repro` and prints a line for every file and folder that
the chain makes: preset, path, md5. It overwrites params.yaml there. For two builds:

    git worktree add ../old 16676a2
    python -m benchmarks.same_results run ../old svm littlevgg:train.network.epochs=2 \\
        --set data.path=/data/fer2013.zip > old.txt
    python -m benchmarks.same_results run . svm littlevgg:train.network.epochs=2 \\
        --set data.path=/data/fer2013.zip > new.txt
    diff old.txt new.txt

`adopt` is for builds of which that was seen. Records of the presets that the old clone's code made,
and their mistakes, get the fingerprint of the code here into `same_code`, so they are not stale.

One virtual environment serves both: PYTHONPATH names the clone whose code runs.
"""

import argparse
import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

from ferflow.core.params import flatten, read_yaml
from ferflow.core.pipeline import Pipeline
from ferflow.core.yaml_text import parse_yaml
from ferflow.records.record import load_records, save_figures
from ferflow.settings.new_project import nested
from ferflow.settings.presets import DEFAULTS


def main() -> None:
    """Do what the first word says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "adopt"])
    parser.add_argument("clone", type=Path)
    parser.add_argument("presets", nargs="+", metavar="preset")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    if options.what == "adopt":
        for name in adopt(options.clone, options.presets):
            print(f"{name}: not stale")
        return
    for text in options.presets:
        preset, _, own = text.partition(":")
        settings = [*options.set, *filter(None, own.split(","))]
        words = [word for setting in settings for word in ("--set", setting)]
        run(options.clone, "ferflow", "use", preset, *words)
        run(options.clone, "dvc", "repro", "evaluate")
        for path, md5 in made((options.clone / "dvc.lock").read_text(encoding="utf-8")):
            print(text, path, md5, flush=True)


def run(clone: Path, *command: str) -> None:
    """Run a command with the clone's code; what it prints goes to the error stream."""
    environment = os.environ | {"PYTHONPATH": str(clone.resolve())}
    subprocess.run(command, cwd=clone, env=environment, stdout=sys.stderr, check=True)


def made(lock: str) -> list[tuple[str, str]]:
    """Path and md5 of what the stages made, by a dvc.lock's text; but for MLflow's mirror of it."""
    stages = parse_yaml(lock)["stages"]
    outs = [out for name, stage in stages.items() if name != "track" for out in stage["outs"]]
    return [(out["path"], out["md5"]) for out in outs]


def adopt(old: Path, presets: list[str]) -> list[str]:
    """The names of the records that the old clone's code made; the code here is theirs, too."""
    found, defaults = [], flatten(read_yaml(DEFAULTS))
    for record in load_records():
        if record.preset not in presets or not record.params:
            continue
        params = nested(defaults | record.params)
        with chdir(old):
            before = Pipeline(params).code_fingerprint()
        now = Pipeline(params).code_fingerprint()
        if record.is_of(before) and not record.is_of(now):
            save_figures(record.model_copy(update={"same_code": [*record.same_code, now]}))
            found.append(record.name)
    return found


if __name__ == "__main__":
    main()
