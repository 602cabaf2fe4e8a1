"""The rows of a CSV from anybody: quoted or not, with commas, semicolons or tabs."""

import csv
import hashlib
from collections.abc import Iterator
from typing import IO

from ferflow.core.errors import DataError

_MAX_LINE = 1 << 16  # bytes; a row of 2,304 pixels has at most some 9,300
_DELIMITERS = ",;\t"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # how such a file begins


class EncodingError(DataError):
    """A table is in an encoding other than UTF-8."""


def csv_rows(
    stream: IO[bytes], title: str, digest: "hashlib._Hash | None" = None
) -> Iterator[tuple[int, list[str]]]:
    """Number of the line (from 1) and the fields of each row that is not blank, without spaces.

    The first row, the header, tells the delimiter. digest : fed with the file's bytes.
    Raises EncodingError if the file is UTF-16; DataError that names the row that is too long, or in
    which a quote is not closed.
    """
    lines = _lines(stream, title, digest)
    first = next(lines, "")
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(_with_first(first, lines), delimiter=delimiter, skipinitialspace=True)
    try:
        for fields in rows:
            fields = [field.strip() for field in fields]
            if any(fields):
                yield rows.line_num, fields
    except csv.Error as error:
        raise DataError(f"{title}, row {rows.line_num} cannot be read as CSV: {error}.") from None


def _with_first(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _lines(stream: IO[bytes], title: str, digest: "hashlib._Hash | None") -> Iterator[str]:
    """The lines as text; none is longer than a row can be."""
    encoding = "utf-8-sig"  # Excel begins with a mark
    for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE), b""), start=1):
        if digest is not None:
            digest.update(line)
        if number == 1 and line.startswith(_UTF_16):
            raise EncodingError(
                f"{title} is encoded in UTF-16. Tables must be UTF-8: save it again (in Excel as "
                f"'CSV UTF-8'), or: iconv -f UTF-16 -t UTF-8 {title} > utf8.csv"
            )
        if len(line) == _MAX_LINE:
            raise DataError(
                f"{title}, row {number} is longer than {_MAX_LINE:,} bytes. This is not a CSV of "
                "pictures or labels."
            )
        yield line.decode(encoding, "replace")
        encoding = "utf-8"
