"""The table of FER-2013's images: row, file, usage, label, FER+'s votes, twins, hashes of pixels.

`table.npz` beside this module has no pixels; `benchmarks/fer2013_table.py` makes it. Its entries
are the 35,887 rows of fer2013.csv in their order, and after them the 177 files of the folder
edition (msambare/fer2013 on Kaggle) whose row nobody knows: as many rows as FER+ leaves out, by
which rows and files were joined. An entry without a file has no label, hash or twins either.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.fer2013.labels import CONTEMPT, FER2013_LABELS, FER2013_SPLITS

N_ROWS = 35_887  # of fer2013.csv
FILE = Path(__file__).with_name("table.npz")
USAGES = tuple(FER2013_SPLITS)
UNKNOWN = -1  # in whole numbers; a hash that is not known is 0

Votes = NDArray[np.uint8]


@dataclass(frozen=True)
class Table:
    """All entries, n = 36,064.

    usage : uint8 (n,), index into USAGES. label : int8 (n,), index into FER2013_LABELS.
    number : int32 (n,), of the file '<class>/<usage>_<number>.jpg' in the folder edition.
    ferplus_name : int32 (n,), the number in FER+'s image name, 'fer0000000.png'.
    votes : uint8 (n, 10) in the order of FERPLUS_COLUMNS; all 0 where FER+ has none.
    csv_hash, folder_hash : uint64 (n,), `pixel_hash` in both editions.
    csv_twins, folder_twins : int64 (n,), the first entry of each group of twins, exact and near.
    """

    usage: NDArray[np.uint8]
    label: NDArray[np.int8]
    number: NDArray[np.int32]
    ferplus_name: NDArray[np.int32]
    votes: Votes
    csv_hash: NDArray[np.uint64]
    folder_hash: NDArray[np.uint64]
    csv_twins: NDArray[np.int64]
    folder_twins: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.usage)

    @property
    def row(self) -> NDArray[np.int64]:
        """(n,) row in fer2013.csv, from 0."""
        entries = np.arange(len(self))
        return np.where(entries < N_ROWS, entries, UNKNOWN)

    def source_ids(self) -> list[str]:
        """The id of each entry's file, as the folder edition's reader gives it; '' without one."""
        return [
            f"{FER2013_LABELS[label]}/{USAGES[usage]}_{number}" if number >= 0 else ""
            for usage, label, number in zip(
                self.usage.tolist(), self.label.tolist(), self.number.tolist(), strict=True
            )
        ]

    def row_ids(self) -> list[str]:
        """The id of each row, as the reader of fer2013.csv gives it; '' for a file without one."""
        ids = [f"{USAGES[usage]}_{row:05d}" for row, usage in enumerate(self.usage[:N_ROWS])]
        return ids + [""] * (len(self) - N_ROWS)


@cache
def load_table() -> Table:
    """The table in the package."""
    with np.load(FILE, allow_pickle=False) as file:
        arrays: dict[str, Any] = dict(file)
    entries = np.arange(len(arrays["usage"]))
    for edition in ("csv", "folder"):  # kept as steps back, which are nearly all 0
        arrays[f"{edition}_twins"] = entries - arrays[f"{edition}_twins"]
    return Table(**arrays)


def clear_majority(votes: Votes, *, contempt: bool = False) -> NDArray[np.int64]:
    """(n,) the class that more people named than anything else, UNKNOWN if there is none.

    votes : (n, 10). There is none if two lead alike, or where most say unknown, no face ('NF')
    or contempt, unless `contempt` makes that an eighth class; nor where nobody was asked.
    """
    n_classes = len(class_names(contempt=contempt))
    most = votes.max(axis=1, keepdims=True)
    leads = votes == most
    winner = leads.argmax(axis=1)
    clear = (most[:, 0] > 0) & (leads.sum(axis=1) == 1) & (winner < n_classes)
    return np.where(clear, winner, UNKNOWN)


def shares(votes: Votes, *, contempt: bool = False) -> NDArray[np.float32]:
    """(n, 7 or 8) the votes for each class as shares of those for any; 0 if there are none."""
    named = votes[:, : len(class_names(contempt=contempt))].astype(np.float32)
    return np.asarray(named / np.maximum(named.sum(axis=1, keepdims=True), 1))


def class_names(*, contempt: bool = False) -> tuple[str, ...]:
    """FER-2013's classes, and FER+'s eighth if it is one."""
    return (*FER2013_LABELS, CONTEMPT) if contempt else FER2013_LABELS


def pixel_hash(image: NDArray[np.uint8]) -> str:
    """16 hexadecimal digits that stand for an image's grey levels."""
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=8).hexdigest()
