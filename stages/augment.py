"""Stage 3: add changed copies of the training images."""

from pathlib import Path

from ferflow.augment.copies import augment_file
from ferflow.augment.params import AugmentParams
from ferflow.core.params import load_params, load_seed
from ferflow.core.split import load_split
from ferflow.core.stage import run_stage
from ferflow.images.sheets import draw_sheet


def main(source: Path, target: Path, sheet: Path) -> None:
    params = load_params("augment", AugmentParams)
    draw_sheet(augment_file(source, target, params, seed=load_seed()), sheet)
    split = load_split(target)
    print(f"train: {len(split):,} rows, {int(split.original.sum()):,} of them originals")


if __name__ == "__main__":
    run_stage(main)
