"""The rows of a parquet file from anybody, as text."""

from collections.abc import Collection
from typing import IO, Any

import pyarrow as pa

from ferflow.core.errors import DataError, one_line
from ferflow.core.parquet import MALFORMED, read_parquet

_MAX_BYTES = 64 << 20
_MAX_WORD = 4096  # letters of a path or a class


def parquet_rows(
    stream: IO[bytes], title: str, wanted: Collection[str] | None = None
) -> list[tuple[int, list[str]]]:
    """The header and the rows of the columns wanted (in lower case), numbered as those of a CSV.

    wanted : None for all columns. Raises DataError if the file is not parquet, has more than a list
    of pictures can have, or columns that are neither words nor numbers.
    """
    content = stream.read(_MAX_BYTES + 1)
    try:
        if len(content) > _MAX_BYTES:
            raise ValueError(f"it is larger than {_MAX_BYTES:,} bytes")
        table = read_parquet(content, lambda name: wanted is None or name.strip().lower() in wanted)
        columns = [_texts(column) for column in table.columns]
    except MALFORMED as error:
        reason = one_line(error)
        raise DataError(f"{title} is not a parquet file that can be read ({reason}).") from None
    rows = enumerate(zip(*columns, strict=True), start=2)
    return [(1, list(table.column_names)), *((number, list(row)) for number, row in rows)]


def _texts(column: Any) -> list[str]:
    """The values of a column (arrow's ChunkedArray) as text, '' if there is none."""
    texts: list[str] = []
    for chunk in column.chunks:
        if not pa.types.is_dictionary(chunk.type):
            texts += ["" if value is None else str(value) for value in chunk.to_pylist()]
            continue
        words = ["" if word is None else str(word).strip() for word in chunk.dictionary.to_pylist()]
        if any(len(word) > _MAX_WORD for word in words):
            raise ValueError(f"a word is longer than {_MAX_WORD:,} letters")
        texts += ["" if i is None else words[i] for i in chunk.indices.to_pylist()]
    return texts
