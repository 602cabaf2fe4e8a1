"""Scores as probabilities: temperature scaling (Guo et al., "On calibration of modern neural
networks", ICML 2017).

One number, fitted on rows that the classifier was not trained on, divides all scores before the
softmax. It leaves every decision as it is, so a calibrated classifier is as accurate as it was.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

_LOG_BOUNDS = (-6.0, 6.0)  # natural logarithms of the temperatures that are tried


def fit_temperature(scores: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """The temperature above 0 with the least log loss for scores (n, k) of the true columns y."""

    def log_loss(log_temperature: float) -> float:
        logs = log_softmax(scores / np.exp(log_temperature), axis=1)
        return float(-logs[np.arange(len(y)), y].mean())

    found = minimize_scalar(log_loss, bounds=_LOG_BOUNDS, method="bounded")
    return float(np.exp(found.x))


def probabilities(scores: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities (n, k) of scores (n, k); every row sums to 1."""
    return np.asarray(softmax(scores / temperature, axis=1))
