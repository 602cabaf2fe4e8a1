"""FER-2013 as a CSV: `emotion`, `pixels` (48 x 48 grey levels, row by row) and `Usage`.

Both official files are read: fer2013.csv, also inside fer2013.tar.gz, and icml_face_data.csv,
whose columns stand in another order and whose header has spaces.
"""

import hashlib
import warnings
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.params import nearest
from ferflow.download.archives import Files
from ferflow.download.collection import Collection, image_rows
from ferflow.download.labels import FER2013_COUNTS, FER2013_LABELS, FER2013_SPLITS
from ferflow.images.size import SIDE

OFFICIAL_MD5 = {
    "f8428a1edbd21e88f42c73edd2a14f95": "fer2013.csv",
    "b114b9e04e6949e5fe8b6a98b3892b1d": "icml_face_data.csv",
}
COLUMNS = ("emotion", "pixels", "Usage")

T = TypeVar("T")

_N_PIXELS = SIDE * SIDE
_MAX_ROWS = 500_000  # FER-2013 has 35,887; these take 1.2 GB
_MAX_LINE = 1 << 16  # bytes; a row of 2,304 pixels has at most some 9,300
_USAGES = {usage.encode(): usage for usage in FER2013_SPLITS}
_LABELS = {str(i).encode(): i for i in range(len(FER2013_LABELS))}


def find_table(files: Files) -> str | None:
    """The file that holds the data, if any: one alone, one of an official name, the only .csv."""
    if files.kind == "file":
        return files.names[0]
    tables = [name for name in files.names if name.lower().endswith(".csv")]
    official = [n for n in tables if PurePosixPath(n).name in OFFICIAL_MD5.values()]
    candidates = official or tables
    return candidates[0] if official or len(tables) == 1 else None


def read(files: Files, name: str) -> Collection:
    """All images, in the order of the rows; the id is the usage and the row, counted from 0.

    Raises DataError naming the row (the header is row 1) and the value where one is impossible.
    """
    pixels, y = bytearray(), list[int]()
    usages, ids = list[str](), list[str]()
    digest = hashlib.md5(usedforsecurity=False)
    with files.open(name) as stream, warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how older NumPy reports a non-number
        lines = _lines(stream, digest, title := PurePosixPath(name).name)
        columns = _columns(title, next(lines, b""))
        for number, line in enumerate(lines, start=2):
            if len(y) == _MAX_ROWS:
                raise DataError(f"{title} has more than {_MAX_ROWS:,} rows: this is no FER-2013.")
            fields = line.split(b",")
            if len(fields) != len(columns):
                raise DataError(
                    f"{title}, row {number}: {len(fields)} fields, expected {len(columns)}."
                )
            label, text, usage = (fields[columns[c]].strip() for c in COLUMNS)
            y.append(_look_up(label, _LABELS, f"{title}, row {number}: emotion"))
            usages.append(_look_up(usage, _USAGES, f"{title}, row {number}: Usage"))
            pixels += _pixels(text, f"{title}, row {number}")
            ids.append(f"{usages[-1]}_{len(ids):05d}")
    if not y:
        raise DataError(f"{title} holds its header and no images.")
    if missing := [usage for usage in FER2013_SPLITS if usage not in usages]:
        raise DataError(f"{title} holds no {missing[0]} images; they are a part of FER-2013.")
    official = OFFICIAL_MD5.get(digest.hexdigest())
    note = f"the official {official}" if official else "not one of the official files by its md5"
    images = np.frombuffer(pixels, np.uint8).reshape(-1, SIDE, SIDE)
    return Collection(
        rows=image_rows(images, y, ids, FER2013_LABELS, data_set="FER-2013"),
        usage=np.array(usages),
        splits=FER2013_SPLITS,
        official_counts=FER2013_COUNTS,
        official_file=official is not None,
        notes=(f"{title} is {note}",),
    )


def _lines(stream: IO[bytes], digest: "hashlib._Hash", title: str) -> Iterator[bytes]:
    """The lines without their ends; none is longer than a row can be."""
    for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE), b""), start=1):
        digest.update(line)
        if len(line) == _MAX_LINE:
            raise DataError(
                f"{title}, row {number} is longer than {_MAX_LINE:,} bytes: this is no CSV of "
                "FER-2013. Legal for data.path: a zip, a folder, a CSV, a tar.gz around one."
            )
        yield line.rstrip(b"\r\n")


def _columns(title: str, header: bytes) -> dict[str, int]:
    """Column name -> position."""
    names = [word.strip().strip('"') for word in header.decode("utf-8-sig", "replace").split(",")]
    if sorted(names) != sorted(COLUMNS):
        raise DataError(
            f"{title} must begin with the header {','.join(COLUMNS)}; got {header[:60]!r}. "
            "Legal for data.path: a zip, a folder, a CSV of FER-2013, a tar.gz around one."
        )
    return {name: i for i, name in enumerate(names)}


def _look_up(value: bytes, legal: dict[bytes, T], place: str) -> T:
    """What a field stands for."""
    if value not in legal:
        got, words = value[:20].decode(errors="replace"), [key.decode() for key in legal]
        raise DataError(
            f"{place} must be one of {', '.join(words)}; got '{got}'.{nearest(got, words)}"
        )
    return legal[value]


def _pixels(text: bytes, place: str) -> bytes:
    """2,304 grey levels, each checked, as bytes."""
    try:
        values: NDArray[np.int64] = np.fromstring(text, np.int64, sep=" ")
    except (ValueError, DeprecationWarning):
        values = np.empty(0, np.int64)
    if len(values) == _N_PIXELS and values.min() >= 0 and values.max() <= 255:
        return values.astype(np.uint8).tobytes()
    raise DataError(f"{place}: {_fault(text)}")


def _fault(text: bytes) -> str:
    """What is wrong with a row's pixels."""
    words = text.split()
    for i, word in enumerate(words, start=1):
        if not word.isdigit() or int(word[:9]) > 255:
            return (
                f"pixel {i} must be a whole number from 0 to 255; "
                f"got '{word[:20].decode(errors='replace')}'."
            )
    return f"{len(words):,} pixels, expected {_N_PIXELS:,} ({SIDE}x{SIDE})."
