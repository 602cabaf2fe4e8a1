"""Rows that belong together: tables of twins, and groups of what is tied by an item or a person."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ferflow.core.errors import DataError
from ferflow.core.tables import read_table


def tied(items: NDArray[Any], group: NDArray[np.str_]) -> NDArray[np.int64]:
    """(n,) numbers of groups: rows of one share an item or a person, in a chain.

    items : (n,) what a row shows, such as its image's name. group : str (n,), '' if nobody
    knows the person. They are the connected components of a graph that ties items to persons.
    """
    names, item = np.unique(items, return_inverse=True)
    persons, person = np.unique(group, return_inverse=True)
    known = np.flatnonzero(group != "")
    n_nodes = len(names) + len(persons)
    ties = (np.ones(len(known)), (item[known], len(names) + person[known]))
    _, component = connected_components(coo_array(ties, shape=(n_nodes, n_nodes)), directed=False)
    return np.asarray(component[item], dtype=np.int64)


def read_twins_of(path: Path) -> pd.DataFrame:
    """The images of val and test with a twin in train: split, source_id, kind and more, as text.

    DataError if the file is missing or another table.
    """
    return _read(path, ["split", "source_id", "kind"])


def read_twins_within(path: Path) -> pd.DataFrame:
    """The images of one split with an earlier twin there: source_id, twin_of, as text.

    DataError if the file is missing or another table.
    """
    return _read(path, ["source_id", "twin_of"])


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    table = read_table(path, "table of twins", dtype=str, keep_default_na=False)
    if not set(columns) <= set(table.columns):
        raise DataError(
            f"{path} is not a table of twins: it has the columns {list(table.columns)}, "
            f"not {columns}. Delete it and run the command again."
        )
    return table
