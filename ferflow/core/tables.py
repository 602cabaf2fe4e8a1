"""Small tables as CSV: readable in Git, and what `dvc plots` draws."""

import io
from pathlib import Path
from typing import Any

import pandas as pd

from ferflow.core.errors import DataError, one_line
from ferflow.core.files import atomic, read_bounded

_MAX_BYTES = 256 << 20  # the longest, the twins of 36,000 images, has some 200,000


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table with six significant digits, enough for a picture and stable in a diff."""
    with atomic(path) as part:
        table.to_csv(part, index=False, float_format="%.6g", lineterminator="\n")


def read_table(path: Path, what: str = "table", **options: Any) -> pd.DataFrame:
    """The table in a CSV file, with pandas' options; DataError if it is missing or damaged.

    what : what the file should be, for messages.
    """
    try:
        table: pd.DataFrame = pd.read_csv(io.BytesIO(read_bounded(path, _MAX_BYTES)), **options)
    except FileNotFoundError:
        raise DataError(f"{path} is not here. `dvc repro` makes it.") from None
    except ValueError as error:  # pandas' parser errors are ValueErrors, and so is bad UTF-8
        reason = one_line(error)
        raise DataError(
            f"{path} is not a {what} ({reason}). Delete it and run the command again."
        ) from None
    return table
