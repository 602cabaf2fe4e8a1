"""Stored predictions: one parquet file, one row an image, the class probabilities in full.

Columns, in this order: ``source_id``, ``split`` and ``label`` (strings; ``label`` is the name of
the true class), then ``p_<class>`` (float64, 0 to 1) for each class in label order, and where
test-time augmentation was asked for ``tta_<class>``, its mean over views. ``twin_of``, if it is
known, names the first image of a row's twins in its split; '' stands for that image itself and for
those without twins. Every figure and score can be made again from such a file without running a
model. The same content gives the same bytes, so that DVC sees a change only if there is one.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ferflow.core.errors import DataError, one_line
from ferflow.core.files import atomic
from ferflow.core.parquet import MALFORMED
from ferflow.evaluation.metrics import checked

TEXT_COLUMNS = ["source_id", "split", "label"]
PREFIX, TTA_PREFIX = "p_", "tta_"
TTA_SUFFIX = "_tta"
TWIN_OF = "twin_of"


def prediction_frame(
    source_ids: Sequence[str] | NDArray[np.str_],
    split: str,
    y: NDArray[np.integer],
    p: NDArray[np.floating],
    labels: Sequence[str],
    tta: NDArray[np.floating] | None = None,
) -> pd.DataFrame:
    """The table of one split, rows in the order given.

    source_ids : n names of the source images.
    y : integer array of shape (n,), true class indices 0 to c - 1.
    p : float array of shape (n, c), class probabilities, kept as float64.
    labels : the c class names, in the order of the columns of ``p``.
    tta : as ``p``, of test-time augmentation, or None.
    Raises ValueError on what the metrics refuse, see `ferflow.evaluation.metrics`.
    """
    y, p = checked(y, p, labels)
    if len(source_ids) != len(y):
        raise ValueError(f"{len(y)} rows need as many source ids; got {len(source_ids)}")
    text = {
        "source_id": [str(name) for name in source_ids],
        "split": [split] * len(y),
        "label": [labels[k] for k in y],
    }
    chances = {PREFIX + name: p[:, k] for k, name in enumerate(labels)}
    if tta is not None:
        _, mean = checked(y, tta, labels)
        chances |= {TTA_PREFIX + name: mean[:, k] for k, name in enumerate(labels)}
    return pd.DataFrame(text | chances)


def tta_predictions(frame: pd.DataFrame) -> pd.DataFrame:
    """Those of test-time augmentation as splits of their own: 'val' becomes 'val_tta'.

    Without rows if there are none. They are of the same images, so that a gain is a gain.
    """
    labels = _class_names(frame)
    if TTA_PREFIX + labels[0] not in frame:
        return frame.iloc[:0]
    rows = frame[frame[TTA_PREFIX + labels[0]].notna()]
    means = {PREFIX + name: rows[TTA_PREFIX + name] for name in labels}
    kept = rows[[name for name in (*TEXT_COLUMNS, TWIN_OF) if name in rows]]
    return kept.assign(split=rows["split"] + TTA_SUFFIX, **means)


def with_twins(frame: pd.DataFrame, twins: pd.DataFrame) -> pd.DataFrame:
    """The table of one split with ``twin_of``, from the list of the twins within that split.

    twins : columns source_id and twin_of, a row for each image that has an earlier twin.
    """
    first = dict(zip(twins["source_id"], twins["twin_of"], strict=True))
    return frame.assign(**{TWIN_OF: [first.get(name, "") for name in frame["source_id"]]})


def twin_numbers(frame: pd.DataFrame, split: str) -> NDArray[np.int64] | None:
    """(n,) equal numbers for the twins among the rows of a split; None if nothing is known."""
    if TWIN_OF not in frame:
        return None
    rows = frame[frame["split"] == split]
    first = rows[TWIN_OF].where(rows[TWIN_OF] != "", rows["source_id"])
    return np.asarray(pd.factorize(first)[0], dtype=np.int64)


def split_predictions(
    frame: pd.DataFrame, split: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], list[str]]:
    """(y, p, labels) of one split of ``frame``, rows in their stored order.

    y : int64 of shape (n,); p : float64 of shape (n, c); labels : the c class names.
    Raises ValueError for a split that is not in the table, or a label without a column.
    """
    labels = _class_names(frame)
    rows = frame[frame["split"] == split]
    if rows.empty:
        raise ValueError(f"no rows of split {split!r}; the table has {sorted(set(frame['split']))}")
    index = {name: k for k, name in enumerate(labels)}
    unknown = sorted(set(rows["label"]) - set(index))
    if unknown:
        raise ValueError(f"labels must be among {labels}; got {unknown}")
    y = np.array([index[name] for name in rows["label"]], dtype=np.int64)
    p = rows[[PREFIX + name for name in labels]].to_numpy(dtype=np.float64)
    return y, np.ascontiguousarray(p), labels


def write_predictions(path: Path, frames: Sequence[pd.DataFrame]) -> None:
    """Write the tables of all splits, one after another, as one parquet file.

    The file appears under its name only when it is complete. Raises ValueError if there is no
    table, if the tables' classes differ, or if a split occurs in two of them.
    """
    if not frames:
        raise ValueError("need at least one table of predictions; got none")
    labels = _class_names(frames[0])
    for frame in frames[1:]:
        if _class_names(frame) != labels:
            raise ValueError(f"tables differ in classes: {labels} and {_class_names(frame)}")
    splits = [split for frame in frames for split in frame["split"].unique()]
    if len(set(splits)) < len(splits):
        raise ValueError(f"a split may occur in one table only; got {splits}")
    table = _arrow_table(pd.concat(frames, ignore_index=True))
    with atomic(path) as part:
        pq.write_table(table, part, compression="zstd")


def read_predictions(path: Path) -> pd.DataFrame:
    """The table that ``write_predictions`` wrote; DataError if it is missing or another one."""
    try:
        frame: pd.DataFrame = pq.read_table(path).to_pandas()
        _class_names(frame)
    except FileNotFoundError:
        raise DataError(f"{path} is not here. `dvc repro` makes it.") from None
    except MALFORMED as error:
        reason = one_line(error)
        raise DataError(
            f"{path} does not hold predictions ({reason}). Delete it and run `dvc repro`."
        ) from None
    return frame


def _arrow_table(frame: pd.DataFrame) -> pa.Table:
    """Columns with explicit types and no pandas metadata, which would name pandas' version."""
    words = (*TEXT_COLUMNS, TWIN_OF)
    columns = {
        name: pa.array(frame[name].tolist(), pa.string())
        if name in words
        else pa.array(frame[name].to_numpy(), pa.float64())
        for name in frame.columns
    }
    return pa.table(columns)


def _class_names(frame: pd.DataFrame) -> list[str]:
    """Class names in label order, from the columns; ValueError if the columns are not ours."""
    own = (name for name in frame.columns if name != TWIN_OF)
    columns = [name for name in own if not name.startswith(TTA_PREFIX)]
    text, chances = columns[: len(TEXT_COLUMNS)], columns[len(TEXT_COLUMNS) :]
    if text != TEXT_COLUMNS or not chances or not all(c.startswith(PREFIX) for c in chances):
        raise ValueError(
            f"a table of predictions has columns {TEXT_COLUMNS}, then {PREFIX}<class> for each "
            f"class; got {columns}"
        )
    return [name.removeprefix(PREFIX) for name in chances]
