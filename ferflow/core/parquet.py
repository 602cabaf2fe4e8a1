"""Parquet files from anybody; never more of one than fits the memory."""

import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

# what `read_parquet` raises, and what follows from values that are not what they should be
MALFORMED = (pa.ArrowException, OSError, ValueError, KeyError, TypeError, MemoryError)

_MAX_ROWS = 1_000_000
_MAX_COLUMNS = 128
_MAX_UNPACKED = 256 << 20  # bytes


def read_parquet(content: bytes, wanted: Callable[[str], bool] = lambda _: True) -> pa.Table:
    """The columns wanted, by name. Words come as dictionaries: a long one may stand in every row.

    Raises one of MALFORMED if the content is not parquet, has too many rows or columns, or columns
    that are neither words nor numbers.
    """
    schema = pq.read_schema(io.BytesIO(content))
    names = [name for name in schema.names if wanted(name)]
    _check_columns(schema, names)
    with pq.ParquetFile(io.BytesIO(content), read_dictionary=names) as file:
        groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > _MAX_UNPACKED:
            raise ValueError(f"it unpacks to more than {_MAX_UNPACKED:,} bytes")
        # one byte of a file can stand for any number of equal values
        if max([file.metadata.num_rows, *(g.num_rows for g in groups)]) > _MAX_ROWS:
            raise ValueError(f"it has more than {_MAX_ROWS:,} rows")
        return file.read(columns=names, use_threads=False)


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
