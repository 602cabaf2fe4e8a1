"""Stage 1: the images of all three splits, as they come from the source."""

from pathlib import Path

from ferflow.artifacts import save_split
from ferflow.data.defects import no_defects, plant_defects
from ferflow.data.sources import DataParams, describe, load_images
from ferflow.params import load_params, load_seed
from ferflow.stage import run_stage
from ferflow.tables import write_table


def main(target: Path) -> None:
    params, seed = load_params("data", DataParams), load_seed()
    splits, defects = load_images(params, seed), no_defects()
    if params.source == "synthetic" and params.defects:
        splits, defects = plant_defects(splits, seed)
    for name, split in splits.items():
        save_split(target / f"{name}.safetensors", split)
    write_table(target / "defects.csv", defects)
    print(describe(splits))


if __name__ == "__main__":
    run_stage(main)
