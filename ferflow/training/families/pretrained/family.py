"""The family `pretrained`: a published classifier with its own image processor, as it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferflow.backbones.channels import to_channels
from ferflow.backbones.files import checked_name, open_network, read_part
from ferflow.backbones.levels import image_processor
from ferflow.core.errors import DataError, one_line
from ferflow.core.face_shape import row_shape
from ferflow.core.files import read_json, write_json
from ferflow.training.families.pretrained import Params
from ferflow.training.families.pretrained.labels import match_labels
from ferflow.training.shared.fitting import Fitted, TrainingData

USES_VAL = False
FITS = False  # which rows the model was trained on is its makers' knowledge

__all__ = ["Params", "fit", "load", "predict_proba", "save"]

_KEY = "train.pretrained.model"
_ABOUT, PROCESSOR = "pretrained.json", "preprocessor_config.json"
_SIZES = ("size", "crop_size", "pad_size")  # keys of the latter
_MAX_SIDE = 4096  # pixels; an image of more would take memory without end


@dataclass(frozen=True)
class PublishedModel:
    """A classifier with what it needs.

    network : a model of `transformers` that answers `logits`, float32, in eval mode.
    processor : its image processor; settings : the file that describes it.
    matrix : (n_labels, n_classes), which of its labels stand for which class; see `match_labels`.
    batch_size : images at a time.
    """

    network: Any
    processor: Any
    settings: dict[str, Any]
    matrix: NDArray[np.float64]
    batch_size: int


def fit(data: TrainingData, params: Params, seed: int) -> Fitted:  # noqa: ARG001
    """The published model, its labels matched with the data's; rows are not used.

    Raises ParamError if the labels do not match, DataError if it cannot be loaded or the rows are
    not images.
    """
    assert params.model is not None  # `check_params` refuses null
    _shape(data.train.x)
    place = checked_name(params.model, params.model_sha256, _KEY)
    network = open_classifier(place, _KEY)
    names = network.config.id2label
    theirs = [str(names[k]) for k in range(len(names))]
    matrix = match_labels(theirs, data.train.labels, params.classes)
    model = PublishedModel(network, *open_processor(place, _KEY), matrix, params.batch_size)
    meaning = {
        name: "left out" if not row.any() else data.train.labels[int(row.argmax())]
        for name, row in zip(theirs, matrix, strict=True)
    }
    print("labels: " + ", ".join(f"{name} = {meant}" for name, meant in meaning.items()))
    print(
        "Nothing is fitted. The model's training images are not known: images of val and test may "
        "be among them."
    )
    return Fitted(model, about={"model": params.model, "label_meanings": meaning})


@torch.inference_mode()
def predict_proba(model: PublishedModel, x: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
    """Probabilities (n, n_classes) of images, uint8 (n, side * side * channels).

    Its labels' probabilities, added up for each class; without the labels that are left out.
    """
    side, channels = _shape(x)
    n_channels = getattr(model.network.config, "num_channels", 3)
    p = np.zeros((len(x), n_classes))
    for start in range(0, len(x), model.batch_size):
        rows = torch.from_numpy(np.array(x[start : start + model.batch_size]))
        faces = rows.view(-1, side, side, channels).permute(0, 3, 1, 2).float()
        coloured = to_channels(faces, n_channels).round().to(torch.uint8)
        pictures = list(coloured.permute(0, 2, 3, 1).contiguous().numpy())
        inputs = model.processor(
            images=pictures, return_tensors="pt", input_data_format="channels_last"
        )
        scores = model.network(pixel_values=inputs["pixel_values"].float()).logits
        p[start : start + len(rows)] = scores.double().softmax(dim=1).numpy() @ model.matrix
    total = p.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(p, total, out=np.full_like(p, 1 / n_classes), where=total > 0))


def save(model: PublishedModel, folder: Path) -> None:
    """Write the model as `transformers` keeps one, and which of its labels mean what."""
    model.network.save_pretrained(folder)
    write_json(folder / PROCESSOR, model.settings)
    write_json(folder / _ABOUT, {"matrix": model.matrix.tolist(), "batch_size": model.batch_size})


def load(folder: Path) -> PublishedModel:
    """The model in a folder; DataError if it is damaged or of another kind."""
    about = read_json(folder / _ABOUT)
    network = open_classifier(str(folder), str(folder))
    try:
        matrix, batch_size = np.array(about["matrix"], dtype=np.float64), int(about["batch_size"])
        if matrix.ndim != 2 or len(matrix) != network.config.num_labels or batch_size < 1:
            raise ValueError("its labels are not the model's")
        if not (np.isin(matrix, (0, 1)).all() and (matrix.sum(axis=1) <= 1).all()):
            raise ValueError("a label means one class or none")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{folder / _ABOUT} does not describe a model: {error}") from None
    return PublishedModel(network, *open_processor(str(folder), str(folder)), matrix, batch_size)


def _shape(x: NDArray[Any]) -> tuple[int, int]:
    """Side and channels of square images, uint8 (n, d); DataError for other rows."""
    shape = row_shape(x.shape[1])
    if x.dtype != np.uint8 or shape is None:
        raise DataError(
            "a published classifier takes images as they are, grey levels or colours of square "
            f"pictures; got {x.dtype} rows of {x.shape[1]}. Set features.method to pixels, and "
            "balance.method and selection.method to none."
        )
    return shape


def open_classifier(place: str, key: str) -> Any:
    """The classifier with all its weights; DataError if it is none."""
    network, absent = open_network(
        place,
        key,
        lambda _: "AutoModelForImageClassification",
        " as an image classifier",
        f", {PROCESSOR}",
    )
    if absent:
        raise DataError(
            f"{key}: '{place}' lacks weights ({', '.join(absent[:5])}): it is not a trained "
            "classifier."
        )
    return network.eval()


def open_processor(place: str, key: str) -> tuple[Any, dict[str, Any]]:
    """The image processor, and the content of the file that describes it."""
    settings = read_part(place, PROCESSOR)
    if not settings:
        raise DataError(
            f"{key}: '{place}' has no {PROCESSOR}: how its images are prepared is not known."
        )
    for name in _SIZES:
        said = settings.get(name)
        sides = list(said.values()) if isinstance(said, dict) else [said]
        if any(isinstance(side, int | float) and side > _MAX_SIDE for side in sides):
            raise DataError(
                f"{key}: {name} in {PROCESSOR} of '{place}' is above {_MAX_SIDE:,} pixels."
            )
    try:
        return image_processor(place), settings
    except Exception as error:  # `image_processor` raises any
        reason = one_line(error)
        raise DataError(f"{key}: {PROCESSOR} of '{place}' cannot be used: {reason}") from None
