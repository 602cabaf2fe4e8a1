"""What answers are worth on a set of images: the figures that our own runs get, from numpy alone.

As `ferflow.evaluation.metrics`, which takes scikit-learn and pandas along, and equal to it; tests
compare them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferflow.evaluation.intervals import independent_rows, wilson_interval
from ferflow.fer2013.labels import FER2013_LABELS

N_BINS = 15  # of the calibration error: Guo et al. 2017
_N = len(FER2013_LABELS)

Indices = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """n, images; accuracy with its 95 % interval, twins counted once; f1_macro, balanced_accuracy;
    ece, the calibration error, None without probabilities; per_class, (7, 4): precision, recall,
    F1 and images."""

    n: int
    accuracy: float
    low: float
    high: float
    f1_macro: float
    balanced_accuracy: float
    ece: float | None
    per_class: Numbers


def figures(y: Indices, said: Indices, p: Numbers | None, twins: Indices) -> Figures:
    """Of true and named classes (n,), n above 0; p (n, 7) or None; twins (n,), equal numbers."""
    counts = np.bincount(y * _N + said, minlength=_N**2).reshape(_N, _N)
    right, actual, named = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    precision, recall = right / np.maximum(named, 1), right / np.maximum(actual, 1)
    f1 = 2 * right / np.maximum(actual + named, 1)
    accuracy = float(right.sum() / len(y))
    n_independent = independent_rows(twins)
    low, high = wilson_interval(accuracy * n_independent, n_independent)
    return Figures(
        n=len(y),
        accuracy=accuracy,
        low=low,
        high=high,
        f1_macro=float(f1.mean()),
        balanced_accuracy=float(recall[actual > 0].mean()),
        ece=None if p is None else calibration_error(said == y, p.max(axis=1)),
        per_class=np.stack([precision, recall, f1, actual], axis=1),
    )


def calibration_error(right: NDArray[np.bool_], confidence: Numbers) -> float:
    """Mean gap of confidence and accuracy over N_BINS even bins, by rows (Guo et al. 2017)."""
    bins = np.searchsorted(np.arange(1, N_BINS) / N_BINS, confidence, side="left")
    gaps = np.bincount(bins, weights=right - confidence, minlength=N_BINS)
    return float(np.abs(gaps).sum() / len(right))
