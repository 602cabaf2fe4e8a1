"""Stage 4: turn the images of each split into features. Nothing is fitted here."""

from pathlib import Path

from ferflow.core.params import load_params
from ferflow.core.split import load_split
from ferflow.core.stage import run_stage
from ferflow.features.extraction import extract_file
from ferflow.features.params import FeaturesParams


def main(train: Path, val: Path, test: Path, target: Path) -> None:
    params = load_params("features", FeaturesParams)
    for name, source in {"train": train, "val": val, "test": test}.items():
        extract_file(load_split(source), source, target / f"{name}.safetensors", params)


if __name__ == "__main__":
    run_stage(main)
