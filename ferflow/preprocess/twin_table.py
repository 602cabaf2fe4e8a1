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
    train = np.flatnonzero(alive & pool.is_train)
    others = np.flatnonzero(alive & ~pool.is_train)
    first_twin, n_twins = _first_and_count(pool.twins, train)
    first_copy, _ = _first_and_count(pool.exact, train)
    rows = others[n_twins[pool.twins[others]] > 0]
    copy, twin = first_copy[pool.exact[rows]], first_twin[pool.twins[rows]]
    return pd.DataFrame(
        {
            "split": pool.split[rows],
            "source_id": pool.source_id[rows],
            "kind": np.where(copy >= 0, "exact", "near"),
            "train_source_id": pool.source_id[np.where(copy >= 0, copy, twin)],
            "n_in_train": n_twins[pool.twins[rows]],
        }
    )


def relative_table(pool: Pool, alive: Mask, twins: pd.DataFrame) -> pd.DataFrame:
    """A row for each image of val or test, among those `alive` (n,), with a relative in train.

    The rows of `twins` as `twin_table` made them are among them. Others are 'mirrored' against the
    first of their relatives in train, or else 'moved': shifted, turned, zoomed or equalised.
    """
    train = np.flatnonzero(alive & pool.is_train)
    others = np.flatnonzero(alive & ~pool.is_train)
    groups, mirrored = pool.relatives.groups, pool.relatives.mirrored
    first, n_relatives = _first_and_count(groups, train)
    rows = others[n_relatives[groups[others]] > 0]
    relative = first[groups[rows]]
    keys = ["split", "source_id"]
    table = pd.DataFrame(
        {
            "split": pool.split[rows],
            "source_id": pool.source_id[rows],
            "kind": np.where(mirrored[rows] != mirrored[relative], "mirrored", "moved"),
            "train_source_id": pool.source_id[relative],
            "n_in_train": n_relatives[groups[rows]],
        }
    ).set_index(keys)
    table.update(twins.set_index(keys)[["kind", "train_source_id"]])
    return table.reset_index()


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
