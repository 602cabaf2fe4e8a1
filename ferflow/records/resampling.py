"""Bootstrap over images: how much the scores would scatter on another test set of this size.

Images of one photograph are answered alike: groups of twins are drawn whole.

Percentile intervals of Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13.
Models that answered the same images are resampled together, so that differences are paired.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ferflow.core.progress import progress
from ferflow.evaluation.metrics import LOG_LOSS_FLOOR
from ferflow.records.compact import Answers

N_RESAMPLES = 2000
SEED = 20130413  # any fixed number: an interval is the same each time it is made
SCORES = (
    "accuracy",
    "balanced_accuracy",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "precision_weighted",
    "recall_weighted",
    "f1_weighted",
    "log_loss",
)
_AT_ONCE = 250  # resamples in memory: 250 x 3,589 weights are 4 MB


def bootstrap(
    models: Sequence[Answers], n_resamples: int = N_RESAMPLES, seed: int = SEED
) -> dict[str, NDArray[np.float64]]:
    """Score -> (models, n_resamples) of models that answered the same images in the same order.

    Each resample draws k of the k groups of twins with replacement (an image without twins is a
    group), the same ones for every model. The groups are the coarsest that a model brings. Raises
    ValueError if the images differ.
    """
    first = models[0]
    for other in models[1:]:
        if not (np.array_equal(first.image, other.image) and np.array_equal(first.y, other.y)):
            raise ValueError("models can be resampled together on the same images only")
    rng = np.random.default_rng(seed)
    groups = _groups(models)
    n = int(groups.max()) + 1
    tables = [_group_table(model, groups, n) for model in models]
    parts: list[list[NDArray[np.float64]]] = [[] for _ in models]
    for start in progress(range(0, n_resamples, _AT_ONCE), "bootstrap", unit="batch"):
        k = min(_AT_ONCE, n_resamples - start)
        drawn = rng.integers(0, n, (k, n)) + n * np.arange(k)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=k * n).reshape(k, n).astype(np.float64)
        for part, table in zip(parts, tables, strict=True):
            part.append(weights @ table)
    n_classes = len(first.labels)
    scores = [scores_of(np.concatenate(part), n_classes) for part in parts]
    return {name: np.stack([score[name] for score in scores]) for name in SCORES}


def scores_of(sums: NDArray[np.float64], n_classes: int) -> dict[str, NDArray[np.float64]]:
    """SCORES of many samples at once, defined as in `ferflow.evaluation.metrics`.

    sums : (k, c * c + 1); a row holds a sample's confusion counts, row by row of the matrix, and
    the sum of its images' log losses.
    """
    counts = sums[:, :-1].reshape(-1, n_classes, n_classes)
    n = counts.sum(axis=(1, 2))
    right = np.diagonal(counts, axis1=1, axis2=2)
    support, said = counts.sum(axis=2), counts.sum(axis=1)
    values = {
        "precision": right / np.maximum(said, 1),
        "recall": right / np.maximum(support, 1),
        "f1": 2 * right / np.maximum(support + said, 1),
    }
    scores = {
        "accuracy": right.sum(axis=1) / n,
        "balanced_accuracy": values["recall"].sum(axis=1) / (support > 0).sum(axis=1),
        "log_loss": sums[:, -1] / n,
    }
    for name, value in values.items():
        scores[f"{name}_macro"] = value.mean(axis=1)
        scores[f"{name}_weighted"] = (value * support).sum(axis=1) / n
    return scores


def exact_scores(answers: Answers) -> dict[str, float]:
    """SCORES of the answers themselves."""
    sums = _row_table(answers).sum(axis=0, keepdims=True)
    return {name: float(v[0]) for name, v in scores_of(sums, len(answers.labels)).items()}


def intervals(answers: Answers) -> dict[str, tuple[float, float]]:
    """Score -> its 95 % interval over images."""
    return {name: percentiles(values[0]) for name, values in bootstrap([answers]).items()}


def percentiles(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 2.5 and 97.5 % quantiles."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _groups(models: Sequence[Answers]) -> NDArray[np.int64]:
    """(n,) group of each image, 0, 1, ... in the order of their first images."""
    known = [model.twins for model in models if model.twins is not None]
    if not known:
        return np.arange(len(models[0].y))
    coarsest = min(known, key=lambda twins: len(np.unique(twins)))
    return np.asarray(np.unique(coarsest, return_inverse=True)[1], dtype=np.int64)


def _group_table(model: Answers, groups: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """(n, c * c + 1): the rows of `_row_table` summed over each group."""
    rows = _row_table(model)
    table = np.zeros((n, rows.shape[1]))
    np.add.at(table, groups, rows)
    return table


def _row_table(model: Answers) -> NDArray[np.float64]:
    """(n, c * c + 1): the cell of the confusion matrix that a row falls into, and its log loss."""
    n, c = model.p.shape
    table = np.zeros((n, c * c + 1))
    table[np.arange(n), model.y * c + model.p.argmax(axis=1)] = 1
    table[:, -1] = -np.log(model.p[np.arange(n), model.y].clip(LOG_LOSS_FLOOR, 1.0))
    return table
