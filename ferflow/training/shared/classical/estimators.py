"""Scikit-learn's classifiers as families: scaled features, label columns, the model's file."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from ferflow.core.errors import ParamError
from ferflow.training.shared.classical.params import ScaledParams
from ferflow.training.shared.classical.skops_files import dump_model, load_model
from ferflow.training.shared.classical.soundness import check_steps
from ferflow.training.shared.fitting import TrainingData

MODEL_FILE = "model.skops"
_ROWS_AT_ONCE = 1024  # per thread when predicting
_SCALERS = {"zscore": StandardScaler, "minmax": MinMaxScaler}


def make_pipeline(params: ScaledParams, classifier: Any) -> Pipeline:
    """Scaling, PCA where asked for, and the classifier, to be fitted to training rows alone."""
    steps: list[tuple[str, Any]] = []
    if params.scaling != "none":
        steps.append(("scale", _SCALERS[params.scaling]()))
    if params.pca is not None:
        # through the covariance matrix: exact, draws nothing, and fast for many rows
        steps.append(("pca", PCA(params.pca, svd_solver="covariance_eigh")))
    return Pipeline([*steps, ("classify", classifier)])


def fit_pipeline(
    classifier: Any, data: TrainingData, params: ScaledParams, family: str
) -> Pipeline:
    """The pipeline fitted to the training rows; ParamError if they are too few for that PCA."""
    x = as_numbers(data.train.x)
    check_components(params, x, family)
    return make_pipeline(params, classifier).fit(x, data.train.y)


def as_numbers(x: NDArray[Any]) -> NDArray[np.float32]:
    """Rows (n, d) as float32, which holds grey levels exactly; mapped files are read."""
    return np.ascontiguousarray(x, dtype=np.float32)


def check_components(params: ScaledParams, x: NDArray[Any], family: str) -> None:
    """Refuse more components than there can be; ParamError names the limit."""
    if isinstance(params.pca, int) and params.pca > min(x.shape):
        raise ParamError(
            f"train.{family}.pca must be at most the smaller of the training rows and their "
            f"features, {min(x.shape)} here; got {params.pca}."
        )


def label_columns(
    p: NDArray[np.floating], classes: NDArray[np.int64], n_classes: int
) -> NDArray[np.float64]:
    """Probabilities (n, n_classes) in label order from those of `classes` alone.

    A class that had no training rows gets 0.
    """
    wide = np.zeros((len(p), n_classes))
    wide[:, classes] = p
    return wide


def in_threads(predict: Any, x: NDArray[Any], n_columns: int) -> NDArray[np.float64]:
    """What `predict` says of rows (n, d), (n, n_columns); threads share out the rows.

    The parts do not depend on the number of threads, so neither does the result.
    """
    parts = [x[i : i + _ROWS_AT_ONCE] for i in range(0, len(x), _ROWS_AT_ONCE)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(predict, parts))
    return np.concatenate(found) if found else np.zeros((0, n_columns))


def predict_proba(model: Any, x: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
    """Probabilities (n, n_classes) of a fitted scikit-learn classifier, in label order."""
    own = in_threads(lambda part: model.predict_proba(as_numbers(part)), x, len(model.classes_))
    return label_columns(own, model.classes_, n_classes)


def save(model: Any, folder: Path) -> None:
    """Write a fitted scikit-learn model into the folder."""
    dump_model(model, folder / MODEL_FILE)


def load_pipeline(folder: Path, kind: type) -> Pipeline:
    """The pipeline in the folder; DataError if it does not end in a classifier of that kind."""
    model = load_model(folder / MODEL_FILE, Pipeline)
    check_steps(folder / MODEL_FILE, model, kind)
    return model
