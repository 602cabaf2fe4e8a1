"""Which of FER-2013's images a column of a table names: by file, row, FER+'s name or hash."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.fer2013.table import N_ROWS, UNKNOWN, Table
from ferflow.score.sheet import Columns

KINDS = "a file name (PrivateTest_<number>.jpg), a row of fer2013.csv (from 0), FER+'s image name "
KINDS += "(fer0000000.png) or a hash of the pixels (16 hexadecimal digits)"

_ROW = re.compile(r"\d{1,5}(\.0)?")
_FERPLUS = re.compile(r"fer(\d{7})(\.png)?")
_HASH = re.compile(r"[0-9a-f]{16}")

Place = dict[str, list[int]]  # an image's name -> the entries that bear it


@dataclass(frozen=True)
class Named:
    """The column that names the images.

    column, kind : its name, and what its cells are. entries : int64 (n,), UNKNOWN for a cell that
    names no image. copies : entry -> the row that answers for it, where images are told by their
    pixels and one answer was given for several copies.
    """

    column: str
    kind: str
    entries: NDArray[np.int64]
    copies: dict[int, int]


def find_images(table: Table, columns: Columns) -> Named:
    """The column that names the most images; DataError where none does, or one is named twice."""
    found = [
        (column, kind, place)
        for column, cells in columns.items()
        for kind, place in _places(table, cells)
    ]
    named = [len({*map(_plain, columns[column])} & place.keys()) for column, _, place in found]
    if not any(named):
        raise DataError(
            f"no column names FER-2013's images ({', '.join(columns)[:200]}). Needed: {KINDS}."
        )
    column, kind, place = found[int(np.argmax(named))]
    return _named(column, kind, [_plain(cell) for cell in columns[column]], place)


def _named(column: str, kind: str, cells: Sequence[str], place: Place) -> Named:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, cell in enumerate(cells):
        rows[cell].append(row)
    entries = np.full(len(cells), UNKNOWN, np.int64)
    copies: dict[int, int] = {}
    for cell, bearing in rows.items():
        entries_of = place.get(cell, [])
        if entries_of and len(bearing) > len(entries_of):
            first, second = (row + 2 for row in bearing[:2])
            raise DataError(f"{column}: {cell} is answered twice, in rows {first} and {second}.")
        for row, entry in zip(bearing, entries_of, strict=False):
            entries[row] = entry
        copies |= dict.fromkeys(entries_of[len(bearing) :], bearing[0])
    return Named(column, kind, entries, copies)


def _places(table: Table, cells: Sequence[str]) -> Iterable[tuple[str, Place]]:
    """What a column's cells may be, told by the look of its first ones."""
    looked = [_plain(cell) for cell in cells[:20]]

    def most(fits: Callable[[str], object]) -> bool:
        return 2 * sum(map(bool, map(fits, looked))) > len(looked)

    if most(_ROW.fullmatch):
        yield "row", {str(row): [row] for row in range(N_ROWS)}
    elif most(_FERPLUS.fullmatch):
        known = np.flatnonzero(table.ferplus_name != UNKNOWN).tolist()
        yield "FER+ name", {f"fer{table.ferplus_name[k]:07d}": [k] for k in known}
    elif most(_HASH.fullmatch):
        yield "hash", _by_hash(table)
    elif most(lambda cell: "Test_" in cell or "Training_" in cell):
        yield "file", _by_file(table.source_ids())
        yield "row id", _by_file(table.row_ids())


def _by_file(ids: Sequence[str]) -> Place:
    """Ids with and without their class; a number that stands in two classes needs the class."""
    place: Place = {}
    twice = set()
    for entry, name in enumerate(ids):
        if name:
            stem = name.rpartition("/")[2]
            twice |= {stem} if stem in place and stem != name else set()
            place[name] = place[stem] = [entry]
    return {name: entries for name, entries in place.items() if name not in twice}


def _by_hash(table: Table) -> Place:
    place: Place = defaultdict(list)
    for hashes in (table.csv_hash, table.folder_hash):
        for entry in np.flatnonzero(hashes).tolist():
            here = place[f"{int(hashes[entry]):016x}"]
            if entry not in here:
                here.append(entry)
    return dict(place)


def _plain(cell: str) -> str:
    """A cell without folders and endings that say nothing: 'test/angry/PrivateTest_1.jpg'."""
    if _ROW.fullmatch(cell):
        return str(int(float(cell)))
    parts = re.sub(r"\.(jpe?g|png)$", "", cell.replace("\\", "/"), flags=re.IGNORECASE).split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 and "_" in parts[-1] else parts[-1]
