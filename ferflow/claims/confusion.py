"""A printed confusion matrix: read it, and test whether its rows depend on the label at all.

Where predictions are compared with labels in another order, each row of the matrix follows the
same distribution, that of the predictions, whatever the true class. A test of independence sees
that (see `ferflow.claims.independence`).
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferflow.claims.decoder import one_vs_rest
from ferflow.claims.independence import (
    LEVEL,
    Independence,
    expected_counts,
    independence,
    quasi_independence,
)
from ferflow.core.errors import DataError
from ferflow.core.files import read_bounded
from ferflow.evaluation.intervals import wilson_interval
from ferflow.evaluation.metrics import table_of_counts

MAX_BYTES = 1 << 20
MAX_CLASSES = 100

_EXAMPLE = 'rows of counts as CSV, or JSON such as [[5, 1], [2, 4]] or {"labels": .., "matrix": ..}'


@dataclass(frozen=True)
class ConfusionMatrix:
    """counts : int64 (c, c), a row for each true class. labels : the c class names."""

    counts: NDArray[np.int64]
    labels: list[str]

    def table(self) -> pd.DataFrame:
        """All pairs as actual, predicted, count, share: what the pictures of the report draw."""
        return table_of_counts(self.counts, self.labels)


@dataclass(frozen=True)
class MatrixReading:
    """What a confusion matrix says.

    agreement : the accuracy that these row and column sums would give by chance.
    kappa : (accuracy - agreement) / (1 - agreement), Cohen 1960; 0 is chance, 1 perfect.
    chi_square, degrees : None if one row or column holds everything.
    p, test : the test of independence and its name; None if it cannot be made.
    odd_cell : (row, column, printed, expected) that adds most to chi-square, with
    p_without : the p where that cell is left out (quasi-independence, one degree less), or None
        if nothing can be told without the cell.
    """

    n: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    agreement: float
    kappa: float
    one_vs_rest_accuracy: float
    chi_square: float | None
    degrees: int | None
    p: float | None
    test: str | None
    odd_cell: tuple[str, str, int, float] | None
    p_without: float | None
    verdict: str


def read_matrix(path: Path) -> ConfusionMatrix:
    """The matrix in a CSV or JSON file; labels in the first row and column, if there are some.

    Raises DataError if it is missing, huge, empty, not square, or holds anything but counts.
    """
    try:
        text = read_bounded(path, MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text. Expected {_EXAMPLE}.") from None
    if not text.strip():
        raise DataError(f"{path} is empty. Expected {_EXAMPLE}.")
    parse = _parse_json if text.lstrip()[0] in "[{" else _parse_csv
    rows, labels = parse(path, text)
    counts = _counts(path, rows)
    labels = labels or [f"class {k}" for k in range(len(counts))]
    if len(labels) != len(counts):
        raise DataError(f"{path}: {len(labels)} labels for {len(counts)} classes.")
    return ConfusionMatrix(counts, labels)


def read_confusion(matrix: ConfusionMatrix) -> MatrixReading:
    """Accuracy, one-vs-rest accuracy and the test of independence, with a verdict."""
    counts = matrix.counts
    n, right = int(counts.sum()), int(np.trace(counts))
    low, high = wilson_interval(right, n)
    rows, columns = (counts.sum(axis=axis) / n for axis in (1, 0))
    agreement = float(rows @ columns)
    accuracy = right / n
    return MatrixReading(
        n=n,
        accuracy=accuracy,
        accuracy_low=low,
        accuracy_high=high,
        agreement=agreement,
        kappa=(accuracy - agreement) / (1 - agreement) if agreement < 1 else 0.0,
        one_vs_rest_accuracy=one_vs_rest(accuracy, len(counts)),
        **_dependence(matrix),
    )


def p_text(p: float) -> str:
    """'p = 0.55', or a bound where it is too small for a number."""
    return f"p = {p:.2g}" if p > 0 else "p < 1e-300"


def _dependence(matrix: ConfusionMatrix) -> dict[str, Any]:
    """The fields of a reading from `chi_square` on."""
    rows, columns = (np.flatnonzero(matrix.counts.sum(axis=axis)) for axis in (1, 0))
    counts = matrix.counts[np.ix_(rows, columns)]
    if min(counts.shape) < 2:
        names = ("chi_square", "degrees", "p", "test", "odd_cell", "p_without")
        verdict = "One row or column holds everything: independence cannot be tested."
        return dict.fromkeys(names) | {"verdict": verdict}
    expected = expected_counts(counts)
    surprise = (counts - expected) ** 2 / expected
    row, column = (int(k) for k in np.unravel_index(surprise.argmax(), surprise.shape))
    fitted = _fitted_without(counts, row, column)
    tested = independence(counts)
    without = None if fitted is None else quasi_independence(counts, (row, column), fitted)
    left_out = 0.0 if fitted is None else float(fitted[row, column])
    actual, predicted = matrix.labels[rows[row]], matrix.labels[columns[column]]
    odd = (actual, predicted, int(counts[row, column]), left_out)
    return {
        "chi_square": float(surprise.sum()),
        "degrees": (len(rows) - 1) * (len(columns) - 1),
        "p": tested.p if tested else None,
        "test": tested.test if tested else None,
        "odd_cell": odd,
        "p_without": without.p if without else None,
        "verdict": _verdict(tested, odd, without),
    }


def _fitted_without(counts: NDArray[np.int64], row: int, column: int) -> NDArray[np.float64] | None:
    """What the cells are expected to hold by all but the one that is left out.

    Under independence a cell is row sum x column sum / total. With the cell x itself unknown
    that reads x = (r + x)(c + x) / (n + x), where r, c, n are the sums without it; the terms in
    x**2 cancel and x = r c / (n - r - c) (Goodman 1968, quasi-independence). None if the cell
    is all there is of its row, of its column or of the rest.
    """
    filled = counts.astype(np.float64)
    filled[row, column] = 0
    r, c, n = filled[row].sum(), filled[:, column].sum(), filled.sum()
    rest = n - r - c
    if rest <= 0 or r == 0 or c == 0:
        return None
    filled[row, column] = r * c / rest
    return expected_counts(filled)


def _verdict(
    tested: Independence | None, odd: tuple[str, str, int, float], without: Independence | None
) -> str:
    shuffled = "predictions that do not depend on the label, as in a shuffled order"
    if tested is None:
        return "Cells with next to no images beside a great many: independence cannot be tested."
    words = _words(tested)
    if tested.p >= LEVEL and tested.least >= LEVEL:
        return (
            "Too few images to tell by this test whether the rows depend on the label: with these "
            f"row and column sums even the most dependent matrix has {p_text(tested.least)} "
            f"({words})."
        )
    if tested.p >= LEVEL:
        return f"The rows are consistent with {shuffled} ({words})."
    if without is not None and without.p >= LEVEL:
        actual, predicted, printed, expected = odd
        return (
            f"But for one cell the rows are consistent with {shuffled} ({_words(without)}): "
            f"{actual} taken for {predicted} is {printed}, where {expected:.1f} are expected "
            f"(with that cell: {words})."
        )
    return f"The rows depend on the label ({words}): a shuffled order would hardly show this."


def _words(tested: Independence) -> str:
    return f"{tested.test}, {p_text(tested.p)}"


def _parse_json(path: Path, text: str) -> tuple[Any, list[str] | None]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        return content, None
    labels = content.get("labels")
    if set(content) - {"labels", "matrix"} or not isinstance(labels, list | None):
        raise DataError(f"{path}: a JSON object must have 'matrix', and may have a list 'labels'.")
    return content.get("matrix"), [str(label) for label in labels] if labels else None


def _parse_csv(path: Path, text: str) -> tuple[list[list[str]], list[str] | None]:
    """Cells and labels; a first row or column that is not a number holds labels.

    Where both do, and name the same classes in two orders, the columns get the order of the rows.
    """
    first = text.splitlines()[0]
    separator = max(",;\t", key=first.count)
    try:
        table = list(csv.reader(text.splitlines(), delimiter=separator))
    except csv.Error as error:
        raise DataError(f"{path} is not CSV: {error}. Expected {_EXAMPLE}.") from None
    rows = [[cell.strip() for cell in row] for row in table]
    rows = [row for row in rows if any(row)]
    if not rows:
        raise DataError(f"{path} has no numbers. Expected {_EXAMPLE}.")
    labels = None
    if not any(map(_is_number, rows[0])):
        labels = [cell for cell in rows[0] if cell]
        rows = rows[1:]
    if rows and not any(_is_number(row[0]) for row in rows):
        across, labels = labels or [], [row[0] for row in rows]
        rows = [row[1:] for row in rows]
        across = across[-len(labels) :]  # before them may stand a word for both
        if len(set(labels)) == len(labels) and sorted(across) == sorted(labels):
            places = [across.index(label) for label in labels]
            rows = [[row[k] for k in places] if len(row) == len(places) else row for row in rows]
    return rows, labels


def _counts(path: Path, rows: Any) -> NDArray[np.int64]:
    """The cells as whole numbers (c, c); DataError says which is not."""
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise DataError(f"{path} has no matrix. Expected {_EXAMPLE}.")
    n = len(rows)
    if not 2 <= n <= MAX_CLASSES:
        raise DataError(f"{path}: a confusion matrix has 2 to {MAX_CLASSES} classes; got {n}.")
    for k, row in enumerate(rows):
        if len(row) != n:
            raise DataError(
                f"{path}: a confusion matrix is square; row {k + 1} of {n} has {len(row)} cells."
            )
    counts = np.array([[_count(path, cell) for cell in row] for row in rows], dtype=np.int64)
    if not counts.any():
        raise DataError(f"{path}: every cell is 0.")
    return counts


def _count(path: Path, cell: Any) -> int:
    if isinstance(cell, bool | list | dict | None) or not _is_number(str(cell)):
        raise DataError(f"{path}: a cell is a count of images; got {cell!r}.")
    value = float(str(cell))  # of a whole number with 309 digits or more: infinite
    if not 0 <= value < 1e12 or value != int(value):
        raise DataError(
            f"{path}: a cell is a whole number of images, 0 or more; got {cell!r}. "
            "Shares cannot be tested without the numbers of images behind them."
        )
    return int(value)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
