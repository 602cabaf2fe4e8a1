"""Images a second of our training loop beside a plain PyTorch loop, or beside an older build.

    python -m benchmarks.train [NETWORK ...] [--seconds 20]
    python -m benchmarks.train --older CLONE [PRESET ...] [--seconds 20] [--turns 6]

Beside a plain float32 loop: both train the same network with the same optimiser on the same drawn
faces, augmentation left out. Ours computes in bfloat16 where the processor can, with channels last.
The two take turns, so that other work on the machine hits both; the ratio of their best turns
counts.

Beside an older build, such as `git worktree add ../old 66fa380`: each build trains by its own
preset, batch size, optimiser and augmentation included, and they take turns, a process each. One
virtual environment serves both: PYTHONPATH names the clone whose code runs. Printed are medians
over the turns and their ratio.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ferflow.backbones.devices import pick_dtype
from ferflow.core import system
from ferflow.core.params import pick_section, read_yaml
from ferflow.core.split import Split
from ferflow.images.size import SIDE
from ferflow.settings.presets import DEFAULTS
from ferflow.training.families.network import Params, build_network
from ferflow.training.families.network.batches import Scale
from ferflow.training.families.network.loop import Training
from ferflow.training.shared.fitting import TrainingData

NETWORKS = ("littlevgg", "fernet", "sepconv", "allconv", "widekernel", "resnet")
PRESETS = (*NETWORKS[:-1], "teacher")  # a preset that has teachers itself cannot be tried alone
BATCH, TURNS = 128, 3
BATCHES = 8  # of an epoch by a preset; after each the weights are kept
CPU = torch.device("cpu")


def main() -> None:
    """Print a line per network, or per preset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="networks, or with --older presets")
    parser.add_argument("--seconds", type=float, default=20, help="of every turn, about")
    parser.add_argument("--older", type=Path, help="a clone of an older build")
    parser.add_argument("--turns", type=int, default=6, help="with --older")
    parser.add_argument("--rate", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rate:
        if hasattr(system, "hold_memory"):  # as the stage `train` does; older builds have none
            system.hold_memory()
        print(rate(options.names[0], options.seconds))
    elif options.older:
        beside(options.older.resolve(), options.names or PRESETS, options.seconds, options.turns)
    else:
        beside_plain(options.names or NETWORKS, options.seconds)


def beside(older: Path, presets: Sequence[str], seconds: float, turns: int) -> None:
    """Print the images a second of this build and of an older one, a line per preset."""
    clones = {"this": Path(__file__).parents[1], "older": older}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {turns} turns")
    print(f"{'preset':12}{'this':>10}{'older':>10}{'ratio':>10}   (images a second)")
    for preset in presets:
        found: dict[str, list[float]] = {name: [] for name in clones}
        for _ in range(turns):
            for name, root in clones.items():
                command = [sys.executable, __file__, "--rate", preset, f"--seconds={seconds}"]
                variables = os.environ | {"PYTHONPATH": str(root)}
                done = subprocess.run(
                    command, cwd=root, env=variables, check=True, stdout=subprocess.PIPE, text=True
                )
                found[name].append(float(done.stdout.split()[-1]))
        this, other = (statistics.median(rates) for rates in found.values())
        print(f"{preset:12}{this:10.0f}{other:10.0f}{this / other:10.2f}", flush=True)


def rate(preset: str, seconds: float) -> float:
    """Images a second of the preset in the working folder, by the code on PYTHONPATH."""
    section = read_yaml(DEFAULTS)["train"]["network"]
    section |= read_yaml(Path(f"presets/{preset}.yaml"))["params"]["train"]["network"]
    section |= {"epochs": 1_000_000, "patience": None}
    training = make_training(section, BATCHES)
    training.run_epoch()
    n, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        training.run_epoch()
        n += BATCHES * int(section["batch_size"])
    return n / (time.perf_counter() - started)


def beside_plain(networks: Sequence[str], seconds: float) -> None:
    """Print the images a second of a plain loop and of ours, a line per network."""
    dtype = str(pick_dtype("auto", CPU)).removeprefix("torch.")
    print(f"{torch.get_num_threads()} threads, ours in {dtype}, batches of {BATCH}")
    print("network      plain float32     ours   ratio   (images a second)")
    for name in networks:
        plain, ours = compare(name, seconds)
        print(f"{name:<12}{plain:14.0f}{ours:9.0f}{ours / plain:8.1f}", flush=True)


def compare(name: str, seconds: float) -> tuple[float, float]:
    """Images a second of the plain loop and of ours, the best of several turns each."""
    loops = {"plain": plain_loop(name), "ours": our_loop(name)}
    best = dict.fromkeys(loops, 0.0)
    for _ in range(TURNS):
        for way, run_batches in loops.items():
            n = max(1, round(seconds / seconds_of(run_batches, 1)))
            best[way] = max(best[way], n * BATCH / seconds_of(run_batches, n))
    return best["plain"], best["ours"]


def seconds_of(run_batches: Callable[[int], None], n: int) -> float:
    started = time.perf_counter()
    run_batches(n)
    return time.perf_counter() - started


def drawn_rows(n: int) -> Split:
    """Noise in the shape of faces: how long a batch takes does not depend on what it shows."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, SIDE * SIDE), dtype=np.uint8)
    names = np.full(n, "")
    return Split(x, rng.integers(0, 7, n), names, names, tuple("abcdefg"))


def our_loop(name: str) -> Callable[[int], None]:
    """Epochs of one batch by `ferflow.training.families.network`."""
    section = read_yaml(DEFAULTS)["train"]["network"]
    section |= {"architecture": name, "augmentation": [], "schedule": "constant"}
    section |= {"batch_size": BATCH, "epochs": 1_000_000}
    training = make_training(section, 1)

    def run(n: int) -> None:
        for _ in range(n):
            training.run_epoch()

    return run


def make_training(section: dict[str, Any], n_batches: int) -> Training:
    """Training by the section `train.network`, of so many batches an epoch."""
    params = pick_section({"network": section}, "network", Params)
    return Training(
        build_network(params.architecture, 7, params.options),
        TrainingData(drawn_rows(n_batches * params.batch_size)),
        params,
        seed=0,
        scale=Scale(),
        device=CPU,
        dtype=pick_dtype("auto", CPU),
    )


def plain_loop(name: str) -> Callable[[int], None]:
    """What a tutorial would write."""
    network = build_network(name, 7, {}).train()
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, nesterov=True)
    rows = drawn_rows(BATCH)

    def run(n: int) -> None:
        for _ in range(n):
            x = torch.from_numpy(np.array(rows.x)).view(-1, 1, SIDE, SIDE).float() / 255
            loss = nn.functional.cross_entropy(network(x), torch.from_numpy(rows.y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


if __name__ == "__main__":
    main()
