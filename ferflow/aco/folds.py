"""Which rows ants are fitted and scored on: given validation rows, cross-validation, out-of-bag."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing as take_rows

from ferflow.aco.columns import Columns
from ferflow.aco.fitness import Fold, fair_order, seeded

Rows = tuple[Any, NDArray[Any]]  # X (n, d) and y (n,)


def make_folds(
    data: Rows,
    val: Rows | None,
    *,
    cv: Any,
    groups: NDArray[Any] | None,
    resampler: Any,
    estimator: Any,
    seed: int,
) -> list[Fold]:
    """The folds; the resampler sees fitting rows only, once per fold, with all their features.

    Raises ValueError if there are too few rows, or if rows to score on are not real ones.
    """
    x, y = data
    stratify = is_classifier(estimator)
    rng = np.random.default_rng(seed)
    everything = np.arange(len(y))
    out_of_bag = val is None and isinstance(cv, str)
    if out_of_bag and "oob_score" not in estimator.get_params():
        raise ValueError(
            "estimator must have the parameter oob_score with cv='oob', as bagged ensembles do; "
            f"got {estimator!r}."
        )
    if out_of_bag and resampler is not None:
        raise ValueError(
            "resampler must be None with cv='oob', which scores the rows that were fitted on, "
            f"made-up ones too; got {resampler!r}."
        )
    if val is not None or out_of_bag:
        splits = [(everything, None)]
    else:
        check_counts(cv, y, stratify=stratify)
        splits = list(check_cv(cv, y, classifier=stratify).split(x, y, groups))
    whole = Columns(x) if val is None or resampler is None else None
    folds = []
    for fit_rows, score_rows in splits:
        fit, y_fit = whole, y
        if resampler is not None:
            fit_x, y_fit = _resample(resampler, x, y, fit_rows, seed)
            fit, fit_rows = Columns(fit_x), np.arange(len(y_fit))
        order = fair_order(fit_rows, y_fit, rng, stratify=stratify)
        score, y_score = (Columns(val[0]), val[1]) if val else (whole, y)
        assert fit is not None and score is not None
        folds.append(Fold(fit, y_fit, order, score, y_score, score_rows, out_of_bag))
    return folds


def check_counts(cv: Any, y: NDArray[Any], *, stratify: bool) -> None:
    """Refuse more folds than there are rows, or rows of the commonest class."""
    n_folds = 5 if cv is None else cv
    if not isinstance(n_folds, int | np.integer):
        return
    if stratify:
        labels, counts = np.unique(y, return_counts=True)
        if counts.max() < n_folds:
            raise ValueError(
                f"cv must be at most the rows of a class, from 2 to {counts.max()} here "
                f"(n_samples={len(y)}, {len(labels)} classes); got {n_folds}."
            )
    elif len(y) < n_folds:
        raise ValueError(f"cv must be from 2 to n_samples={len(y)}, the rows; got {n_folds}.")


def _resample(resampler: Any, x: Any, y: NDArray[Any], rows: NDArray[np.intp], seed: int) -> Rows:
    # a RandomState: given an integer, SMOTE draws the same stream for every class
    sampler = seeded(clone(resampler), np.random.RandomState(seed))
    new_x, new_y = sampler.fit_resample(take_rows(x, rows), y[rows])
    return new_x, np.asarray(new_y)
