"""Scores and tables of a classifier's predictions, from arrays to JSON-ready values.

Every function takes the same two arrays: ``y``, integer class indices of shape (n,), and ``p``,
class probabilities of shape (n, c) whose rows sum to 1. The decision for a row is its largest
probability; on a tie it is the first of the tied classes in label order. Nothing is rounded.

All raise ValueError, naming what they received, on empty input, wrong shapes, labels out of
range, NaN, negative probabilities, and rows that do not sum to 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import (
    confusion_matrix,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

from ferflow.evaluation.intervals import independent_rows, wilson_interval

Indices = NDArray[np.integer]
Probabilities = NDArray[np.float64]

SUM_TOLERANCE = 1e-6  # a float32 softmax over a few classes strays about 1e-7 from 1

# scikit-learn's floor for float64, 2.2e-16. A forest can say exactly 0, and one such row would
# make the mean infinite; with the floor it costs 36 nats.
LOG_LOSS_FLOOR = float(np.finfo(np.float64).eps)


def split_metrics(
    y: Indices,
    p: Probabilities,
    labels: Sequence[str],
    *,
    n_bins: int = 15,
    twins: Indices | None = None,
) -> dict[str, Any]:
    """The scores of one split as plain floats and integers, ready for JSON.

    y : integer array of shape (n,), class indices 0 to c - 1.
    p : float64 array of shape (n, c), class probabilities 0 to 1.
    labels : the c class names, in column order. n_bins : bins of the calibration error.
    twins : integer array of shape (n,), equal numbers for images of one photograph; None where
        every image is one of its own.

    Macro and weighted averages run over all c classes; a class without support counts with
    recall 0, and a class that is never predicted with precision 0. ``balanced_accuracy`` is the
    mean recall over the classes that have support. ``accuracy_low`` and ``accuracy_high`` bound
    the 95 % Wilson interval for the number of independent images (`independent_rows`). ``mcc`` is
    Matthews' correlation (-1 to 1), ``log_loss`` is in nats, ``ece`` the expected calibration
    error (0 to 1), ``ece_floor`` what a calibrated model of these confidences would have.
    """
    y, p = checked(y, p, labels)
    predicted = p.argmax(axis=1)
    n_correct = int((predicted == y).sum())
    share = n_correct / len(y)
    n_independent = len(y) if twins is None else independent_rows(twins)
    low, high = wilson_interval(share * n_independent, n_independent)
    per_class = _per_class(y, predicted, labels)
    return {
        "n": len(y),
        "accuracy": share,
        "accuracy_low": low,
        "accuracy_high": high,
        **_averages(per_class),
        # Undefined where truth or decision is constant, and scikit-learn warns where both are.
        "mcc": float(matthews_corrcoef(y, predicted)) if np.ptp(y) and np.ptp(predicted) else 0.0,
        "log_loss": _log_loss(y, p),
        "top2_accuracy": _top2_accuracy(y, p),
        "ece": _expected_calibration_error(reliability_table(y, p, n_bins)),
        "ece_floor": calibration_floor(p, n_bins, twins),
        "one_vs_rest_accuracy": _one_vs_rest_accuracy(y, predicted, len(labels)),
        "per_class": per_class.to_dict(orient="index"),
    }


def confusion_table(y: Indices, p: Probabilities, labels: Sequence[str]) -> pd.DataFrame:
    """The decisions counted, as `table_of_counts` has them."""
    y, p = checked(y, p, labels)
    counts = confusion_matrix(y, p.argmax(axis=1), labels=range(len(labels)))
    return table_of_counts(counts, labels)


def table_of_counts(counts: NDArray[np.int64], labels: Sequence[str]) -> pd.DataFrame:
    """All c * c pairs of classes in label order: actual, predicted, count, share.

    counts : (c, c), a row for each actual class. ``share`` is the count divided by the number of
    rows of the actual class, 0 to 1, and 0 for a class without rows.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return pd.DataFrame(
        {
            "actual": np.repeat(labels, len(labels)),
            "predicted": np.tile(labels, len(labels)),
            "count": counts.ravel(),
            "share": shares.ravel(),
        }
    )


def reliability_table(y: Indices, p: Probabilities, n_bins: int = 15) -> pd.DataFrame:
    """One row a bin of the decision's probability: how sure, and how often right.

    Columns: confidence_low (excluded) and confidence_high (included), the bounds of the bin;
    n, its rows; confidence, their mean top probability; accuracy, the share of right decisions.
    The last two are NaN in an empty bin. Bins have equal width 1 / n_bins, as in Guo et al., "On
    calibration of modern neural networks", ICML 2017.
    """
    y, p = checked(y, p)
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1; got {n_bins}")
    edges = np.arange(n_bins + 1) / n_bins
    top = p.max(axis=1)
    correct = p.argmax(axis=1) == y
    bins = _confidence_bins(top, n_bins)
    n = np.bincount(bins, minlength=n_bins)
    rows = np.where(n > 0, n, np.nan)  # NaN, so that an empty bin's means are NaN, not 0
    return pd.DataFrame(
        {
            "confidence_low": edges[:-1],
            "confidence_high": edges[1:],
            "n": n,
            "confidence": np.bincount(bins, weights=top, minlength=n_bins) / rows,
            "accuracy": np.bincount(bins, weights=correct, minlength=n_bins) / rows,
        }
    )


def calibration_floor(p: Probabilities, n_bins: int = 15, twins: Indices | None = None) -> float:
    """The expected calibration error, in the mean, of a model that is calibrated exactly.

    Were every decision of confidence q right with probability q, the right decisions of a bin
    would still scatter about the sum of its q with variance v = sum q (1 - q), and their gap would
    be sqrt(2 v / pi) in the mean. The floor is the sum over the bins by n. Twins are right or wrong
    together: an image of m twins adds m q (1 - q). The normal approximation is a little too large
    where nearly every decision is sure.
    """
    top = np.asarray(p, dtype=np.float64).max(axis=1)
    bins = _confidence_bins(top, n_bins)
    weights = (top * (1 - top)).clip(0)
    if twins is not None:
        _, index, sizes = np.unique(twins, return_inverse=True, return_counts=True)
        weights = weights * sizes[index]
    variance = np.bincount(bins, weights=weights, minlength=n_bins)
    return float(np.sqrt(2 * variance / np.pi).sum() / len(top))


def checked(
    y: Indices, p: NDArray[np.floating], labels: Sequence[str] | None = None
) -> tuple[NDArray[np.int64], Probabilities]:
    """``y`` as int64 and ``p`` as float64, or ValueError. ``labels`` None: any number of them."""
    y, p = np.asarray(y), np.asarray(p)
    if y.ndim != 1 or y.size == 0 or y.dtype.kind not in "iu":
        raise ValueError(f"y must be a non-empty 1-d integer array; got {y.dtype} {y.shape}")
    if labels is not None and (len(labels) < 2 or len(set(labels)) < len(labels)):
        raise ValueError(f"labels must be at least two different names; got {list(labels)}")
    n_classes = p.shape[-1] if labels is None and p.ndim else len(labels or ())
    if p.dtype.kind not in "fiu" or p.shape != (len(y), n_classes):
        wanted = "number of labels" if labels is None else f"{n_classes} labels"
        raise ValueError(f"p must be floats of shape ({len(y)}, {wanted}); got {p.dtype} {p.shape}")
    if y.min() < 0 or y.max() >= n_classes:
        raise ValueError(f"y must lie in 0..{n_classes - 1}; got {y.min()}..{y.max()}")
    check_rows(p)
    return y.astype(np.int64), p.astype(np.float64)


def check_rows(p: NDArray[np.floating], tolerance: float = SUM_TOLERANCE) -> None:
    """ValueError with the first row of ``p`` that is not a distribution over the classes."""
    finite = np.isfinite(p)
    sums = p.sum(axis=1, dtype=np.float64, where=finite)
    sound = finite.all(axis=1) & (p >= 0).all(axis=1) & (np.abs(sums - 1) <= tolerance)
    if not sound.all():
        row = int(np.argmin(sound))
        raise ValueError(
            f"each row of p must be finite, not negative and sum to 1 (within {tolerance}); "
            f"got {p[row].tolist()} in row {row}"
        )


def _per_class(y: Indices, predicted: Indices, labels: Sequence[str]) -> pd.DataFrame:
    """Precision, recall, f1 (0 to 1) and support (rows) of each class, indexed by label."""
    columns = precision_recall_fscore_support(
        y, predicted, labels=range(len(labels)), average=None, zero_division=0
    )
    names = ("precision", "recall", "f1", "support")
    return pd.DataFrame(dict(zip(names, columns, strict=True)), index=list(labels))


def _averages(per_class: pd.DataFrame) -> dict[str, float]:
    """Balanced accuracy, and precision, recall and f1 averaged plainly and by support."""
    support = per_class["support"]
    scores = per_class[["precision", "recall", "f1"]]
    macro, weighted = scores.mean(), scores.mul(support, axis=0).sum() / support.sum()
    return {
        "balanced_accuracy": float(per_class["recall"][support > 0].mean()),
        **{f"{name}_macro": float(value) for name, value in macro.items()},
        **{f"{name}_weighted": float(value) for name, value in weighted.items()},
    }


def _log_loss(y: Indices, p: Probabilities) -> float:
    """Mean of -ln(probability of the true class), probabilities floored at LOG_LOSS_FLOOR."""
    return float(-np.log(p[np.arange(len(y)), y].clip(LOG_LOSS_FLOOR, 1.0)).mean())


def _top2_accuracy(y: Indices, p: Probabilities) -> float:
    """Share of rows whose class is among the two most probable; ties go by label order."""
    top2 = np.argsort(-p, axis=1, kind="stable")[:, :2]
    return float((top2 == y[:, None]).any(axis=1).mean())


def _confidence_bins(top: Probabilities, n_bins: int) -> NDArray[np.int64]:
    """(n,) bin of each confidence; a value on an edge falls into the lower bin."""
    return np.searchsorted(np.arange(1, n_bins) / n_bins, top, side="left").astype(np.int64)


def _expected_calibration_error(table: pd.DataFrame) -> float:
    """Mean gap |accuracy - confidence| over the bins, weighted by rows (Guo et al. 2017, eq. 3)."""
    filled = table[table["n"] > 0]
    gap = (filled["accuracy"] - filled["confidence"]).abs()
    return float(np.average(gap, weights=filled["n"]))


def _one_vs_rest_accuracy(y: Indices, predicted: Indices, n_classes: int) -> float:
    """Mean over the classes of the accuracy of the yes/no decision "is it this class?".

    A wrong row is wrong for two classes, the true and the predicted one, so this equals
    1 - 2 (1 - accuracy) / n_classes: 0.81 for seven classes at a plain accuracy of one third.
    """
    decisions = [((predicted == k) == (y == k)).mean() for k in range(n_classes)]
    return float(np.mean(decisions))
