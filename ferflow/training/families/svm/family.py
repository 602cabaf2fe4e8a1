"""The machine: fitting, calibrating, predicting, its files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from sklearn.utils import resample
from tqdm import tqdm

from ferflow.core.acceleration import fast_version
from ferflow.core.errors import DataError, ParamError
from ferflow.core.files import read_json, write_json
from ferflow.core.split import Split
from ferflow.training.families.svm import Params
from ferflow.training.families.svm.pairs import count_rows, decision_scores, fit_pairs, step_limits
from ferflow.training.shared.classical.calibration import fit_temperature, probabilities
from ferflow.training.shared.classical.estimators import (
    as_numbers,
    check_components,
    label_columns,
    load_pipeline,
    make_pipeline,
)
from ferflow.training.shared.classical.estimators import save as save_pipeline
from ferflow.training.shared.fitting import Fitted, TrainingData

USES_VAL = True  # to calibrate

CALIBRATION_FILE = "calibration.json"
_CACHE_MB = 600  # kernel values that a pair of classes keeps; holds FER-2013's largest


@dataclass(frozen=True)
class Machine:
    """pipeline : scaling, PCA and scikit-learn's SVC. temperature : divides its scores."""

    pipeline: Pipeline
    temperature: float


def fit(data: TrainingData, params: Params, seed: int) -> Fitted:
    """A machine fitted to the training rows, its probabilities calibrated on the val rows.

    Without val rows the temperature is 1. The seed draws the rows where `max_rows` asks for fewer.
    Raises DataError if the rows are of one class, ParamError if a class would get none.
    """
    train = _drawn(data.train, params.max_rows, seed)
    x, y = as_numbers(train.x), train.y
    if len(np.unique(y)) < 2:
        raise DataError("train.family svm needs training rows of two classes or more.")
    check_components(params, x, "svm")
    # equal votes are told apart by the decision values: the decision is the highest probability
    pipeline = make_pipeline(params, SVC(**params.own, cache_size=_CACHE_MB, break_ties=True))
    for _, step in pipeline.steps[:-1]:
        x = as_numbers(step.fit_transform(x))
    accelerate = fast_version if data.accelerate != "off" else None
    limits = step_limits(y, params.max_iter, accelerated=accelerate is not None)
    with tqdm(total=sum(count_rows(y)), desc="pairs of classes", unit="row", disable=None) as bar:
        fit_pairs(x, y, pipeline[-1], limits, accelerate=accelerate, on_pair=bar.update)
    del x
    about: dict[str, Any] = {"n_rows": len(train), "accelerated": accelerate is not None}
    about["unsolved_pairs"] = int((pipeline[-1].n_iter_ >= limits).sum())
    about["n_support_vectors"] = len(pipeline[-1].support_)
    temperature, about["calibration"] = _calibrate(pipeline, data.val)
    return Fitted(Machine(pipeline, temperature), about=about)


def predict_proba(model: Machine, x: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
    """Probabilities (n, n_classes): softmax of the scores divided by the temperature."""
    own = probabilities(_scores(model.pipeline, x), model.temperature)
    return label_columns(own, model.pipeline.classes_, n_classes)


def save(model: Machine, folder: Path) -> None:
    """Write the pipeline and the temperature into the folder."""
    save_pipeline(model.pipeline, folder)
    write_json(folder / CALIBRATION_FILE, {"temperature": model.temperature})


def load(folder: Path) -> Machine:
    """The machine in the folder."""
    file = folder / CALIBRATION_FILE
    try:
        temperature = float(read_json(file)["temperature"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{file} has no temperature: {error!r}") from None
    if not 0 < temperature < np.inf:
        raise DataError(f"{file} has an impossible temperature: {temperature}.")
    return Machine(load_pipeline(folder, SVC), temperature)


def _drawn(train: Split, max_rows: int | None, seed: int) -> Split:
    """At most this many of the rows, in proportion to the classes; all of them for None."""
    if max_rows is None or len(train) <= max_rows:
        return train
    rows = resample(
        np.arange(len(train)),
        replace=False,
        n_samples=max_rows,
        stratify=train.y,
        random_state=seed,
    )
    drawn = train.take(np.sort(rows))
    if lost := np.setdiff1d(train.y, drawn.y).tolist():
        raise ParamError(
            f"train.svm.max_rows: {max_rows} of {len(train)} rows leave none of "
            f"'{train.labels[lost[0]]}'. Raise it, or set it to null."
        )
    return drawn


def _calibrate(pipeline: Pipeline, val: Split | None) -> tuple[float, dict[str, Any]]:
    """The temperature, and what it was fitted on in words and numbers."""
    known = None if val is None else np.flatnonzero(np.isin(val.y, pipeline.classes_))
    if val is None or known is None or not len(known):
        return 1.0, {"method": "none: no val rows, so probabilities are in order but not in size"}
    columns = np.searchsorted(pipeline.classes_, val.y[known])
    temperature = fit_temperature(_scores(pipeline, val.x[known]), columns)
    rows = {"n_rows": len(known), "temperature": temperature}
    return temperature, {"method": "temperature, fitted on val"} | rows


def _scores(pipeline: Pipeline, x: NDArray[Any]) -> NDArray[np.float64]:
    """Decision scores (n, k) of rows (n, d)."""
    scaled = as_numbers(x)
    for _, step in pipeline.steps[:-1]:
        scaled = as_numbers(step.transform(scaled)) if len(scaled) else scaled
    return decision_scores(pipeline[-1], scaled)
