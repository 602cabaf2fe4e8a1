"""Predictions without the images whose twins, or relatives, the classifier was trained on.

An image of val or test that has a copy in train, or the same photograph in another cut, does not
tell whether the classifier can read a new face. `preprocess` lists them. Headline figures are those
without twins (exact and near); relatives, a wider circle, have splits of their own.
"""

import pandas as pd

from ferflow.evaluation.predictions import TTA_SUFFIX

SUFFIX = "_without_twins"
RELATIVES_SUFFIX = "_without_relatives"
TWIN_KINDS = ("exact", "near")
RELATIVE_KINDS = (*TWIN_KINDS, "mirrored", "moved")  # as `preprocess` names them


def without_either(
    predictions: pd.DataFrame,
    twins: pd.DataFrame,
    relatives: pd.DataFrame,
    trained_on: list[str],
) -> tuple[pd.DataFrame, ...]:
    """The predictions without twins, and those without relatives.

    None where val was trained on as well: the tables tell of twins in train alone.
    """
    if "val" in trained_on:
        return ()
    return without_twins(predictions, twins), without_twins(
        predictions, relatives, RELATIVES_SUFFIX
    )


def without_twins(
    predictions: pd.DataFrame, twins: pd.DataFrame, suffix: str = SUFFIX
) -> pd.DataFrame:
    """The predictions of val and test without the images in `twins`, as splits of their own.

    'test' becomes 'test_without_twins', 'test_tta' 'test_tta_without_twins', or whatever the
    suffix says; a split of which nothing is left is not in the result.
    """
    plain = predictions["split"].str.removesuffix(TTA_SUFFIX)
    has_twin = pd.MultiIndex.from_arrays([plain, predictions["source_id"]]).isin(
        pd.MultiIndex.from_frame(twins[["split", "source_id"]])
    )
    rows = predictions[~has_twin & (predictions["split"] != "train")]
    return rows.assign(split=rows["split"] + suffix)


def count_twins(predictions: pd.DataFrame, twins: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Split -> {'exact': n, 'near': n}: the images that `without_twins` leaves out of it."""
    return _count(predictions, twins, TWIN_KINDS)


def count_relatives(
    predictions: pd.DataFrame, relatives: pd.DataFrame
) -> dict[str, dict[str, int]]:
    """As `count_twins`, of relatives: 'mirrored' and 'moved' come to 'exact' and 'near'."""
    return _count(predictions, relatives, RELATIVE_KINDS)


def _count(
    predictions: pd.DataFrame, table: pd.DataFrame, kinds: tuple[str, ...]
) -> dict[str, dict[str, int]]:
    return {
        name: {
            kind: int(((table["split"] == name) & (table["kind"] == kind)).sum()) for kind in kinds
        }
        for name in predictions["split"].unique()
        if name != "train"
    }
