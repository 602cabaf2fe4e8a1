"""A folder of `transformers`: an image classifier with its own image processor, or without."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ferflow.core.errors import DataError
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.score.models import Model, Numbers
from ferflow.score.stated import CHANNELS, Faces, Stated, columns_of, settle
from ferflow.training.families.pretrained.family import (
    PROCESSOR,
    PublishedModel,
    open_classifier,
    open_processor,
    predict_proba,
)


def open_published(path: Path, stated: Stated) -> Model:
    """The classifier in a folder, on one thread or as many as torch takes.

    Images are prepared by its preprocessor_config.json, or without one as stated. Raises DataError
    where it cannot be loaded, ParamError where what is stated does not fit it or is not enough.
    """
    place = str(path.absolute())
    network = open_classifier(place, "--model")
    labels = network.config.id2label
    own = [str(labels[k]) for k in range(len(labels))]
    columns = columns_of(stated.labels, own, len(own), str(path))
    whose = "as stated" if stated.labels is not None else "by config.json"
    notes = [f"labels are {whose}"]
    if (path / PROCESSOR).is_file():
        stated.refuse(f"{PROCESSOR} says how images are prepared", "labels")
        matrix = np.zeros((len(own), len(FER2013_LABELS)))
        matrix[columns, np.arange(len(columns))] = 1
        model = PublishedModel(network, *open_processor(place, "--model"), matrix, 64)
        notes.insert(0, f"images are prepared by {PROCESSOR}")

        def run(faces: Faces) -> Numbers:
            return predict_proba(model, faces.reshape(len(faces), -1), len(FER2013_LABELS))

        return Model(run, tuple(notes), example=_example(model), network=network)
    channels = getattr(network.config, "num_channels", 3)
    names = {number: name for name, number in CHANNELS.items()}
    if channels not in names:
        raise DataError(f"{path} takes {channels} channels; expected 1 or 3.")
    size = getattr(network.config, "image_size", None)
    found: dict[str, Any] = {"layout": "nchw"}
    found |= {"channels": names[channels]} | ({"size": size} if isinstance(size, int) else {})
    prepare = settle(stated, found, str(path))
    notes.insert(0, f"images are {prepare}")

    @torch.inference_mode()
    def run_stated(faces: Faces) -> Numbers:
        scores = network(torch.from_numpy(prepare(faces))).logits
        return np.asarray(scores.double().numpy()[:, columns])

    example = prepare(np.zeros((1, 48, 48), np.uint8))
    return Model(run_stated, tuple(notes), example=example, network=network)


def _example(model: PublishedModel) -> Any:
    """What its processor makes of one face."""
    channels = getattr(model.network.config, "num_channels", 3)
    face = np.zeros((48, 48, channels), np.uint8)
    made = model.processor(images=[face], return_tensors="np", input_data_format="channels_last")
    return np.asarray(made["pixel_values"], np.float32)
