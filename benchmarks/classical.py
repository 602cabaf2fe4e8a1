"""Seconds of a forest and an RBF machine with and without scikit-learn-intelex, on real features.

usage: python -m benchmarks.classical TRAIN VAL [--rows 6000] [--out FOLDER]

TRAIN and VAL are split files of `extract_features`, or of `preprocess` for pixels. Each
measurement is a process of its own, plain and accelerated one after the other, so that both meet
the same machine; on a busy one, the ratio of processor seconds (all cores together) tells more.
Without the package (pip install '.[fast]') only the plain ones are made. Both are scored on VAL: a
faster fit that decides otherwise would be no gain.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import peak_mb
from ferflow.core.acceleration import is_installed
from ferflow.core.params import read_yaml
from ferflow.core.split import Split, load_split
from ferflow.training.shared.family import family_module
from ferflow.training.shared.fitting import TrainingData

DEFAULTS = Path(__file__).parents[1] / "presets" / "defaults.yaml"
FAMILIES = ("random_forest", "svm")
WAYS = ("off", "on")


def main() -> None:
    """Print the table, or, as a child, measure one fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("train", type=Path, help="features of the training rows, .safetensors")
    parser.add_argument("val", type=Path, help="features of the validation rows, .safetensors")
    parser.add_argument("--rows", type=int, default=6000, help="training rows, drawn; 0 for all")
    parser.add_argument("--out", type=Path, help="a folder for classical.json")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.train, options.val, options.rows, *options.measure)))
        return
    ways = WAYS if is_installed() else WAYS[:1]
    results = {
        family: {way: in_new_process(options, family, way) for way in ways} for family in FAMILIES
    }
    about = {"rows": options.rows, "processor": platform.machine(), "cores": os.cpu_count()}
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"about": about, "results": results}, indent=2)
        (options.out / "classical.json").write_text(text + "\n", "utf-8")
    print(report(results))


def measure(train: Path, val: Path, n_rows: int, family: str, way: str) -> dict[str, Any]:
    """Seconds of the fit, peak memory (MB), accuracy and the decisions on val."""
    rows, others = flat(load_split(train)), flat(load_split(val))
    if 0 < n_rows < len(rows):
        drawn = np.random.default_rng(0).choice(len(rows), n_rows, replace=False)
        rows = rows.take(np.sort(drawn))
    module = family_module(family)
    params = module.Params.model_validate(read_yaml(DEFAULTS)["train"][family])
    rows = replace(rows, x=np.array(rows.x))  # read before the clock starts
    started, worked = time.perf_counter(), time.process_time()
    accelerate: Any = way
    model = module.fit(TrainingData(rows, accelerate=accelerate), params, seed=0).model
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    decided = module.predict_proba(model, others.x, len(rows.labels)).argmax(axis=1)
    return {
        "seconds": round(seconds, 2),
        "processor_seconds": round(worked, 2),
        "peak_mb": round(peak_mb()),
        "accuracy": round(float((decided == others.y).mean()), 4),
        "decided": decided.tolist(),
    }


def in_new_process(options: argparse.Namespace, family: str, way: str) -> dict[str, Any]:
    """What `measure` says in a process of its own."""
    words = [str(options.train), str(options.val), "--rows", str(options.rows)]
    command = [sys.executable, "-m", "benchmarks.classical", *words, "--measure", family, way]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(f"{family} {way}: done", file=sys.stderr, flush=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def report(results: dict[str, dict[str, dict[str, Any]]]) -> str:
    """The table; takes the decisions out of the results."""
    lines = [
        f"{'family':<16}{'intelex':>8}{'seconds':>9}{'ratio':>7}{'processor s':>13}{'ratio':>7}"
    ]
    lines[0] += f"{'peak MB':>9}{'val acc.':>10}{'decide alike':>14}"
    for family, ways in results.items():
        plain = ways["off"]
        decisions = {way: result.pop("decided") for way, result in ways.items()}
        for way, result in ways.items():
            alike = np.mean(np.equal(decisions[way], decisions["off"]))
            lines.append(
                f"{family:<16}{way:>8}{result['seconds']:>9.1f}"
                f"{plain['seconds'] / result['seconds']:>7.1f}"
                f"{result['processor_seconds']:>13.1f}"
                f"{plain['processor_seconds'] / result['processor_seconds']:>7.1f}"
                f"{result['peak_mb']:>9,}{result['accuracy']:>10.4f}{alike:>14.3f}"
            )
    return "\n".join(lines)


def flat(split: Split) -> Split:
    return replace(split, x=split.x.reshape(len(split), -1))


if __name__ == "__main__":
    main()
