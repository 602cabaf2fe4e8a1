"""The table of FER-2013's images in ferflow/fer2013, made anew from its sources.

usage: python -m benchmarks.fer2013_table FER2013.zip FER2013.csv FER2013NEW.csv ROWS.csv

The folder edition (msambare/fer2013), fer2013.csv, FER+'s votes (github.com/microsoft/FERPlus,
MIT), and a table with the columns `file` and `row`, which says where in fer2013.csv each picture of
the folder edition stands (found by comparing pixels). Pixels of fer2013.csv are taken for the rows
named there alone; of the others neither file nor label is known, and their pictures take part in
the search for twins as the folder edition has them. A minute or two.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferflow.core.files import atomic
from ferflow.download.sources import read_path
from ferflow.fer2013.labels import FERPLUS_COLUMNS
from ferflow.fer2013.table import FILE, N_ROWS, UNKNOWN, USAGES, load_table, pixel_hash
from ferflow.images.twins import exact_groups, twin_groups

Array = NDArray[Any]


def main() -> None:
    """Make the table, write it and say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path, nargs=4)
    columns = make(*parser.parse_args().sources)
    with atomic(FILE) as part, part.open("wb") as file:
        np.savez_compressed(file, **columns, allow_pickle=False)
    table = load_table()
    known = np.flatnonzero(table.label != UNKNOWN)
    print(f"{FILE}: {FILE.stat().st_size:,} bytes, {len(table):,} entries")
    print(f"rows without a file: {int((table.number[:N_ROWS] == UNKNOWN).sum())}")
    for edition in ("csv", "folder"):
        twins = getattr(table, f"{edition}_twins")
        seen = np.isin(twins, twins[known][table.usage[known] == 0])
        copies = int((twins[known] != known).sum())
        print(f"{edition}: {copies:,} copies of an earlier image", end="")
        for usage in (1, 2):
            n = int(seen[known][table.usage[known] == usage].sum())
            print(f"; {USAGES[usage]}: {n} with a twin in Training", end="")
        print()


def make(folder: Path, csv: Path, ferplus: Path, rows: Path) -> dict[str, Array]:
    """The columns of the table, as `ferflow.fer2013.table` says."""
    pictures = read_path(folder)
    ids = pictures.rows.source_id.tolist()
    joined = pd.read_csv(rows).set_index("row")["file"].str.split("/", n=1).str[1]
    row_of = {file.rsplit(".", 1)[0]: int(str(row)) for row, file in joined.items()}
    left = [name for name in ids if name not in row_of]
    entry = np.array([row_of.get(name, -1) for name in ids])
    entry[entry < 0] = N_ROWS + np.arange(len(left))
    n = N_ROWS + len(left)

    votes = pd.read_csv(ferplus)
    official = read_path(csv).rows.x
    usage = np.zeros(n, np.uint8)
    usage[:N_ROWS] = votes["Usage"].map(USAGES.index)
    if (usage[entry[entry < N_ROWS]] != _usage(pictures.usage)[entry < N_ROWS]).any():
        raise SystemExit("the rows named are not those of the files: their usage differs.")
    usage[entry] = _usage(pictures.usage)
    as_csv = pictures.rows.x.copy()
    as_csv[entry < N_ROWS] = official[entry[entry < N_ROWS]]
    names = votes["Image name"].str.extract(r"(\d+)")[0].astype(float).fillna(UNKNOWN)
    columns: dict[str, Array] = {
        "usage": usage,
        "label": _at(entry, pictures.rows.y.astype(np.int8), n, UNKNOWN),
        "number": _at(entry, _numbers(ids), n, UNKNOWN),
        "ferplus_name": _at(np.arange(N_ROWS), names.to_numpy(np.int32), n, UNKNOWN),
        "votes": np.zeros((n, len(FERPLUS_COLUMNS)), np.uint8),
    }
    columns["votes"][:N_ROWS] = np.where(  # 'NF' ten times where FER+ has no image
        votes[["Image name"]].notna(), votes[list(FERPLUS_COLUMNS)], 0
    )
    for edition, images in (("csv", as_csv), ("folder", pictures.rows.x)):
        known = entry < N_ROWS if edition == "csv" else np.ones(len(entry), np.bool_)
        columns[f"{edition}_hash"] = _at(entry[known], _hashes(images[known]), n, 0)
        columns[f"{edition}_twins"] = _steps_back(entry, images, n)
        print(f"{edition}: {int((exact_groups(images) != np.arange(len(images))).sum()):,} exact")
    return columns


def _usage(words: NDArray[np.str_]) -> NDArray[np.uint8]:
    return np.array([USAGES.index(word) for word in words], np.uint8)


def _numbers(ids: list[str]) -> NDArray[np.int32]:
    return np.array([int(name.rsplit("_", 1)[1]) for name in ids], np.int32)


def _hashes(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return np.array([int(pixel_hash(image), 16) for image in images], np.uint64)


def _at(entry: NDArray[np.int64], values: Array, n: int, missing: int) -> Array:
    """The values of some entries as a column of all."""
    column = np.full(n, missing, values.dtype)
    column[entry] = values
    return column


def _steps_back(entry: NDArray[np.int64], images: NDArray[np.uint8], n: int) -> NDArray[np.int32]:
    """(n,) from each entry to the first one of its group of twins."""
    groups = twin_groups(images)
    first = np.full(len(groups), n)
    np.minimum.at(first, groups, entry)
    return np.asarray(_at(entry, (entry - first[groups]).astype(np.int32), n, 0), np.int32)


if __name__ == "__main__":
    main()
