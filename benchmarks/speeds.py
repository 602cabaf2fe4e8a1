"""Milliseconds that each system takes for a face: docs/leaderboard_speeds.json.

    python -m benchmarks.speeds [--peers .ferflow/peers]

Presets' networks: random weights, float32, one thread; one face at a time, and 64 at once. They
take turns, so that other work on the machine hits all of them; the median turn counts. Packages of
`benchmarks/peers.py` follow in the same run: their own weights, engine and preparation of a face,
one thread, faces of noise. Run it on idle cores.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.peers import PEERS, PeerError, run
from ferflow.core.paths import SCRATCH
from ferflow.records.machine import hardware
from ferflow.score.images import Named
from ferflow.score.pixels import ImagesToScore
from ferflow.settings.network_sizes import N_CLASSES, network_sizes
from ferflow.training.families.network import build_network
from ferflow.training.families.network.batches import channels_last

TARGET = Path("docs/leaderboard_speeds.json")
TURNS, SECONDS = 3, 0.4
AT_ONCE = (1, 64)
N_FACES = 256  # of noise, for the packages


def main() -> None:
    """Measure all and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path, default=SCRATCH / "peers", help="their cache")
    cache = parser.parse_args().peers.absolute()
    torch.set_num_threads(1)
    networks: dict[str, nn.Module] = {}
    for size in network_sizes():
        network = channels_last(build_network(size.architecture, N_CLASSES, size.options)).eval()
        networks |= dict.fromkeys(size.presets, network)
    found: dict[str, dict[int, list[float]]] = {}
    for _ in tqdm(range(TURNS)):
        for name, network in networks.items():
            for n in AT_ONCE:
                times = found.setdefault(name, {}).setdefault(n, [])
                times.append(milliseconds(network, n))
    table = {
        name: {str(n): round(statistics.median(times), 3) for n, times in each.items()}
        for name, each in sorted(found.items())
    }
    table |= peers(cache)
    about = {"hardware": hardware(), "torch": torch.__version__, "load": os.getloadavg()[0]}
    content = about | {"milliseconds_a_face": table}
    TARGET.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for name, row in table.items():
        print(f"{name:24}" + "".join(f"{value:9.2f}" for value in row.values()))


def peers(cache: Path) -> dict[str, dict[str, float]]:
    """Package -> its milliseconds a face; a line for each that cannot run here."""
    faces = np.random.default_rng(0).integers(0, 256, (N_FACES, 48, 48), np.uint8)
    ids = [f"PrivateTest_{k}" for k in range(N_FACES)]
    images = ImagesToScore(faces, ids, Named("image", "file", np.arange(N_FACES), {}))
    found = {}
    for name, peer in PEERS.items():
        try:
            _, costs = run(name, peer, images, cache)
        except PeerError as error:
            print(f"{name}: cannot run here: {error}")
        else:
            found[name] = {"1": float(costs["ms_a_face"])}
    return found


@torch.inference_mode()
def milliseconds(network: nn.Module, n: int) -> float:
    """Of a face, by batches of n, over at least SECONDS."""
    x = torch.rand(n, 1, 48, 48).contiguous(memory_format=torch.channels_last)
    network(x)
    turns, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        network(x)
        turns += 1
    return (time.perf_counter() - started) / (turns * n) * 1000


if __name__ == "__main__":
    main()
