"""A file of answers as columns of words: CSV, or parquet where pyarrow is installed."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from ferflow.core.errors import DataError
from ferflow.core.files import read_bounded

_MAX_BYTES = 64 << 20  # 7,178 answers with seven probabilities have some 1 MB
_MAX_ROWS = 200_000

Columns = Mapping[str, list[str]]


def read_sheet(path: Path) -> Columns:
    """Column name -> its cells, in the file's order. Raises DataError for other files."""
    try:
        content = read_bounded(path, _MAX_BYTES)
    except FileNotFoundError:
        raise DataError(f"{path} is not here: no file has that name.") from None
    columns = _parquet(path, content) if content[:4] == b"PAR1" else _csv(path, content)
    if not columns or not next(iter(columns.values())):
        raise DataError(f"{path} holds no answers: a header and a row for each image are needed.")
    return columns


def _csv(path: Path, content: bytes) -> Columns:
    try:
        text = content.decode("utf-8-sig")
        first, _, _ = text.partition("\n")
        delimiter = max(",;\t", key=first.count)
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row
        ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is neither CSV nor parquet: {error}.") from None
    if not rows:
        return {}
    names = [name.strip() for name in rows[0]]
    if len(set(names)) < len(names):
        raise DataError(f"{path}: two columns have the same name: {', '.join(names)[:200]}.")
    if len(rows) > _MAX_ROWS:
        raise DataError(f"{path} has more than {_MAX_ROWS:,} rows: FER-2013 has 35,887 images.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise DataError(f"{path}, row {number}: {len(row)} cells, expected {len(names)}.")
    return {name: [row[k].strip() for row in rows[1:]] for k, name in enumerate(names)}


def _parquet(path: Path, content: bytes) -> Columns:
    from ferflow.download.parquet_rows import parquet_rows  # pyarrow

    (_, names), *rows = parquet_rows(io.BytesIO(content), str(path))
    return {name: [cells[k] for _, cells in rows] for k, name in enumerate(names)}
