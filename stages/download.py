"""Stage 1: the images of all three splits, as they come from the source."""

from pathlib import Path

from ferflow.artifacts import save_split
from ferflow.data.sources import DataParams, describe, load_images
from ferflow.params import load_params, load_seed
from ferflow.stage import run_stage


def main(target: Path) -> None:
    splits = load_images(load_params("data", DataParams), load_seed())
    for name, split in splits.items():
        save_split(target / f"{name}.safetensors", split)
    print(describe(splits))


if __name__ == "__main__":
    run_stage(main)
