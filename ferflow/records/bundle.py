"""The bundled model: the last run's network, small enough to lie in Git, with its model card.

Its ONNX file lies beside the folder: `features.backbone` names the folder, by its content.
"""

from pathlib import Path

import pandas as pd
import torch

from ferflow.core.errors import FerflowError
from ferflow.core.files import atomic
from ferflow.core.params import load_params, load_seed
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
from ferflow.recognition.recognizer import BUNDLED
from ferflow.records.model_card import model_card
from ferflow.training.shared.classifier import Classifier, load_classifier, write_about

CARD = "README.md"
MAX_BYTES = 5_000_000
_SCORED = ("val", "test")


def bundle_last_run(target: Path = BUNDLED) -> int:
    """Make the last finished run's network the bundled model; returns its size in bytes.

    Weights are rounded to 16 bits, and the scores on the model card are those of the rounded
    network, which the ONNX file beside the folder holds, too. Raises FerflowError where the last
    run's classifier is no network on a backbone, saw the validation rows, or is too large.
    """
    from ferflow.training.families.network.backbones import BackboneClassifier
    from ferflow.training.families.network.files import save_network

    Pipeline().check_finished()
    classifier = load_classifier(CLASSIFIER)
    network = getattr(classifier.model, "network", None)
    if not isinstance(network, BackboneClassifier):
        raise FerflowError(
            "the last run's classifier is no network on a backbone (architecture resnet or "
            "finetune). Run one first: ferflow use best --set data.path=..., dvc repro."
        )
    if classifier.meta["trained_on"] != ["train"]:
        raise FerflowError("the bundled model must not be trained on validation rows.")
    with atomic(target) as part:
        part.mkdir()
        save_network(classifier.model, part, torch.float16)
        write_about(part, classifier)
        write_seen(part, load_split(PREPROCESSED / "train.safetensors").x)
        size = sum(file.stat().st_size for file in part.iterdir())
        if size > MAX_BYTES:
            raise FerflowError(f"the model takes {size:,} bytes; {MAX_BYTES:,} are allowed in Git.")
        (part / CARD).write_text(_card(load_classifier(part)), encoding="utf-8")
    export(target, target.with_suffix(".onnx"))
    return size


def _card(classifier: Classifier) -> str:
    """The model card, with scores of the classifier as it is bundled."""
    params, seed = load_params("evaluate", EvaluateParams), load_seed()
    splits: dict[str, Split] = {
        name: load_split(PREPROCESSED / f"{name}.safetensors") for name in _SCORED
    }
    frames = [predict(classifier, name, rows, params, seed) for name, rows in splits.items()]
    predictions = pd.concat(frames, ignore_index=True)
    apart = without_twins(predictions, read_twins_of(PREPROCESSED / "twins.csv"))
    scores = {
        name: split_scores(frame, params.calibration_bins)
        for name, frame in (("all", predictions), ("apart", apart))
    }
    return model_card(classifier, scores["all"] | scores["apart"], protocol_line())
