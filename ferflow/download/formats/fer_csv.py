"""FER-2013 as a CSV: `emotion`, `pixels` (48 x 48 grey levels, row by row) and `Usage`.

The official files are read (fer2013.csv, also inside fer2013.tar.gz; icml_face_data.csv, whose
columns stand in another order and whose header has spaces), and what R, Excel and pandas make of
them: quotes, semicolons or tabs, an index column, blank lines, names in other cases.

Kaggle's challenge, and torchvision with it, has a train.csv without `Usage` and a test.csv without
`emotion`: the first is read as images without splits, and what is missing is said. Where both have
emotions, they are a data set with splits of its own.
"""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.params import nearest
from ferflow.core.progress import progress
from ferflow.core.rows import map_scratch, scratch_file
from ferflow.download.archives import Files
from ferflow.download.collection import Found
from ferflow.download.csv_rows import csv_rows
from ferflow.download.labels import (
    FER2013_COUNTS,
    FER2013_LABELS,
    FER2013_SPLITS,
    FER_PLUS,
    FER_PLUS_OFFER,
    PARTS,
    splits_of_parts,
)
from ferflow.images.size import SIDE

LOOKS_FOR = "FER-2013's CSV (columns emotion, pixels, Usage)"

OFFICIAL_MD5 = {
    "f8428a1edbd21e88f42c73edd2a14f95": "fer2013.csv",
    "b114b9e04e6949e5fe8b6a98b3892b1d": "icml_face_data.csv",
}
COLUMNS = ("emotion", "pixels", "Usage")

T = TypeVar("T")

_N_PIXELS = SIDE * SIDE
_MAX_ROWS = 2_000_000  # FER-2013 has 35,887; these take 4.6 GB on the disk
_MAX_TABLES = 100  # whose headers are looked at
_USAGES = {usage.lower(): usage for usage in FER2013_SPLITS}
_LABELS = {str(i): label for i, label in enumerate(FER2013_LABELS)}
_LEGAL_PATHS = "Legal for data.path: a folder, a zip, FER-2013's CSV, or a tar.gz of it."


def recognises(files: Files) -> bool:
    """Whether the files are one table, hold one of an official name, or one that has `pixels`."""
    return bool(_tables(files))


def _tables(files: Files) -> list[str]:
    """What may hold the data: a file alone, one of an official name, or all that have `pixels`."""
    if files.kind == "file":
        return files.names[:1]
    tables = [name for name in files.names if name.lower().endswith((".csv", ".tsv"))]
    for official in OFFICIAL_MD5.values():
        if found := [name for name in tables if PurePosixPath(name).name.lower() == official]:
            return found[:1]
    return [name for name in tables[:_MAX_TABLES] if "pixels" in _header(files, name)]


def _header(files: Files, name: str) -> list[str]:
    """The columns' names in lower case, empty if the first line has none."""
    try:
        with files.open(name) as stream:
            first = next(csv_rows(stream, name), (0, []))
    except DataError:
        return []
    return [word.lower() for word in first[1]]


@dataclass
class _Rows:
    """The images of the tables read so far, by row; the pixels lie in a temporary file."""

    pixels: IO[bytes]
    classes: list[str] = field(default_factory=list)
    usages: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


def read(files: Files) -> Found:
    """All images, in the order of the rows; the id is the usage and the row, counted from 0.

    Raises DataError that names the row (the header is row 1) and the value where one is impossible.
    """
    with scratch_file() as pixels:
        return _read(files, _Rows(pixels))


def _read(files: Files, rows: _Rows) -> Found:
    unlabelled, official = list[str](), None
    tables = sorted(_tables(files), key=lambda name: _part(name) or "")
    if len(tables) > 1:
        unlabelled = [name for name in tables if "emotion" not in _header(files, name)]
        tables = [name for name in tables if name not in unlabelled]
        if len(tables) > 1 and not all(map(_part, tables)):
            raise DataError(
                f"{files.title} has several tables with pixels ({', '.join(tables)}). Set "
                "data.path to one of them, or rename them train.csv, test.csv and perhaps val.csv."
            )
    for name in tables:
        digest = _read_table(files, name, rows, part=_part(name) if len(tables) > 1 else None)
        official = OFFICIAL_MD5.get(digest)
    title = ", ".join(PurePosixPath(name).name for name in tables)
    if not rows.classes:
        raise DataError(f"{title or files.title} has a header but no images.")
    notes = [f"{title} is {_origin(official)}"]
    notes += [f"{name} has no column emotion: its images cannot be used" for name in unlabelled]
    if any(PurePosixPath(name).name.lower() == FER_PLUS for name in files.names):
        notes.append(FER_PLUS_OFFER)
    splits, counts = FER2013_SPLITS, FER2013_COUNTS
    if not any(rows.usages):
        splits, counts = {}, {"": FER2013_COUNTS["Training"]}
    elif len(tables) > 1:
        splits, counts = splits_of_parts(rows.usages), {}
    elif missing := [usage for usage in FER2013_SPLITS if usage not in rows.usages]:
        raise DataError(f"{title} has no {missing[0]} images, which FER-2013 has.")
    return Found(
        data_set="FER-2013" if splits is FER2013_SPLITS else "FER-2013's format",
        classes=rows.classes,
        source_id=rows.ids,
        pixels=map_scratch(rows.pixels, np.uint8, (len(rows.ids), SIDE, SIDE)),
        known=FER2013_LABELS,
        usage=rows.usages,
        splits=splits,
        no_splits="" if splits else _what_is_missing(title, unlabelled),
        official_counts=counts,
        official_file=official is not None,
        notes=tuple(notes),
    )


def _read_table(files: Files, name: str, rows: _Rows, part: str | None) -> str:
    """Append the images of a table; returns the file's md5. part : their usage, None as it says."""
    digest = hashlib.md5(usedforsecurity=False)
    title = PurePosixPath(name).name
    with files.open(name) as stream, warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how older NumPy reports a non-number
        lines = csv_rows(stream, title, digest)
        header = next(lines, (1, []))[1]
        columns, width, shift = _columns(title, header), 0, 0
        for number, fields in progress(lines, f"reading {title}", unit="row"):
            if len(rows.ids) == _MAX_ROWS:
                raise DataError(f"{title} has more than {_MAX_ROWS:,} rows: this is not FER-2013.")
            if not width:  # R's write.table names no column for the row names
                shift = int(len(fields) == len(header) + 1)
                width = len(header) + shift
            if len(fields) != width:
                raise DataError(f"{title}, row {number}: {len(fields)} fields, expected {width}.")
            place = f"{title}, row {number}"
            rows.classes.append(
                _look_up(fields[columns["emotion"] + shift], _LABELS, f"{place}: emotion")
            )
            usage = part or ""
            if part is None and "usage" in columns:
                text = fields[columns["usage"] + shift]
                usage = _look_up(text, _USAGES, f"{place}: Usage", list(FER2013_SPLITS))
            rows.usages.append(usage)
            rows.pixels.write(_pixels(fields[columns["pixels"] + shift], place))
            rows.ids.append(f"{usage or 'image'}_{len(rows.ids):05d}")
    return digest.hexdigest()


def _columns(title: str, header: list[str]) -> Mapping[str, int]:
    """Column name in lower case -> position."""
    places = {name.lower(): i for i, name in enumerate(header)}
    if "pixels" in places and "emotion" not in places:
        raise DataError(
            f"{title} has no column emotion: like test.csv of Kaggle's challenge (and of "
            "torchvision) it has images without classes, which cannot be used to train or to "
            "score. Use fer2013.csv or icml_face_data.csv."
        )
    if not places.keys() >= {"pixels", "emotion"}:
        raise DataError(
            f"{title} must begin with the header {','.join(COLUMNS)}; "
            f"got {','.join(header)[:60]!r}. {_LEGAL_PATHS}"
        )
    return places


def _part(name: str) -> str | None:
    """The part of a data set that a file is named after."""
    stem = PurePosixPath(name).stem
    return stem if stem.lower() in PARTS else None


def _origin(official: str | None) -> str:
    return f"the official {official}" if official else "not one of the official files by its md5"


def _what_is_missing(title: str, unlabelled: list[str]) -> str:
    """Why a table has no splits."""
    test = f", and {', '.join(unlabelled)} no column emotion" if unlabelled else ""
    return (
        f"{title} has no column Usage{test}: the val and test images of FER-2013 are missing; "
        "fer2013.csv and icml_face_data.csv have them"
    )


def _look_up(text: str, legal: Mapping[str, T], place: str, words: list[str] | None = None) -> T:
    """What a field stands for. words : the legal ones as people write them."""
    value = text.strip()
    if value.lower() not in legal:
        words = words or list(legal)
        got = value[:20]
        raise DataError(
            f"{place} must be one of {', '.join(words)}; got '{got}'.{nearest(got, words)}"
        )
    return legal[value.lower()]


def _pixels(text: str, place: str) -> bytes:
    """2,304 grey levels, each checked, as bytes."""
    try:
        values: NDArray[np.int64] = np.fromstring(text, np.int64, sep=" ")
    except (ValueError, DeprecationWarning):
        values = np.empty(0, np.int64)
    if len(values) == _N_PIXELS and values.min() >= 0 and values.max() <= 255:
        return values.astype(np.uint8).tobytes()
    raise DataError(f"{place}: {_fault(text)}")


def _fault(text: str) -> str:
    """What is wrong with a row's pixels."""
    words = text.split()
    for i, word in enumerate(words, start=1):
        if not (word.isascii() and word.isdigit()) or int(word[:9]) > 255:
            return f"pixel {i} must be a whole number from 0 to 255; got '{word[:20]}'."
    return f"{len(words):,} pixels, expected {_N_PIXELS:,} ({SIDE}x{SIDE})."
