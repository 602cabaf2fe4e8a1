"""A network's answers to its training images, for other networks to learn from."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from ferflow.core.errors import FerflowError
from ferflow.core.paths import CLASSIFIER, PREPROCESSED
from ferflow.core.split import load_split
from ferflow.evaluation.tta import tta_proba
from ferflow.training.families.network.answers import save_answers
from ferflow.training.shared.classifier import load_classifier
from ferflow.training.shared.fitting import check_labels

_AT_ONCE = 2048  # images


def write_train_answers(target: Path, model: Path | None = None) -> int:
    """Write the mean answers to each image of train and its mirror image; how many images.

    model : a folder that `train` wrote; None for the last run's.
    Raises FerflowError where it takes other things than images, was trained on val rows or has
    other classes, and what loading raises.
    """
    folder = model or CLASSIFIER
    classifier, split = (
        load_classifier(folder, fast=True),
        load_split(PREPROCESSED / "train.safetensors"),
    )
    if "features" in classifier.meta:
        method = classifier.meta["features"]["method"]
        raise FerflowError(f"{folder} takes {method} features. Legal: a model that takes images.")
    if classifier.meta.get("trained_on", ["train"]) != ["train"]:
        raise FerflowError(
            f"{folder} was trained on val, too: who learns from its answers learns val's labels. "
            "Legal: a model trained with train.add_validation: false."
        )
    check_labels(split, classifier.labels, "train", str(folder))
    rows = split.take(split.original)
    parts = []
    with tqdm(total=len(rows), unit="image", disable=None) as bar:
        for start in range(0, len(rows), _AT_ONCE):
            images = np.asarray(rows.x[start : start + _AT_ONCE])
            parts.append(tta_proba(classifier, images, "flip", policy=[], n=1, seed=0))
            bar.update(len(images))
    save_answers(target, rows.source_id.tolist(), np.concatenate(parts), rows.labels)
    return len(rows)
