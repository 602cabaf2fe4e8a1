"""The forest: fitting, predicting, its file."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.ensemble import RandomForestClassifier

from ferflow.fitting import Fitted, TrainingData
from ferflow.params import Record
from ferflow.skops_files import dump_model, load_model

MODEL_FILE = "model.skops"
_ROWS_AT_ONCE = 1024  # per thread when predicting


class Params(Record):
    """The section `train.random_forest`."""

    n_estimators: int = Field(ge=1)
    max_depth: int | None = Field(ge=1)
    min_samples_leaf: int = Field(ge=1)
    max_features: Literal["sqrt", "log2"] | None
    class_weight: Literal["balanced"] | None


def fit(data: TrainingData, params: Params, seed: int) -> Fitted:
    """A forest fitted to the training rows, the same for any thread count."""
    forest = RandomForestClassifier(**params.model_dump(), random_state=seed, n_jobs=-1)
    return Fitted(forest.fit(data.train.x, data.train.y))


def predict_proba(
    model: RandomForestClassifier, x: NDArray[Any], n_classes: int
) -> NDArray[np.float64]:
    """Probabilities (n, n_classes): the mean over the trees of their leaves' class shares.

    Threads share out the rows, not the trees: a sum over trees in the order in which threads
    finish differs in its last bits from run to run.
    """
    model.set_params(n_jobs=1)
    parts = [x[i : i + _ROWS_AT_ONCE] for i in range(0, len(x), _ROWS_AT_ONCE)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        shares = list(pool.map(model.predict_proba, parts))
    p = np.zeros((len(x), n_classes))
    p[:, model.classes_] = np.concatenate(shares) if shares else 0.0
    return p


def save(model: RandomForestClassifier, folder: Path) -> None:
    """Write the forest into the folder."""
    dump_model(model.set_params(n_jobs=1), folder / MODEL_FILE)


def load(folder: Path) -> RandomForestClassifier:
    """The forest in the folder."""
    return load_model(folder / MODEL_FILE, RandomForestClassifier)
