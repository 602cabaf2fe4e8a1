"""Which entry of the table an image is: by its name, its row, or its pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ferflow.fer2013.table import UNKNOWN, Table, pixel_hash

_OTHER_ORDER = 0.01  # share of labels that differ, above which rows are not those of fer2013.csv

Entries = NDArray[np.int64]


def find_entries(
    table: Table, ids: Sequence[str], labels: NDArray[np.int64], images: NDArray[np.uint8]
) -> Entries:
    """The entry of each image (n,), UNKNOWN if the table has none.

    ids : as the readers of the folder edition and of fer2013.csv give them. labels : (n,) indices
    into FER2013_LABELS, UNKNOWN for another class. images : uint8 (n, height, width).
    Names and rows are believed while the labels under them are the table's; whatever has another
    name, or all images where labels differ (rows in another order), are told by their pixels.
    """
    entries = by_id(table, ids)
    known = (entries != UNKNOWN) & (table.label[entries] != UNKNOWN)
    differ = known & (table.label[entries] != labels)
    if differ.sum() > _OTHER_ORDER * known.sum():
        entries[:] = UNKNOWN
    open_ = np.flatnonzero(entries == UNKNOWN)
    entries[open_] = by_pixels(table, labels[open_], images[open_])
    return entries


def by_id(table: Table, ids: Sequence[str]) -> Entries:
    """The entries that bear these ids."""
    place = {
        name: k for names in (table.row_ids(), table.source_ids()) for k, name in _named(names)
    }
    return np.array([place.get(name, UNKNOWN) for name in ids], dtype=np.int64)


def by_pixels(table: Table, labels: NDArray[np.int64], images: NDArray[np.uint8]) -> Entries:
    """The entries with the same pixels in either edition: of several the first with the label."""
    place: dict[int, int] = {}
    labelled: dict[tuple[int, int], int] = {}
    for hashes in (table.csv_hash, table.folder_hash):
        for entry in np.flatnonzero(hashes).tolist():
            found = int(hashes[entry])
            place.setdefault(found, entry)
            labelled.setdefault((found, int(table.label[entry])), entry)
    keys = [int(pixel_hash(image), 16) for image in images]
    entries = [
        labelled.get((key, int(label)), place.get(key, UNKNOWN))
        for key, label in zip(keys, labels, strict=True)
    ]
    return np.array(entries, dtype=np.int64)


def _named(names: Sequence[str]) -> list[tuple[int, str]]:
    return [(k, name) for k, name in enumerate(names) if name]
