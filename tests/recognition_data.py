"""Pictures with drawn faces on them, and a small model that reads faces."""

import cv2
import numpy as np
from picture_folders import unpacked
from typer.testing import CliRunner

from ferflow.cli import app
from ferflow.core.params import read_yaml
from ferflow.core.split import Split
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.training.shared.classifier import Classifier, save_classifier
from ferflow.training.shared.family import family_module
from ferflow.training.shared.fitting import TrainingData
from ferflow.training.shared.params import pick_family

N_FACES = 12  # of each class, for the model to learn


def write_model(folder, defaults):
    """A classifier folder as `train` writes it: a small forest on the pixels of drawn faces.

    defaults : the path of presets/defaults.yaml.
    """
    labels = list(FER2013_LABELS)
    faces = np.concatenate([draw_faces(labels, seed=seed) for seed in range(N_FACES)])
    y = np.tile(np.arange(len(labels)), N_FACES)
    words = np.full(len(y), "")
    rows = Split(faces.reshape(len(y), -1), y, words, words, tuple(labels))
    params = read_yaml(defaults)
    params["train"]["family"] = "random_forest"
    params["train"]["random_forest"]["n_estimators"] = 10
    _, forest = pick_family(params)
    model = family_module("random_forest").fit(TrainingData(rows), forest, 0).model
    mask = np.ones(faces[0].size, np.bool_)
    save_classifier(
        folder, Classifier("random_forest", model, mask, tuple(labels), {"lighting": "none"})
    )
    return folder


def picture_of(face, side=200, place=(220, 140), size=(640, 480)):
    """A grey picture (height, width) with a face (48, 48) of that side at `place` (x, y)."""
    (x, y), (width, height) = place, size
    picture = np.full((height, width), 110, np.uint8)
    picture[y : y + side, x : x + side] = cv2.resize(face, (side, side))
    return picture


FACES = draw_faces(FER2013_LABELS, seed=1)
PICTURE = cv2.imencode(".png", picture_of(FACES[3]))[1].tobytes()
EMPTY = cv2.imencode(".png", np.full((90, 120), 100, np.uint8))[1].tobytes()
ALBUM = {  # two good pictures, one without a face, two bad ones, and a file that is none
    "2.png": PICTURE,
    "10.png": PICTURE,
    "deep/empty room.png": EMPTY,
    "zero.jpg": b"",
    "noise.jpg": b"\xff\xd8 and then nothing",
    "notes.txt": b"not for us",
}


def predict_in(folder, monkeypatch, model):
    """What runs `ferflow predict` in a folder outside any repository, in which an album lies."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    unpacked(folder / "album", ALBUM)

    def call(*words, content=None):
        command = ["predict", "--model", str(model), *map(str, words)]
        return CliRunner().invoke(app, command, input=content)

    return call
