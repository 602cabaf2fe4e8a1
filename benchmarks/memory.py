"""Peak memory of the stage `train` on a set ten times FER-2013, mapped from disk.

    python -m benchmarks.memory [--rows 287090] [--network littlevgg] [--steps 200]

The stage itself runs, as a process of its own: fingerprint, scale, one epoch that is broken off
after so many batches, validation on an eighth of the rows, checkpoint, model. Its images are noise;
memory does not depend on what they show. A process' resident memory counts the pages of mapped
files that it has touched, which the kernel takes back when it needs them: both are printed, and
what is the process' own.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ferflow.core.masks import save_mask
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.core.split import Split, split_writer
from ferflow.images.size import SIDE
from ferflow.settings.presets import DEFAULTS

ROOT = Path(__file__).parents[1]
DRAWN_AT_ONCE = 4096
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
INPUTS = ("train.safetensors", "val.safetensors", "mask.npy", "twins.csv", "train_twins.csv")
OUTPUTS = ("classifier", "train.json", "training.csv", "search.csv")


def main() -> None:
    """Print the figures, or, as a child, run the stage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=287_090)
    parser.add_argument("--network", default="littlevgg")
    parser.add_argument("--steps", type=int, default=200, help="batches of 128")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_stage_for(options.steps)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_rows(folder / "train.safetensors", options.rows)
        write_rows(folder / "val.safetensors", options.rows // 8)
        save_mask(folder / "mask.npy", np.ones(SIDE * SIDE, dtype=bool))
        write_params(folder, options.network)
        started = time.perf_counter()
        words = ["-m", "benchmarks.memory", "--child", "--steps", str(options.steps)]
        resident, own = watch(words, folder, ROOT)
        seconds = time.perf_counter() - started
    megabytes = options.rows * SIDE * SIDE / 1e6
    print(f"{options.network}, {options.rows:,} rows ({megabytes:,.0f} MB), {seconds:.0f} s")
    print(f"peak resident memory {resident:,.0f} MB, mapped pages included; its own {own:,.0f} MB")


def write_rows(path: Path, n: int) -> None:
    """A split of noise, never all in memory."""
    rng = np.random.default_rng(0)
    names = np.array([f"image_{i:07d}" for i in range(n)])
    y = rng.integers(0, len(LABELS), n)
    rows = Split(np.empty((n, 0)), y, names, np.full(n, ""), LABELS)
    with split_writer(path, rows, (SIDE, SIDE), np.dtype(np.uint8)) as x:
        for start in range(0, n, DRAWN_AT_ONCE):
            part = x[start : start + DRAWN_AT_ONCE]
            part[...] = rng.integers(0, 256, part.shape, dtype=np.uint8)


def write_params(folder: Path, network: str) -> None:
    """The defaults with one epoch of a network; JSON is YAML."""
    params = read_yaml(DEFAULTS)
    params["train"]["family"] = "network"
    params["train"]["network"] |= {"architecture": network, "epochs": 1, "batch_size": 128}
    (folder / PARAMS_FILE).write_text(json.dumps(params))


def watch(words: list[str], folder: Path, build: Path) -> tuple[float, float]:
    """Run Python in the folder with a build's code; its peak resident memory and its own part, MB.

    words : the command line after the interpreter.
    """
    environment = os.environ | {"PYTHONPATH": str(build), "DVC_ROOT": str(folder)}
    resident = own = 0.0
    command = [sys.executable, *words]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=sys.stderr) as child:
        while child.poll() is None:
            status = Path(f"/proc/{child.pid}/status").read_text()
            resident, own = (
                max(resident, field(status, "VmHWM")),
                max(own, field(status, "RssAnon")),
            )
            time.sleep(0.02)
    if child.returncode:
        sys.exit("the stage failed; the reason stands above")
    return resident, own


def field(status: str, name: str) -> float:
    """An entry of /proc/PID/status in MB; 0 for a process that has just ended."""
    words = status.partition(f"{name}:")[2].split()
    return int(words[0]) * 1024 / 1e6 if words else 0.0


def run_stage_for(steps: int) -> None:
    """The stage in the current folder, its epoch broken off after so many batches."""
    from ferflow.training.families.network import loop
    from stages import train

    every_batch = loop.shuffled_batches
    loop.shuffled_batches = lambda *words: itertools.islice(every_batch(*words), steps)
    train.main(*map(Path, INPUTS + OUTPUTS))


if __name__ == "__main__":
    main()
