"""The networks that come with ferflow: the last run's, small enough to lie in Git, with its card.

`bundled` is a folder, which `features.backbone` names by its content, and an ONNX file beside it;
`small` is an ONNX file alone.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch

from ferflow.core.errors import FerflowError
from ferflow.core.files import atomic
from ferflow.core.params import load_params, load_seed, repository_root
from ferflow.core.paths import CLASSIFIER, PREPROCESSED
from ferflow.core.pipeline import Pipeline
from ferflow.core.split import Split, load_split
from ferflow.core.ties import read_twins_of
from ferflow.evaluation.outputs import predict, split_scores
from ferflow.evaluation.params import EvaluateParams
from ferflow.evaluation.summary import protocol_line
from ferflow.evaluation.without_twins import without_twins
from ferflow.images.seen import write_seen
from ferflow.recognition.export import export
from ferflow.recognition.export.int8 import to_int8
from ferflow.recognition.onnx_model import OnnxModel
from ferflow.recognition.recognizer import BUNDLED, SMALL
from ferflow.records.model_card import model_card
from ferflow.training.shared.classifier import Classifier, load_classifier, write_about

CARD = "README.md"
SMALL_CARD = repository_root() / "docs" / "small-card.md"
MAX_BYTES = 5_000_000
MOST_LOST = 0.003  # of accuracy on val, by 8 bits
_N_MEASURED = 512  # training images


def bundle_last_run(target: Path = BUNDLED, name: str = "bundled") -> int:
    """Make the last finished run's network the bundled model; returns its size in bytes.

    name : the preset that the card names. Weights are rounded to 16 bits, and the scores on the
    model card are those of the rounded network. The ONNX file beside the folder holds it in 8 bits,
    unless it loses by that; the card says so. Raises FerflowError if the last run's classifier is
    not a network on a backbone, saw the validation rows, or is too large.
    """
    from ferflow.training.families.network.backbones import BackboneClassifier
    from ferflow.training.families.network.files import save_network

    Pipeline().check_finished()
    classifier = load_classifier(CLASSIFIER)
    network = getattr(classifier.model, "network", None)
    if not isinstance(network, BackboneClassifier):
        raise FerflowError(
            "the last run's classifier is not a network on a backbone (architecture resnet or "
            "finetune). Run one first: ferflow use bundled --set data.path=..., dvc repro."
        )
    if classifier.meta["trained_on"] != ["train"]:
        raise FerflowError("the bundled model must not be trained on validation rows.")
    with atomic(target) as part:
        part.mkdir()
        save_network(classifier.model, part, torch.float16)
        write_about(part, classifier)
        train = _images("train")
        write_seen(part, train.x)
        size = sum(file.stat().st_size for file in part.iterdir())
        if name == "bundled":
            _check_size(size)
        file = target.with_suffix(".onnx")
        export(part, file)
        done = shrink(file, train, _images("val"))
        card = _card(load_classifier(part), done, name)
        (part / CARD).write_text(card, encoding="utf-8", newline="\n")
    print(f"{file}: {done}")
    return size


def bundle_small(file: Path = SMALL, card: Path = SMALL_CARD) -> int:
    """Make the last finished run's network the small one: its ONNX file and its card.

    Returns the file's size in bytes; raises as `bundle_last_run`.
    """
    with TemporaryDirectory() as folder:
        made = Path(folder) / file.stem
        bundle_last_run(made, "small")
        _check_size(made.with_suffix(".onnx").stat().st_size)
        for source, target in ((made.with_suffix(".onnx"), file), (made / CARD, card)):
            with atomic(target) as part:
                shutil.copyfile(source, part)
    return file.stat().st_size


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise FerflowError(f"the model takes {size:,} bytes; {MAX_BYTES:,} are allowed in Git.")


def shrink(file: Path, train: Split, val: Split) -> str:
    """Replace an exported network by itself in 8 bits, unless it loses accuracy on val by that.

    train : images (n, 48, 48), on some of which the ranges of its maps are measured. Returns what
    was done.
    """
    exported = file.read_bytes()
    drawn = np.random.default_rng(0).choice(len(train), min(len(train), _N_MEASURED), replace=False)
    with atomic(file) as part:
        part.write_bytes(to_int8(exported, np.asarray(train.x[np.sort(drawn)])))
        before, after = (_accuracy(OnnxModel(each), val) for each in (file, part))
        kept = before - after < MOST_LOST
        if not kept:
            part.write_bytes(exported)
    return (
        f"accuracy on val {before:.4f} in float32 and {after:.4f} in 8 bits, which are "
        f"{'kept' if kept else 'not kept'}."
    )


def _accuracy(model: OnnxModel, rows: Split) -> float:
    return float((model(rows.x).argmax(axis=1) == rows.y).mean())


def _card(classifier: Classifier, done: str, name: str) -> str:
    """The model card, with scores of the classifier as it is bundled."""
    params, seed = load_params("evaluate", EvaluateParams), load_seed()
    frames = [predict(classifier, split, _images(split), params, seed) for split in ("val", "test")]
    predictions = pd.concat(frames, ignore_index=True)
    apart = without_twins(predictions, read_twins_of(PREPROCESSED / "twins.csv"))
    bins = params.calibration_bins
    scores = split_scores(predictions, bins) | split_scores(apart, bins)
    return model_card(classifier, scores, protocol_line(), done, name)


def _images(split: str) -> Split:
    return load_split(PREPROCESSED / f"{split}.safetensors")
