"""Stage 7: fit the classifier."""

from pathlib import Path

from ferflow.artifacts import load_split
from ferflow.classifier import Classifier, save_classifier
from ferflow.families import family_module, load_family
from ferflow.masks import load_mask, select_columns
from ferflow.params import load_seed
from ferflow.stage import run_stage


def main(train: Path, mask_file: Path, target: Path) -> None:
    family, params = load_family()
    split, mask = load_split(train), load_mask(mask_file)
    x = select_columns(split.x, mask)
    print(f"{family}: fitting on {x.shape[0]:,} rows of {x.shape[1]:,} features")
    model = family_module(family).fit(x, split.y, params, load_seed())
    save_classifier(target, Classifier(family, model, mask, split.labels, split.meta))


if __name__ == "__main__":
    run_stage(main)
