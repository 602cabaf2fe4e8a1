"""Curves of each class against the rest, and their areas, from a classifier's predictions.

Arrays and errors are those of `ferflow.evaluation.metrics`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from ferflow.evaluation.metrics import Indices, Probabilities, checked


def roc_table(
    y: Indices, p: Probabilities, labels: Sequence[str], n_points: int = 100
) -> pd.DataFrame:
    """Each class against the rest: class, false_positive_rate, true_positive_rate.

    Rows run from (0, 0) to (1, 1). Of each curve at most n_points points are kept, none is
    interpolated: for every value of an even grid of false positive rates, both ends of the last
    upright piece that does not exceed it (the upper ends alone would flatter the curve).
    Classes with no positive or no negative rows are left out.
    """
    y, p = checked(y, p, labels)
    grid = _grid(n_points, n_each=2)
    curves = []
    for k in _rankable_classes(y, len(labels)):
        fall_out, recall, _ = roc_curve(y == k, p[:, k])
        upper = np.searchsorted(fall_out, grid, side="right") - 1
        lower = np.searchsorted(fall_out, fall_out[upper], side="left")
        kept = np.union1d(lower, upper)
        curves.append((labels[k], fall_out[kept], recall[kept]))
    return _curve_table(curves, "false_positive_rate", "true_positive_rate")


def precision_recall_table(
    y: Indices, p: Probabilities, labels: Sequence[str], n_points: int = 100
) -> pd.DataFrame:
    """Each class against the rest: class, recall, precision, by rising recall.

    Of each curve at most n_points points are kept, none is interpolated: for every value of an
    even grid of recalls, the first point that reaches it. The customary point at recall 0 and
    precision 1, which no threshold attains, is absent. Classes with no positive or no negative
    rows are left out.
    """
    y, p = checked(y, p, labels)
    grid = _grid(n_points, n_each=1)
    curves = []
    for k in _rankable_classes(y, len(labels)):
        precision, recall, _ = precision_recall_curve(y == k, p[:, k])
        precision, recall = precision[-2::-1], recall[-2::-1]  # by falling threshold
        kept = np.unique(np.searchsorted(recall, grid, side="left"))
        curves.append((labels[k], recall[kept], precision[kept]))
    return _curve_table(curves, "recall", "precision")


def ranking_scores(
    y: Indices, p: Probabilities, labels: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Per class against the rest: {label: {"roc_auc": 0 to 1, "average_precision": 0 to 1}}.

    Computed from all rows, not from the thinned curves. Classes with no positive or no negative
    rows are left out.
    """
    y, p = checked(y, p, labels)
    return {
        labels[k]: {
            "roc_auc": float(roc_auc_score(y == k, p[:, k])),
            "average_precision": float(average_precision_score(y == k, p[:, k])),
        }
        for k in _rankable_classes(y, len(labels))
    }


def _grid(n_points: int, *, n_each: int) -> NDArray[np.float64]:
    """Even values from 0 to 1, both included, as many as ``n_each`` points per value allow."""
    if n_points < 2 * n_each:
        raise ValueError(f"n_points must be at least {2 * n_each}; got {n_points}")
    return np.linspace(0, 1, n_points // n_each)


def _rankable_classes(y: Indices, n_classes: int) -> list[int]:
    """Classes with at least one row of their own and one of another class."""
    support = np.bincount(y, minlength=n_classes)
    return [k for k in range(n_classes) if 0 < support[k] < len(y)]


def _curve_table(
    curves: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]], x: str, y: str
) -> pd.DataFrame:
    """Long table of (label, x values, y values) curves; no rows, the same columns if none."""
    return pd.DataFrame(
        [(label, *point) for label, xs, ys in curves for point in zip(xs, ys, strict=True)],
        columns=["class", x, y],
    )
