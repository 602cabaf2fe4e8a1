"""Class balance: the rare classes filled up with synthetic or repeated training rows."""

from dataclasses import replace
from typing import Literal

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from pydantic import Field

from ferflow.artifacts import Split
from ferflow.errors import DataError, ParamError
from ferflow.params import Record


class BalanceParams(Record):
    """The section `balance`."""

    method: Literal["none", "smote", "random_oversampling"]
    k_neighbors: int = Field(ge=1)


def balance(split: Split, params: BalanceParams, *, seed: int) -> Split:
    """Fill every class up to the size of the largest; the rows that came stay first, as they were.

    'smote' adds points between a row and one of its nearest neighbours of the same class
    (Chawla et al. 2002); 'random_oversampling' adds copies of rows.
    """
    if params.method == "none":
        return split
    _present(split)
    if params.method == "random_oversampling":
        return _repeat_rows(split, np.random.RandomState(seed))
    _check_neighbours(split, params.k_neighbors)
    # One RandomState, not an integer: given an integer, SMOTE draws the same stream per class.
    smote = SMOTE(k_neighbors=params.k_neighbors, random_state=np.random.RandomState(seed))
    flat = split.x.reshape(len(split), -1)
    x, y = smote.fit_resample(flat.astype(np.float32, copy=False), split.y)  # uint8 would wrap
    if np.issubdtype(split.x.dtype, np.integer):
        x = np.rint(x)
    n_new = len(y) - len(split)
    return replace(
        split,
        x=x.reshape(-1, *split.x.shape[1:]).astype(split.x.dtype, copy=False),
        y=y,
        source_id=np.append(split.source_id, np.full(n_new, "")),  # each has two parents, untold
        transform=np.append(split.transform, np.full(n_new, "smote")),
        group=np.append(split.group, np.full(n_new, "")),
    )


def _repeat_rows(split: Split, random_state: np.random.RandomState) -> Split:
    rows = np.arange(len(split))[:, None]
    sampler = RandomOverSampler(random_state=random_state)
    chosen = sampler.fit_resample(rows, split.y)[0].ravel()  # all rows, then the repeated ones
    repeated = np.full(len(chosen) - len(split), "repeated")
    return replace(split.take(chosen), transform=np.append(split.transform, repeated))


def _present(split: Split) -> dict[str, int]:
    """Rows per class, without the classes that have none; DataError for fewer than two."""
    counts = {label: n for label, n in split.class_counts().items() if n}
    if len(counts) < 2:
        raise DataError(f"balancing needs two classes or more; the rows hold {list(counts)}.")
    return counts


def _check_neighbours(split: Split, k_neighbors: int) -> None:
    """SMOTE needs k neighbours beside each row: say so in the user's terms, before it fails."""
    counts = _present(split)
    rarest = min(counts, key=lambda label: counts[label])
    if counts[rarest] <= k_neighbors:
        raise ParamError(
            f"balance.k_neighbors must be below the rarest class's size ({counts[rarest]} x "
            f"'{rarest}'); got {k_neighbors}. Lower it in params.yaml."
        )
