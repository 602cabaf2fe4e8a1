"""A network's answers to its training images, for other networks to learn from."""

from pathlib import Path

from ferflow.core.errors import FerflowError
from ferflow.core.paths import CLASSIFIER, PREPROCESSED
from ferflow.core.split import load_split
from ferflow.evaluation.tta import tta_proba
from ferflow.training.families.network.answers import save_answers
from ferflow.training.shared.classifier import load_classifier
from ferflow.training.shared.fitting import check_labels


def write_train_answers(target: Path, model: Path | None = None) -> int:
    """Write the mean answers to each image of train and its mirror image; how many images.

    model : a folder that `train` wrote; None for the last run's.
    Raises FerflowError where it takes other things than images, was trained on val rows or has
    other classes, and what loading raises.
    """
    folder = model or CLASSIFIER
    classifier = load_classifier(folder, fast=True)
    split = load_split(PREPROCESSED / "train.safetensors")
    if "features" in classifier.meta:
        method = classifier.meta["features"]["method"]
        raise FerflowError(f"{folder} takes {method} features. Legal: a model that takes images.")
    if classifier.meta.get("trained_on", ["train"]) != ["train"]:
        raise FerflowError(
            f"{folder} was trained on val, too: its answers would teach a network val's labels. "
            "Legal: a model trained with train.add_validation: false."
        )
    check_labels(split, classifier.labels, "train", str(folder))
    rows = split.take(split.original)
    p = tta_proba(classifier, rows.x, "flip", policy=[], n=1, seed=0)
    save_answers(target, rows.source_id.tolist(), p, rows.labels)
    return len(rows)
