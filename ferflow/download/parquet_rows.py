"""The rows of a parquet file from anybody, as text; never more than fits the memory."""

import io
from collections.abc import Collection
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ferflow.core.errors import DataError
from ferflow.core.zips import MAX_MEMBERS

_MAX_BYTES = 64 << 20
_MAX_UNPACKED = 256 << 20
_MAX_WORD = 4096  # letters of a path or a class
_MAX_COLUMNS = 100


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
        schema = pq.read_schema(io.BytesIO(content))
        names = [name for name in schema.names if wanted is None or name.strip().lower() in wanted]
        _check_columns(schema, names)
        # words are kept once, and never copied: a long one may stand in every row
        with pq.ParquetFile(io.BytesIO(content), read_dictionary=names) as file:
            groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
            if sum(group.total_byte_size for group in groups) > _MAX_UNPACKED:
                raise ValueError(f"it unpacks to more than {_MAX_UNPACKED:,} bytes")
            # one byte of a file can stand for any number of equal values
            if max([file.metadata.num_rows, *(g.num_rows for g in groups)]) > MAX_MEMBERS:
                raise ValueError(f"it has more than {MAX_MEMBERS:,} rows")
            table = file.read(columns=names, use_threads=False)
        columns = [_texts(column) for column in table.columns]
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, MemoryError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{title} is not a parquet file that can be read ({reason}).") from None
    rows = enumerate(zip(*columns, strict=True), start=2)
    return [(1, list(table.column_names)), *((number, list(row)) for number, row in rows)]


def _check_columns(schema: pa.Schema, names: list[str]) -> None:
    """ValueError unless the columns are few, each once, of words or numbers.

    What is nested, or of a fixed length, is not kept once for equal values, and takes any memory.
    """
    if len(names) > _MAX_COLUMNS:
        raise ValueError(f"it has more than {_MAX_COLUMNS} columns")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two columns have the same name: {twice[0][:80]}")
    for name in names:
        kind = schema.field(name).type
        if pa.types.is_nested(kind) or pa.types.is_fixed_size_binary(kind):
            raise ValueError(f"column {name[:80]} holds {kind}, neither words nor numbers")


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
