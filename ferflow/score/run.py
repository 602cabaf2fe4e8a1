"""`ferflow score --model`: a model is run on PublicTest and PrivateTest, and its answers scored."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ferflow.core.hashing import sha256_of
from ferflow.core.progress import progress
from ferflow.score.answers import Said
from ferflow.score.models import open_model, probabilities
from ferflow.score.pixels import load_test_images
from ferflow.score.score import Scored, score_answers
from ferflow.score.stated import Stated
from ferflow.score.weight import Weight, weigh


@dataclass(frozen=True)
class Ran:
    """scored : its answers' worth. weight : its size and speed. about : what a record keeps."""

    scored: Scored
    weight: Weight
    about: dict[str, Any]


def score_model(path: Path, stated: Stated, data: Path | None = None) -> Ran:
    """A model's answers to the images in `data` (None: data.path of params.yaml), scored.

    Raises DataError where the model or the images cannot be read, ParamError where what is stated
    does not fit the model or is not enough.
    """
    model = open_model(path, stated)
    images = load_test_images(data)
    starts = range(0, len(images.faces), model.at_once)
    outputs = [
        model.run(images.faces[start : start + model.at_once])
        for start in progress(starts, path.name, unit="batch")
    ]
    p, note = probabilities(np.concatenate(outputs))
    notes = (*model.notes, note)
    said = Said(p.argmax(axis=1).astype(np.int64), p, notes)
    weight = weigh(path, open_model(path, stated, threads=1), images.faces)
    about = {"file": path.name, "sha256": sha256_of(path), "notes": list(notes)}
    return Ran(score_answers(images.named, said, str(path)), weight, about | asdict(weight))
