"""Twins and relatives as tables: those of val and test in train; twins within each split."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferflow.images.twins import Groups
from ferflow.preprocess.filters import Mask, Pool


def twin_table(pool: Pool, alive: Mask) -> pd.DataFrame:
    """A row for each image of val or test, among those `alive` (n,), with a twin in train.

    Columns: split, source_id; kind, 'exact' where one of the twins is identical, else 'near';
    train_source_id, the first of the identical twins or else of all; n_in_train, how many
    training images the twins are.
    """
    return _table(pool, alive, pool.twins)


def relative_table(pool: Pool, alive: Mask) -> pd.DataFrame:
    """As `twin_table`, of relatives: the same images and more.

    These are 'mirrored' against the first of their relatives in train, or else 'moved': shifted,
    turned, zoomed or equalised. n_in_train counts relatives.
    """
    return _table(pool, alive, pool.relatives.groups)


def _table(pool: Pool, alive: Mask, groups: Groups) -> pd.DataFrame:
    """The table by groups (n,) that are twins or joined of them."""
    train = np.flatnonzero(alive & pool.is_train)
    others = np.flatnonzero(alive & ~pool.is_train)
    first, n_in_train = _first_and_count(groups, train)
    rows = others[n_in_train[groups[others]] > 0]
    relative = first[groups[rows]]
    copy, twin = (
        _first_and_count(closer, train)[0][closer[rows]] for closer in (pool.exact, pool.twins)
    )
    kind = np.full(len(rows), "moved", dtype="<U8")
    if (twin < 0).any():  # relatives are looked for only where they are asked for
        sense = pool.relatives.mirrored
        kind[sense[rows] != sense[relative]] = "mirrored"
    kind[twin >= 0] = "near"
    kind[copy >= 0] = "exact"
    return pd.DataFrame(
        {
            "split": pool.split[rows],
            "source_id": pool.source_id[rows],
            "kind": kind,
            "train_source_id": pool.source_id[
                np.select([copy >= 0, twin >= 0], [copy, twin], relative)
            ],
            "n_in_train": n_in_train[groups[rows]],
        }
    )


def split_twins(pool: Pool, alive: Mask, split: str) -> pd.DataFrame:
    """A row for each image of a split, among those `alive` (n,), that has an earlier twin there.

    Columns: source_id; twin_of, the first image of its twins.
    """
    rows = np.flatnonzero(alive & (pool.split == split))
    first, _ = _first_and_count(pool.twins, rows)
    earliest = first[pool.twins[rows]]
    later = earliest != rows
    found = {"source_id": rows[later], "twin_of": earliest[later]}
    return pd.DataFrame({column: pool.source_id[own] for column, own in found.items()})


def _first_and_count(groups: Groups, rows: NDArray[np.intp]) -> tuple[Groups, Groups]:
    """For each group number: the first of `rows` (rising) that is in it, or -1, and how many."""
    first = np.full(len(groups), -1)
    numbers, index = np.unique(groups[rows], return_index=True)
    first[numbers] = rows[index]
    return first, np.bincount(groups[rows], minlength=len(groups))
