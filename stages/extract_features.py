"""Stage 4: turn the images of each split into features. Nothing is fitted here."""

from pathlib import Path

from ferflow.core.params import load_params
from ferflow.core.stage import run_stage
from ferflow.features.extraction import extract_files
from ferflow.features.params import FeaturesParams


def main(train: Path, val: Path, test: Path, target: Path) -> None:
    params = load_params("features", FeaturesParams)
    extract_files({"train": train, "val": val, "test": test}, target, params)


if __name__ == "__main__":
    run_stage(main)
