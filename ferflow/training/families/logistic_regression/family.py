"""The regression: fitting; the rest is what all pipelines share."""

import warnings
from pathlib import Path

from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from ferflow.training.families.logistic_regression import Params
from ferflow.training.shared.classical.estimators import (
    fit_pipeline,
    load_pipeline,
    predict_proba,
    save,
)
from ferflow.training.shared.fitting import Fitted, TrainingData

USES_VAL = False

__all__ = ["Params", "fit", "load", "predict_proba", "save"]


def fit(data: TrainingData, params: Params, seed: int) -> Fitted:
    """A regression fitted to the training rows; nothing is drawn at random.

    `about` says whether the solver reached its optimum within `max_iter` steps.
    """
    del seed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # `about` says it
        model = fit_pipeline(LogisticRegression(**params.own), data, params, "logistic_regression")
    n_iter = int(model[-1].n_iter_.max())
    return Fitted(model, about={"n_iterations": n_iter, "converged": n_iter < params.max_iter})


def load(folder: Path) -> Pipeline:
    """The regression in the folder."""
    return load_pipeline(folder, LogisticRegression)
