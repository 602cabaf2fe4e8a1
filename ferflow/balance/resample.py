"""Class balance: rare classes filled up with synthetic or repeated training rows, or the reverse.

Real rows are never touched: what the samplers of imbalanced-learn return is used for the new
rows' values and for which rows to keep, so a row that is marked as an image is that image.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from imblearn.over_sampling import ADASYN, SMOTE, SVMSMOTE, BorderlineSMOTE, RandomOverSampler
from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler, TomekLinks
from numpy.random import RandomState
from numpy.typing import NDArray

from ferflow.balance.params import BalanceParams, Method, check_soft_method
from ferflow.balance.sampled import as_rows, flat, mix_sample
from ferflow.core.errors import DataError, ParamError, one_line
from ferflow.core.rows import Taken
from ferflow.core.split import Split


def balance(split: Split, params: BalanceParams, *, seed: int) -> Split:
    """Even out the classes' sizes by `params.method`; see `presets/defaults.yaml` for each.

    Rows that stay are unchanged and in the order in which they came, new rows follow; `transform`
    says which method made a new row. Classes without any row stay empty.
    """
    if params.method == "none":
        return split
    _check_classes(split)
    # One RandomState, not an integer: given an integer, SMOTE draws the same stream per class.
    random_state = RandomState(seed)
    match params.method:
        case "random_oversampling":
            return _repeat_rows(split, random_state)
        case "random_undersampling":
            return _drop_rows(split, random_state)
        case "smote_tomek" | "smote_enn":
            return _clean(_synthesise(split, params, random_state), params.method)
        case _:
            return _synthesise(split, params, random_state)


def count_rows(before: Split, after: Split, method: Method) -> dict[str, Any]:
    """Rows per class before and after, and how many of the latter are new."""
    new = np.bincount(after.y[_is_new(after)], minlength=len(after.labels)).tolist()
    return {
        "method": method,
        "before": before.class_counts(),
        "after": after.class_counts(),
        "new": dict(zip(after.labels, new, strict=True)),
    }


def without_new_rows(balanced: Split) -> Split:
    """The given rows that balancing kept, in their order; no synthetic or repeated ones."""
    rows = np.flatnonzero(~_is_new(balanced))
    x: Any = Taken(balanced.x, rows)
    return balanced.take(rows, x=x)


def _is_new(split: Split) -> NDArray[np.bool_]:
    """(n,) which rows balancing made."""
    return np.isin(split.transform, [*_SYNTHETIC, _REPEATED])


_SYNTHETIC = ("smote", "borderline_smote", "svm_smote", "adasyn")  # methods, and `transform`
_REPEATED = "repeated"


def _synthesise(split: Split, params: BalanceParams, random_state: RandomState) -> Split:
    """The split, and rows that lie between (SVM-SMOTE: also beyond) neighbours of a class."""
    if split.is_soft:
        check_soft_method(params.method)
    _check_neighbours(split, params.k_neighbors)
    name = params.method if params.method in _SYNTHETIC else "smote"
    if name == "smote" and params.max_rows is not None:
        return _with_new(split, *mix_sample(split, params, random_state), name)
    sampler = _sampler(name, params.k_neighbors, random_state)
    try:
        x, y = sampler.fit_resample(flat(split.x), split.y)
    except (ValueError, RuntimeError) as error:  # no border to fill, no support vector, few rows
        reason = one_line(error).rstrip(".")
        raise ParamError(
            f"balance.method {name} cannot fill up these rows ({_present(split)}): {reason}. "
            "Take balance.method smote or random_oversampling."
        ) from None
    x = as_rows(x, split)
    x[: len(split)] = split.x  # the samplers return the rows that they were given first
    return _with_new(split, x, y, name)


def _with_new(split: Split, x: NDArray[Any], y: NDArray[np.int64], name: str) -> Split:
    """The split with new rows after its own; x, y : the values and classes of all."""
    n_new = len(y) - len(split)
    return replace(
        split,
        x=x,
        y=y,
        source_id=np.append(split.source_id, np.full(n_new, "")),  # each has two parents, untold
        transform=np.append(split.transform, np.full(n_new, name)),
        group=np.append(split.group, np.full(n_new, "")),
    )


def _sampler(name: str, k_neighbors: int, random_state: RandomState) -> Any:
    match name:
        case "borderline_smote":
            return BorderlineSMOTE(k_neighbors=k_neighbors, random_state=random_state)
        case "svm_smote":
            return SVMSMOTE(k_neighbors=k_neighbors, random_state=random_state)
        case "adasyn":
            return ADASYN(n_neighbors=k_neighbors, random_state=random_state)
        case _:
            return SMOTE(k_neighbors=k_neighbors, random_state=random_state)


def _clean(split: Split, method: Method) -> Split:
    """Without the rows of any class that their neighbours contradict (Batista et al. 2004).

    'smote_tomek' removes both rows of a Tomek link, two of different classes that are each
    other's nearest; 'smote_enn' every row whose class is not the most frequent one among its
    three nearest (the first class where all three differ). The library's own default for the
    latter, that all three must agree, would leave next to nothing of FER-2013's largest class.
    """
    sampler = (
        TomekLinks(sampling_strategy="all")
        if method == "smote_tomek"
        else EditedNearestNeighbours(sampling_strategy="all", kind_sel="mode")
    )
    sampler.fit_resample(flat(split.x), split.y)
    cleaned = split.take(np.sort(sampler.sample_indices_))
    if gone := [name for name in _present(split) if not cleaned.class_counts()[name]]:
        raise ParamError(
            f"balance.method {method} would remove every row of {', '.join(gone)} "
            f"({_present(split)} after SMOTE). Try balance.method smote."
        )
    return cleaned


def _repeat_rows(split: Split, random_state: RandomState) -> Split:
    rows = np.arange(len(split))[:, None]
    sampler = RandomOverSampler(random_state=random_state)
    chosen = sampler.fit_resample(rows, split.y)[0].ravel()  # all rows, then the repeated ones
    repeated = np.full(len(chosen) - len(split), _REPEATED)
    return replace(split.take(chosen), transform=np.append(split.transform, repeated))


def _drop_rows(split: Split, random_state: RandomState) -> Split:
    sampler = RandomUnderSampler(random_state=random_state)
    sampler.fit_resample(np.arange(len(split))[:, None], split.y)
    return split.take(np.sort(sampler.sample_indices_))


def _present(split: Split) -> dict[str, int]:
    """Rows per class, without the classes that have none."""
    return {label: n for label, n in split.class_counts().items() if n}


def _check_classes(split: Split) -> None:
    if len(counts := _present(split)) < 2:
        raise DataError(f"balancing needs two classes or more; the rows have {list(counts)}.")


def _check_neighbours(split: Split, k_neighbors: int) -> None:
    """SMOTE needs k neighbours beside each row: say so in the user's terms, before it fails."""
    counts = _present(split)
    rarest = min(counts, key=lambda label: counts[label])
    if counts[rarest] <= k_neighbors:
        raise ParamError(
            f"balance.k_neighbors must be below the rarest class's size ({counts[rarest]} x "
            f"'{rarest}'); got {k_neighbors}. Lower it in params.yaml, or take "
            "balance.method random_oversampling."
        )
