"""Predictions without the images whose twins the classifier was trained on.

An image of val or test that has a copy in train, or the same photograph in another cut, does not
tell whether the classifier can read a new face. `preprocess` lists them.
"""

from pathlib import Path

import pandas as pd

from ferflow.core.errors import DataError
from ferflow.core.tables import read_table
from ferflow.evaluation.predictions import TTA_SUFFIX

SUFFIX = "_without_twins"

_COLUMNS = {"split", "source_id", "kind"}
_WITHIN = ["source_id", "twin_of"]


def read_twins(path: Path) -> pd.DataFrame:
    """What `ferflow.preprocess.twin_table` wrote, all columns as text; DataError if it is not."""
    table = read_table(path, "table of twins", dtype=str, keep_default_na=False)
    if not set(table.columns) >= _COLUMNS:
        raise DataError(
            f"{path} is not a table of twins: it has the columns {list(table.columns)}, "
            f"not {sorted(_COLUMNS)}. Delete it and run the command again."
        )
    return table


def read_split_twins(path: Path) -> pd.DataFrame:
    """The table of twins within a split (`ferflow.preprocess.twin_table.split_twins`), as text."""
    table = read_table(path, "table of twins", dtype=str, keep_default_na=False)
    if list(table.columns) != _WITHIN:
        raise DataError(
            f"{path} is not a table of twins: it has the columns {list(table.columns)}, "
            f"not {_WITHIN}. Delete it and run the command again."
        )
    return table


def without_twins(predictions: pd.DataFrame, twins: pd.DataFrame) -> pd.DataFrame:
    """The predictions of val and test without the images in `twins`, as splits of their own.

    'test' becomes 'test_without_twins', 'test_tta' 'test_tta_without_twins'; a split of which
    nothing is left is not in the result.
    """
    plain = predictions["split"].str.removesuffix(TTA_SUFFIX)
    has_twin = pd.MultiIndex.from_arrays([plain, predictions["source_id"]]).isin(
        pd.MultiIndex.from_frame(twins[["split", "source_id"]])
    )
    rows = predictions[~has_twin & (predictions["split"] != "train")]
    return rows.assign(split=rows["split"] + SUFFIX)


def count_twins(predictions: pd.DataFrame, twins: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Split -> {'exact': n, 'near': n}: the images that `without_twins` leaves out of it."""
    return {
        name: {
            kind: int(((twins["split"] == name) & (twins["kind"] == kind)).sum())
            for kind in ("exact", "near")
        }
        for name in predictions["split"].unique()
        if name != "train"
    }
