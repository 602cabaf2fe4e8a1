"""Stage 3: add changed copies of the training images."""

from pathlib import Path

from ferflow.artifacts import load_split, pass_through, save_split
from ferflow.data.augment import AugmentParams, augment
from ferflow.params import load_params
from ferflow.stage import run_stage


def main(source: Path, target: Path) -> None:
    params = load_params("augment", AugmentParams)
    if not params.copies:
        pass_through(source, target)
        return
    split = augment(load_split(source), params)
    save_split(target, split)
    print(f"train: {len(split):,} rows, {int(split.original.sum()):,} of them originals")


if __name__ == "__main__":
    run_stage(main)
