"""What a table of answers says: a class for each image, and perhaps probabilities."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.params import nearest
from ferflow.fer2013.labels import FER2013_LABELS, common_spelling
from ferflow.score.sheet import Columns

_PREFIX = re.compile(r"^(p|prob|proba|probability|score|logit|class)[_ .:-]+")
_LABEL_COLUMNS = (  # the first that is there: 'label' may be the true one beside a prediction
    *("prediction", "predicted", "predicted_label", "pred", "answer", "output"),
    *("label", "emotion", "expression", "class"),
)
_TOLERANCE = 1e-3  # of a row's sum: three printed digits may miss 1 by so much

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Said:
    """y : int64 (n,), the class named, in FER-2013's order. p : float64 (n, 7), rows sum to 1; None
    where there are labels or mere scores. notes : what a reader of the figures should know."""

    y: NDArray[np.int64]
    p: Numbers | None
    notes: tuple[str, ...] = ()


def read_said(columns: Columns, images: str) -> Said:
    """The answers in the columns but `images`; DataError where they cannot be read for certain."""
    others = {name: cells for name, cells in columns.items() if name != images}
    classes = {name: k for name in others if (k := _class_of(name)) is not None}
    if len(classes) > 1:
        return _probabilities(others, classes)
    labels = [name for wanted in _LABEL_COLUMNS for name in others if name.lower() == wanted]
    if not labels and len(others) == 1:
        labels = list(others)
    if not labels:
        raise DataError(
            f"which class a column stands for is not said ({', '.join(others)[:200] or 'none'}). "
            f"Name the seven columns of probabilities {', '.join(FER2013_LABELS)}, in any order, "
            "or one column of labels 'prediction'."
        )
    return Said(_labels(labels[0], others[labels[0]]), None)


def _class_of(word: str) -> int | None:
    name = common_spelling(_PREFIX.sub("", word.strip().lower()))
    return None if name is None else FER2013_LABELS.index(name)


def _labels(column: str, cells: Sequence[str]) -> NDArray[np.int64]:
    """Words, or numbers in FER-2013's order."""
    numbers = {form: k for k in range(len(FER2013_LABELS)) for form in (str(k), f"{k}.0")}
    found = np.empty(len(cells), np.int64)
    for row, cell in enumerate(cells):
        label = numbers.get(cell, _class_of(cell))
        if label is None:
            raise DataError(
                f"{column}, row {row + 2}: '{cell[:40]}' is not a class."
                f"{nearest(cell, FER2013_LABELS)} Legal: {', '.join(FER2013_LABELS)}, or 0 to 6 "
                "in that order."
            )
        found[row] = label
    return found


def _probabilities(columns: Columns, classes: dict[str, int]) -> Said:
    missing = [name for k, name in enumerate(FER2013_LABELS) if k not in classes.values()]
    if missing or len(classes) != len(FER2013_LABELS):
        what = f"no column for {', '.join(missing)}" if missing else "two columns for one class"
        raise DataError(f"there is {what}; got {', '.join(classes)}.")
    p = np.empty((len(next(iter(columns.values()))), len(FER2013_LABELS)))
    for name, k in classes.items():
        p[:, k] = _numbers(name, columns[name])
    y = p.argmax(axis=1).astype(np.int64)
    if (p < 0).any():
        return Said(y, None, ("some numbers are negative: taken for scores, without calibration",))
    sums = p.sum(axis=1)
    if not sums.all():
        raise DataError(f"row {int(np.argmin(sums)) + 2}: its probabilities are all 0.")
    off = np.abs(sums - 1) > _TOLERANCE
    notes = []
    if off.any():
        row = int(off.argmax())
        notes.append(
            f"the probabilities of {off.sum():,} rows do not sum to 1 (row {row + 2}: "
            f"{sums[row]:.4g}); each row was divided by its sum"
        )
    return Said(y, p / sums[:, None], tuple(notes))


def _numbers(name: str, cells: Sequence[str]) -> Numbers:
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        try:
            values[row] = float(cell)
        except ValueError:
            break
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise DataError(f"{name}, row {row + 2}: '{cells[row][:40]}' is not a finite number.")
    return values
