"""SMOTE on a sample: mixtures of some rows of each class, for data larger than the memory."""

from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE
from numpy.random import RandomState
from numpy.typing import NDArray

from ferflow.balance.params import BalanceParams
from ferflow.core.rows import scratch_array
from ferflow.core.split import Split

_NEW_AT_ONCE = 4096  # rows
_COPIED_AT_ONCE = 4096


def mix_sample(
    split: Split, params: BalanceParams, random_state: RandomState
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Values and classes of all rows: the split's, then SMOTE's up to the largest class's size.

    Neighbours are looked for, and mixed, among at most `max_rows` rows of a class, drawn without
    replacement. The values lie in a temporary file; in memory are the sample and some new rows.
    """
    counts = np.bincount(split.y, minlength=len(split.labels))
    missing = np.where(counts > 0, counts.max() - counts, 0)
    x = scratch_array((len(split) + int(missing.sum()), *split.x.shape[1:]), split.x.dtype)
    for start in range(0, len(split), _COPIED_AT_ONCE):
        part = slice(start, min(len(split), start + _COPIED_AT_ONCE))
        x[part] = split.x[part]
    y, end = [split.y], len(split)
    rows = _sample(split.y, params.max_rows or len(split), random_state)
    values, labels = flat(split.x[rows]), split.y[rows]
    own = np.bincount(labels, minlength=len(counts))
    for label in np.flatnonzero(missing).tolist():
        last = end + int(missing[label])
        while end < last:
            n = min(_NEW_AT_ONCE, last - end)
            wanted = {label: int(own[label]) + n}
            sampler = SMOTE(
                k_neighbors=params.k_neighbors, sampling_strategy=wanted, random_state=random_state
            )
            mixed, _ = sampler.fit_resample(values, labels)
            x[end : end + n] = as_rows(mixed[len(rows) :], split)
            end += n
        y.append(np.full(int(missing[label]), label))
    return x, np.concatenate(y)


def flat(x: NDArray[Any]) -> NDArray[np.float32]:
    """(n, d), as floats: differences of 8-bit grey levels would wrap around."""
    return x.reshape(len(x), -1).astype(np.float32, copy=False)


def as_rows(x: NDArray[Any], split: Split) -> NDArray[Any]:
    """Values (n, d) in the shape and type of the split's rows."""
    if np.issubdtype(split.x.dtype, np.integer):  # beyond its range a grey level would wrap around
        limits = np.iinfo(split.x.dtype)
        x = np.clip(np.rint(x), limits.min, limits.max)
    return x.reshape(-1, *split.x.shape[1:]).astype(split.x.dtype, copy=False)


def _sample(y: NDArray[np.int64], most: int, random_state: RandomState) -> NDArray[np.intp]:
    """At most so many rows of each class, drawn without replacement, in their order."""
    chosen = []
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        if len(rows) > most:
            rows = random_state.choice(rows, most, replace=False)
        chosen.append(rows)
    return np.sort(np.concatenate(chosen))
