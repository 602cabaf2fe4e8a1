"""Stage 3: add changed copies of the training images."""

from pathlib import Path

from ferflow.artifacts import load_split
from ferflow.data.augment import augment_file
from ferflow.data.augment_params import AugmentParams
from ferflow.data.sheets import draw_sheet
from ferflow.params import load_params, load_seed
from ferflow.stage import run_stage


def main(source: Path, target: Path, sheet: Path) -> None:
    params = load_params("augment", AugmentParams)
    draw_sheet(augment_file(source, target, params, seed=load_seed()), sheet)
    split = load_split(target)
    print(f"train: {len(split):,} rows, {int(split.original.sum()):,} of them originals")


if __name__ == "__main__":
    run_stage(main)
