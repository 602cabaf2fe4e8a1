"""Materialised augmentation: changed copies of training images, as rows of their own."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ferflow.augment.operations import DRAWS, Floats, change, draw_crop_pad_flip
from ferflow.augment.params import AugmentParams
from ferflow.core.files import pass_through
from ferflow.core.split import Split, load_split, split_writer

FILL = "crop_pad_flip"  # `transform` of the copies that fill up a rare class
_BATCH = 4096  # images in memory at a time


@dataclass(frozen=True)
class Copies:
    """Rows to add: of the images at `rows` (k,), what `drawn` says ((k, 2, 3) or (k,))."""

    transform: str
    rows: NDArray[np.intp]
    drawn: Floats


def draw_copies(split: Split, params: AugmentParams, seed: int) -> list[Copies]:
    """What to add to a split of images: the random draws, without the pixels yet."""
    rng = np.random.default_rng(seed)
    size = (split.x.shape[1], split.x.shape[2])
    every = np.arange(len(split))
    parts = []
    for copy in params.copies:
        drawn = DRAWS[copy.name](copy.amount, len(split), size, rng)
        parts.append(Copies(str(copy), every, drawn))
    if params.fill_rare == "crop_pad_flip":
        rows = _rows_to_fill(split, n_copies=len(params.copies), rng=rng)
        parts.append(Copies(FILL, rows, draw_crop_pad_flip(len(rows), size, rng)))
    return parts


def augmented_rows(split: Split, parts: list[Copies]) -> Split:
    """The words of all rows, the images' own first; `x` is still that of the images alone.

    A copy keeps its source_id, so that it can be kept on its image's side of any later split,
    and says in `transform` what was done.
    """
    rows = np.concatenate([np.arange(len(split)), *(part.rows for part in parts)])
    transforms = [np.full(len(part.rows), part.transform) for part in parts]
    empty = np.broadcast_to(np.uint8(0), (len(rows), *split.x.shape[1:]))  # filled in later
    transform = np.concatenate([split.transform, *transforms])
    return replace(split.take(rows, x=empty), transform=transform)


def fill_pixels(out: NDArray[np.uint8], split: Split, parts: list[Copies]) -> None:
    """Write the images and then their copies into `out`, of their shape, batch by batch."""
    out[: len(split)] = split.x
    start = len(split)
    for part in parts:
        for batch in _batches(len(part.rows)):
            images = np.asarray(split.x[part.rows[batch]])
            out[start : start + len(images)] = change(images, part.drawn[batch])
            start += len(images)


def augment(split: Split, params: AugmentParams, *, seed: int) -> Split:
    """The images followed by their changed copies, all in memory."""
    parts = draw_copies(split, params, seed)
    rows = augmented_rows(split, parts)
    x = np.empty((len(rows), *split.x.shape[1:]), np.uint8)
    fill_pixels(x, split, parts)
    return replace(rows, x=x)


def augment_file(
    source: Path, target: Path, params: AugmentParams, *, seed: int
) -> list[tuple[str, NDArray[np.uint8]]]:
    """Write the images in `source` and their copies to `target`; returns rows for a contact sheet.

    One batch is in memory at a time, so a data set may be larger than the memory.
    """
    split = load_split(source)
    if not params.copies and params.fill_rare == "none":
        pass_through(source, target)
        return [("no copies", split.x[:0])]
    parts = draw_copies(split, params, seed)
    rows = augmented_rows(split, parts)
    with split_writer(target, rows, split.x.shape[1:], split.x.dtype) as x:
        fill_pixels(x, split, parts)
    return sheet_rows(load_split(target), parts)


def sheet_rows(augmented: Split, parts: list[Copies]) -> list[tuple[str, NDArray[np.uint8]]]:
    """The first image of each class, and in a row for each part of the copies, what became of it.

    White if there is no copy of it: the largest class needs none.
    """
    images = augmented.original
    first = [np.flatnonzero(images & (augmented.y == label))[:1] for label in set(augmented.y)]
    shown = np.concatenate(first)
    rows, start = [("images", augmented.x[shown])], int(images.sum())
    for part in parts:
        copies = np.full_like(rows[0][1], 255)
        for column, row in enumerate(shown):
            for place in np.flatnonzero(part.rows == row)[:1]:
                copies[column] = augmented.x[start + place]
        rows.append((part.transform, copies))
        start += len(part.rows)
    return rows


def _batches(n: int) -> Iterator[slice]:
    return (slice(start, start + _BATCH) for start in range(0, n, _BATCH))


def _rows_to_fill(split: Split, *, n_copies: int, rng: Generator) -> NDArray[np.intp]:
    """Which images to copy so that every class that has any gets as many rows as the largest.

    Every image of a class is taken equally often, but for one.
    """
    counts = np.bincount(split.y, minlength=len(split.labels))
    chosen = [np.empty(0, np.intp)]
    for label in np.flatnonzero(counts):
        missing = int((counts.max() - counts[label]) * (1 + n_copies))
        members = rng.permutation(np.flatnonzero(split.y == label))
        chosen.append(np.resize(members, missing))
    return np.concatenate(chosen)
