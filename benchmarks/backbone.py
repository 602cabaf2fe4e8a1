"""Images a second whose features a frozen backbone computes: by torch, and by ONNX Runtime.

usage: python -m benchmarks.backbone [PRESET] [--set features.backbone=FOLDER] [--turns 5]

Both ways compute the same drawn faces in turn, as the stage `extract_features` does. Printed are
medians over the turns, their ratio, and the largest difference of a feature.
"""

import argparse
import os
import statistics
import time

import numpy as np

from ferflow.download.sources import draw_data_set
from ferflow.features.extraction import extract_features, fastest, make_extractor
from ferflow.features.params import FeaturesParams
from ferflow.settings.presets import compose, parse_setting

N_IMAGES = 1024


def main() -> None:
    """Print three lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", nargs="?", default="mobilenet-aco-rf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    settings = {"data.source": "synthetic"} | dict(map(parse_setting, options.set))
    params = FeaturesParams.model_validate(dict(compose(options.preset, settings)["features"]))
    images = draw_data_set(2 * N_IMAGES, seed=0)["train"].x[:N_IMAGES]
    torch_s = make_extractor(params)
    onnx_s = fastest(torch_s, images)
    ways = {str(way.engine): way for way in (torch_s, onnx_s)}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    features = {name: extract_features(images, way) for name, way in ways.items()}
    for _ in range(options.turns):
        for name, way in ways.items():
            started = time.perf_counter()
            extract_features(images, way)
            rates[name].append(len(images) / (time.perf_counter() - started))
    print(f"{params.backbone} at {params.input_size} pixels, {os.cpu_count()} cores")
    first, *_, last = (statistics.median(found) for found in rates.values())
    for name, found in rates.items():
        print(f"{name:28}{statistics.median(found):8,.0f} images a second")
    one, *_, other = features.values()
    print(f"ratio {last / first:.2f}, largest difference {np.abs(one - other).max():.1e}")


if __name__ == "__main__":
    main()
