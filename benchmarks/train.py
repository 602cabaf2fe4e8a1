"""Images a second of our training loop, and of a plain float32 PyTorch loop, in one run.

    python -m benchmarks.train [NETWORK ...] [--seconds 20]

Both train the same network with the same optimiser on the same drawn faces, augmentation left out.
Ours computes in bfloat16 where the processor can, with channels last. The two take turns, so that
other work on the machine hits both; the ratio of their best turns counts.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from ferflow.backbones.devices import pick_dtype
from ferflow.core.params import pick_section, read_yaml
from ferflow.core.split import Split
from ferflow.images.size import SIDE
from ferflow.settings.presets import DEFAULTS
from ferflow.training.families.network import Params, build_network
from ferflow.training.families.network.batches import Scale
from ferflow.training.families.network.loop import Training
from ferflow.training.shared.fitting import TrainingData

NETWORKS = ("littlevgg", "fernet", "sepconv", "allconv", "widekernel", "resnet")
BATCH, TURNS = 128, 3
CPU = torch.device("cpu")


def main() -> None:
    """Print a line per network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--seconds", type=float, default=20, help="of every turn, about")
    options = parser.parse_args()
    dtype = str(pick_dtype("auto", CPU)).removeprefix("torch.")
    print(f"{torch.get_num_threads()} threads, ours in {dtype}, batches of {BATCH}")
    print("network      plain float32     ours   ratio   (images a second)")
    for name in options.networks:
        plain, ours = compare(name, options.seconds)
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
    params = pick_section({"network": section}, "network", Params)
    training = Training(
        build_network(name, 7, {}),
        TrainingData(drawn_rows(BATCH)),
        params,
        seed=0,
        scale=Scale(),
        device=CPU,
        dtype=pick_dtype("auto", CPU),
    )

    def run(n: int) -> None:
        for _ in range(n):
            training.run_epoch()

    return run


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
