"""Images a second whose features a frozen backbone computes: by torch, and by ONNX Runtime.

usage: python -m benchmarks.backbone [PRESET] [--set features.backbone=FOLDER] [--turns 5]

Both ways compute the same drawn faces in turn, as the stage `extract_features` does. Printed are
medians over the turns, their ratio, and the largest difference of a feature.
"""

import argparse
import os
import statistics
import sys
import time

import numpy as np

from ferflow.download.sources import draw_data_set
from ferflow.features.extraction import extract_features, fastest, make_extractor
from ferflow.features.params import FeaturesParams
from ferflow.settings.presets import compose, parse_setting

N_IMAGES = 1024


def main() -> None:
    """Print a line for each way, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", nargs="?", default="mobilenet-aco-rf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    settings = {"data.source": "synthetic"} | dict(map(parse_setting, options.set))
    params = FeaturesParams.model_validate(dict(compose(options.preset, settings)["features"]))
    images = draw_data_set(2 * N_IMAGES, seed=0)["train"].x[:N_IMAGES]
    by_torch = make_extractor(params)
    by_onnx = fastest(by_torch, images)
    if by_onnx is by_torch:
        sys.exit("error: torch alone computes this backbone here; the reason stands above")
    ways = (by_torch, by_onnx)
    one, other = (extract_features(images, way) for way in ways)
    rates: list[list[float]] = [[], []]
    for _ in range(options.turns):
        for way, found in zip(ways, rates, strict=True):
            started = time.perf_counter()
            extract_features(images, way)
            found.append(len(images) / (time.perf_counter() - started))
    first, second = map(statistics.median, rates)
    print(f"{params.backbone} at {params.input_size} pixels, {os.cpu_count()} cores")
    for way, rate in zip(ways, (first, second), strict=True):
        print(f"{way.engine:28}{rate:8,.0f} images a second")
    print(f"ratio {second / first:.2f}, largest difference {np.abs(one - other).max():.1e}")


if __name__ == "__main__":
    main()
