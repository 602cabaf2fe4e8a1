"""Relatives: twins, and copies that are mirrored, shifted, turned, zoomed or equalised.

A wider circle than `ferflow.images.twins`, whose groups it takes over and joins. Images are
equalised, for light should not matter, and looked at through waves: low frequencies of the cosine
transform under a Gaussian window, so that what lies at the border counts little.

Pairs are told in two steps. Linear discriminants of the waves, measured once on faces and their
copies (`benchmarks/twins.py axes`), vary much between photographs and little between copies of
one. Pairs that are alike on these axes are then registered: how well is one image explained by
the other and its derivatives by shift, turn, zoom and contrast? That is the tangent distance of
Simard, LeCun and Denker, "Efficient pattern recognition using a new transformation distance"
(1993), with the mean of both images' tangents. A mirror turns the sign of the waves that are odd
across, so that mirrored copies are looked for at the same time.

The limit was chosen by looking at pairs of FER-2013. Of 240 pairs below it, the 120 nearest to it
and all 64 mirrored ones among them, none shows two photographs; of 64 between it and 0.05 three do.
How many copies are found: `ferflow/audit/recall.json`. Every image is compared with every other, so
ten times as many images take a hundred times as long.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ferflow.core.progress import progress
from ferflow.core.rows import Taken, batches, scratch_array
from ferflow.images.measures import fill, in_chunks, is_constant
from ferflow.images.twins import Groups
from ferflow.images.waves import SIDE, Numbers, make_waves

LIKENESS = 0.82  # on the axes, -1 to 1, of pairs that are registered
LIMIT = 0.03  # of what registration leaves unexplained, as a share of the image

AXES_FILE = Path(__file__).parent / "axes.json"

_WHOLE = 700  # the axes as whole numbers: 32 products of them stay exact in float32
_ROWS, _COLUMNS = 256, 512  # images compared at a time, which a core's cache holds
_SEEN_AT_ONCE = 2048  # images
_PAIRS_AT_ONCE = 2048  # to be registered
_FAINTEST = 1.0  # grey levels; photographs are seen as some hundred
_RIDGE = 1e-6  # keeps a registration solvable where an image looks the same after a change


@dataclass(frozen=True)
class Relatives:
    """groups : int64 (n,), the row of the first image of each one's group.

    mirrored : bool (n,), whether an image is mirrored against that first one.
    """

    groups: Groups
    mirrored: NDArray[np.bool_]


def relatives(images: NDArray[np.uint8], twins: Groups) -> Relatives:
    """The groups of `twins` (n,) among uint8 images (n, height, width), joined where they belong.

    Of each group of twins the first image is compared. Flat images have no relatives.
    """
    rows = np.flatnonzero((twins == np.arange(len(twins))) & ~is_constant(images))
    views = look(Taken(images, rows))
    textured = np.flatnonzero(np.isfinite(views[:, 0, 0]))  # once small, a picture may be flat
    first, second, mirrored = related_pairs(Taken(views, textured))
    rows = rows[textured]
    return _joined(twins, rows[first], rows[second], mirrored)


def look(images: Any) -> Numbers:
    """(n, 5, k) what the waves and their derivatives see of images; NaN for a flat one.

    The length of what the k waves themselves see is 1. The result lies in a temporary file.
    """
    waves = make_waves()

    def seen(part: NDArray[np.uint8]) -> Numbers:
        small = np.stack([_small(image) for image in part]).reshape(len(part), -1)
        views = (small.astype(np.float32) @ waves.projections.T).reshape(len(part), 5, -1)
        length = np.linalg.norm(views[:, 0], axis=1)
        length[length < _FAINTEST] = np.nan
        return np.asarray(views / length[:, None, None])

    views = scratch_array((len(images), 5, len(waves.even)), np.float32)
    fill(views, seen, images, _SEEN_AT_ONCE)
    return views


def related_pairs(views: Any) -> tuple[Groups, Groups, NDArray[np.bool_]]:
    """Rows first < second, int64 (m,), of related images; (m,) whether one is mirrored.

    views : (n, 5, k) as `look` gives them, an array or `Rows`.
    """
    found = [np.empty((3, 0), np.int64)]
    for pairs in batches(alike(*on_axes(views)), _PAIRS_AT_ONCE):
        left = in_chunks(
            lambda part: unexplained(views[part[:, 0]], views[part[:, 1]], part[:, 2] > 0),
            pairs.T,
            np.float32,
            _PAIRS_AT_ONCE,
        )
        found.append(pairs[:, left <= LIMIT])
    first, second, mirrored = np.concatenate(found, axis=1)
    return first, second, mirrored > 0


def alike(even: Numbers, odd: Numbers) -> Iterator[Groups]:
    """Pairs of images that are alike on the axes, as they are or in the mirror, in parts.

    even, odd : (n, axes) as `on_axes` gives them. A part is int64 (3, m): rows first < second,
    and 1 where one is mirrored. The likeness of two images is the cosine of what the axes see of
    them. Its even part is the same in the mirror, its odd part turns its sign: the better of both
    is their E + |O|.
    """
    least = LIKENESS * _WHOLE**2
    for top in progress(range(0, len(even), _ROWS), "relatives", unit="batch"):
        for left in range(top // _COLUMNS * _COLUMNS, len(even), _COLUMNS):
            rows, columns = slice(top, top + _ROWS), slice(left, left + _COLUMNS)
            odds = odd[rows] @ odd[columns].T
            likeness = np.abs(odds)
            likeness += even[rows] @ even[columns].T
            above = likeness >= least
            # eight places at a time: hardly any is set
            full = np.flatnonzero(above.reshape(-1).view(np.uint64))
            place = (full[:, None] * 8 + np.arange(8)).ravel()
            place = place[above.reshape(-1)[place]]
            first, second = np.divmod(place, above.shape[1])
            upper = first + top < second + left
            mirrored = odds.reshape(-1)[place] < 0
            yield np.stack([first + top, second + left, mirrored])[:, upper]


def unexplained(a: Numbers, b: Numbers, mirrored: NDArray[np.bool_]) -> Numbers:
    """(m,) which share of an image its partner does not explain after registration, from 0.

    a, b : (m, 5, k) as `look` gives them. mirrored : (m,) whether to mirror b first.
    """
    sign = np.where(make_waves().even, 1, -1)
    signs = np.array([[1], [-1], [1], [-1], [1]]) * sign  # across and turn change their sense
    b = np.where(mirrored[:, None, None], b * signs.astype(np.float32), b)
    apart = b[:, 0] - a[:, 0]
    tangents = (a + b) / 2  # the image itself is its derivative by contrast
    squares = tangents @ tangents.transpose(0, 2, 1) + _RIDGE * np.eye(5, dtype=np.float32)
    along = (tangents @ apart[:, :, None])[:, :, 0]
    moved = np.linalg.solve(squares, along[:, :, None])[:, :, 0]
    return np.asarray((apart * apart).sum(axis=1) - (along * moved).sum(axis=1))


def _small(image: NDArray[np.uint8]) -> Any:
    """The image (height, width) small and equalised, uint8 (SIDE, SIDE)."""
    return cv2.equalizeHist(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


@cache
def _axes() -> dict[str, Numbers]:
    """mean (even waves,), even and odd (axes, waves of that kind), in thousandths."""
    kept = json.loads(AXES_FILE.read_text(encoding="utf-8"))
    return {name: np.array(numbers, np.float32) for name, numbers in kept.items()}


def on_axes(views: Any) -> tuple[Numbers, Numbers]:
    """What the even and the odd axes see of views (n, 5, k): whole numbers, `_WHOLE` together.

    Rows of zeros follow, up to a whole number of columns.
    """
    axes, even = _axes(), make_waves().even
    n = -(-len(views) // 8) * 8
    on_even, on_odd = (np.zeros((n, len(axes[side])), np.float32) for side in ("even", "odd"))
    for start in range(0, len(views), _SEEN_AT_ONCE):
        seen = views[start : start + _SEEN_AT_ONCE][:, 0]
        sides = (1000 * seen[:, even] - axes["mean"]) @ axes["even"].T, seen[:, ~even] * 1000
        both = np.concatenate([sides[0], sides[1] @ axes["odd"].T], axis=1)
        both *= _WHOLE / np.linalg.norm(both, axis=1, keepdims=True)
        np.rint(both, out=both)
        part = slice(start, start + len(both))
        on_even[part], on_odd[part] = np.split(both, [len(axes["even"])], axis=1)
    return on_even, on_odd


def _joined(twins: Groups, first: Groups, second: Groups, mirrored: NDArray[np.bool_]) -> Relatives:
    """The groups of twins after related ones became one.

    Every image stands twice, as it is (row) and mirrored (n + row). What is linked to an image as
    it is has its sense, what is linked to its mirror image the other.
    """
    n = len(twins)
    rows, other = np.arange(n), second + n * mirrored
    ends = (other + n) % (2 * n)
    links = np.array(
        [[*rows, *(rows + n), *first, *(first + n)], [*twins, *(twins + n), *other, *ends]],
        dtype=np.int64,
    )
    graph = coo_array((np.ones(links.shape[1], np.bool_), tuple(links)), (2 * n, 2 * n))
    _, component = connected_components(graph, directed=False)
    group = np.minimum(component[:n], component[n:])
    _, index, inverse = np.unique(group, return_index=True, return_inverse=True)
    groups = np.asarray(index[inverse], dtype=np.int64)
    return Relatives(groups, component[:n] != component[groups])
