"""The galleries of the audit's page: examples of each finding, with their captions."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferflow.audit.measures import BLACK_WHITE, Audit
from ferflow.images.sheets import encode_png

_N_SHOWN = 20  # images of a gallery
_N_PAIRS = 10  # pairs of a gallery
_CHAINED = (
    "Relatives that are not twins. Left: an image outside train; right: the first image of its "
    "group in train. Other images of the group may link the two."
)


@dataclass(frozen=True)
class Shown:
    """An image as address, its split and class, and its name in the source."""

    address: str
    name: str
    source: str


@dataclass(frozen=True)
class Gallery:
    """Sets of images that belong together."""

    title: str
    note: str
    sets: Sequence[Sequence[Shown]]


def twin_galleries(audit: Audit) -> list[Gallery]:
    """Pairs of twins in train and outside it, and identical images with different labels."""
    parts = []
    for kind, table, what, note in (
        (
            "near",
            audit.twins,
            "Near twins",
            "Left: an image outside train; right: its twin in train.",
        ),
        (
            "exact",
            audit.twins,
            "Exact twins",
            "Identical pixels. Left: outside train; right: in train.",
        ),
        ("mirrored", audit.relatives, "Mirrored copies", _CHAINED),
        ("moved", audit.relatives, "Shifted, turned, zoomed or equalised copies", _CHAINED),
    ):
        rows = np.flatnonzero(table["kind"] == kind)
        title = f"{what} in train: {len(rows):,} images"
        pairs = _pairs(audit, table.iloc[_spread(rows, _N_PAIRS)])
        parts.append(_gallery(audit, title, note, pairs))
    groups, y = audit.pool.exact, audit.pool.y
    numbers = np.unique(groups[y != y[groups]])
    chosen = [np.flatnonzero(groups == number) for number in _spread(numbers, _N_PAIRS)]
    pairs = [[rows[0], rows[np.argmax(y[rows] != y[rows[0]])]] for rows in chosen]
    title = f"Identical images with different labels: {len(numbers):,} groups"
    return [*parts, _gallery(audit, title, "The first two with different labels.", pairs)]


def image_galleries(audit: Audit) -> list[Gallery]:
    """What single images were measured to be."""
    uneven = ~audit.constant
    flat = np.flatnonzero(audit.constant)
    pure = np.flatnonzero((audit.black_white > BLACK_WHITE) & uneven)
    faceless = np.flatnonzero(audit.faceless & uneven)
    blank = (
        "Few pixels differ from their neighbours: signs, lettering, plain surfaces, dark images."
    )
    sheets: list[tuple[str, str, Sequence[Any]]] = [
        (f"Flat images: {len(flat):,}", "", _spread(flat, _N_SHOWN)),
        (f"Over {BLACK_WHITE:.0%} black or white: {len(pure):,} more", "", _spread(pure, _N_SHOWN)),
        ("The fewest textured pixels", blank, _lowest(audit.texture, uneven)),
        ("The lowest contrast", "", _lowest(audit.contrast, uneven)),
        (
            f"No frontal face found: {len(faceless):,}",
            "Evenly spaced examples of all of them.",
            _spread(faceless, _N_SHOWN),
        ),
    ]
    return [_gallery(audit, title, note, [[row] for row in rows]) for title, note, rows in sheets]


def _gallery(audit: Audit, title: str, note: str, sets: Sequence[Sequence[Any]]) -> Gallery:
    """A gallery of sets of rows; a note says so if there are none."""
    shown = [[_shown(audit, row) for row in rows] for rows in sets]
    return Gallery(title, note if sets else "None.", shown)


def _shown(audit: Audit, row: int) -> Shown:
    pool = audit.pool
    png = base64.b64encode(encode_png(pool.x[row])).decode()
    name = f"{pool.split[row]} {audit.labels[pool.y[row]]}"
    return Shown(f"data:image/png;base64,{png}", name, str(pool.source_id[row]))


def _pairs(audit: Audit, twins: pd.DataFrame) -> list[list[int]]:
    """Rows of an image outside train and of its twin in train, for each in a table of twins."""

    def row_of(split: str, name: str) -> int:
        pool = audit.pool
        return int(np.flatnonzero((pool.source_id == name) & (pool.split == split))[0])

    columns = (twins[column].tolist() for column in ("split", "source_id", "train_source_id"))
    return [
        [row_of(split, name), row_of("train", twin)]
        for split, name, twin in zip(*columns, strict=True)
    ]


def _lowest(values: NDArray[np.float64], among: NDArray[np.bool_]) -> list[int]:
    """The rows with the lowest values (n,), lowest first, of those `among` (n,)."""
    rows = np.flatnonzero(among)
    return [int(row) for row in rows[np.argsort(values[rows], kind="stable")][:_N_SHOWN]]


def _spread(items: Sequence[Any] | NDArray[Any], n: int) -> list[Any]:
    """Up to n items, evenly spread over all."""
    places = np.linspace(0, len(items) - 1, min(len(items), n)).astype(int)
    return [items[place] for place in places]
