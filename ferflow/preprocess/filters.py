"""Filters: which images leave, and why.

They act one after another in the order of `active_filters`, and each sees only images that no
earlier one took out; so every image is counted under one reason. What needs a look at the image
alone comes first, then what compares images.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ferflow.core.face_shape import GREY_48, FaceShape
from ferflow.core.rows import stack
from ferflow.core.split import Split
from ferflow.images.faces import faces_of, grey_levels, small_grey
from ferflow.images.haar import has_face
from ferflow.images.measures import (
    black_white_share,
    contrast,
    in_chunks,
    is_constant,
    textured_share,
)
from ferflow.images.relatives import Relatives, relatives
from ferflow.images.twins import Groups, exact_groups, twin_groups
from ferflow.preprocess.params import FilterParams

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Pool:
    """The images of all splits, one split after another.

    x : faces, uint8 (n, height, width) or (n, height, width, 3), see `faces_of`. y : int64 (n,).
    source_id, split : (n,) names of images, splits.
    twin_distance : bits, see `ferflow.images.twins`. Groups are found when first asked for.
    """

    x: NDArray[np.uint8]
    y: NDArray[np.int64]
    source_id: NDArray[np.str_]
    split: NDArray[np.str_]
    twin_distance: int

    @classmethod
    def of(
        cls, splits: Mapping[str, Split], twin_distance: int, shape: FaceShape = GREY_48
    ) -> "Pool":
        """The pictures of splits as faces of that shape, in their order."""
        parts = list(splits.values())
        names = np.repeat(list(splits), [len(part) for part in parts])
        y, source_id = (
            np.concatenate([getattr(part, column) for part in parts])
            for column in ("y", "source_id")
        )
        return cls(faces_of(stack([p.x for p in parts]), shape), y, source_id, names, twin_distance)

    @cached_property
    def is_train(self) -> Mask:
        return np.asarray(self.split == "train")

    @cached_property
    def grey(self) -> NDArray[np.uint8]:
        """The faces' grey levels (n, height, width)."""
        return grey_levels(self.x)

    @cached_property
    def exact(self) -> Groups:
        return exact_groups(self.x)

    @cached_property
    def small_grey(self) -> NDArray[np.uint8]:
        """Grey (n, 48, 48): what twins are looked for in."""
        return small_grey(self.x)

    @cached_property
    def twins(self) -> Groups:
        return twin_groups(self.small_grey, self.twin_distance)

    @cached_property
    def relatives(self) -> Relatives:
        return relatives(self.small_grey, self.twins)


# (pool, rows, alive) -> which of `rows` (k,) to take out. `alive` (n,) has what is left by now.
Filter = Callable[[Pool, Rows, Mask], Mask]


def run_filters(pool: Pool, alive: Mask, params: FilterParams) -> Iterator[tuple[str, Rows]]:
    """Yield (reason, rows taken out) for each filter that is switched on.

    Filters act on the training images that are `alive` (n,), and with `filter_val_test` on those
    of the other splits too, each split for itself.
    """
    alive = alive.copy()
    scope = np.ones_like(alive) if params.filter_val_test else pool.is_train
    for reason, take_out in active_filters(params).items():
        rows = np.flatnonzero(alive & scope)
        gone = rows[take_out(pool, rows, alive)]
        alive[gone] = False
        yield reason, gone


def active_filters(params: FilterParams) -> dict[str, Filter]:
    """Reason -> filter, for those switched on, in the order in which they act."""
    most_pure, least_contrast = params.max_black_white, params.min_contrast
    least_texture = params.min_texture
    filters: dict[str, Filter] = {}
    if params.drop_constant:
        filters["constant"] = _alone(is_constant)
    if most_pure is not None:
        filters["black and white"] = _alone(lambda x: black_white_share(x) > most_pure)
    if least_contrast is not None:
        filters["low contrast"] = _alone(lambda x: contrast(x) < least_contrast)
    if least_texture is not None:
        filters["few textured pixels"] = _alone(lambda x: textured_share(x) < least_texture)
    if params.drop_without_face:
        filters["no face"] = _alone(lambda x: ~has_face(x))
    if params.drop_contradictory:
        filters["contradictory labels"] = _contradictory
    if params.drop_twins_of_val_test:
        filters["twin of val or test"] = _twin_of_val_test
    if params.drop_exact_duplicates:
        filters["exact duplicate"] = _later_in(lambda pool: pool.exact)
    if params.drop_near_duplicates:
        filters["near duplicate"] = _later_in(lambda pool: pool.twins)
    return filters


def _alone(judge: Callable[[NDArray[np.uint8]], Mask]) -> Filter:
    """A filter that judges grey levels (k, height, width), each image on its own."""

    def take_out(pool: Pool, rows: Rows, _: Mask) -> Mask:
        return in_chunks(lambda part: judge(pool.grey[part]), rows, np.bool_)

    return take_out


def _later_in(groups: Callable[[Pool], Groups]) -> Filter:
    """A filter that keeps the first image of each group in each split."""

    def take_out(pool: Pool, rows: Rows, _: Mask) -> Mask:
        later = np.ones(len(rows), np.bool_)
        later[np.unique(_by_split(pool, groups(pool), rows), return_index=True)[1]] = False
        return later

    return take_out


def _contradictory(pool: Pool, rows: Rows, _: Mask) -> Mask:
    """All identical images of a split whose labels differ: nobody knows which label is right.

    Each split is asked for its own labels only, or test labels would shape the training rows.
    """
    group = _by_split(pool, pool.exact, rows)
    labelled = np.unique(np.stack([group, pool.y[rows]]), axis=1)
    n_labels = np.bincount(labelled[0])
    return np.asarray(n_labels[group] > 1)


def _twin_of_val_test(pool: Pool, rows: Rows, alive: Mask) -> Mask:
    """Training images with a twin in what is left of val and test."""
    others = pool.twins[alive & ~pool.is_train]
    return np.asarray(pool.is_train[rows] & np.isin(pool.twins[rows], others))


def _by_split(pool: Pool, groups: Groups, rows: Rows) -> NDArray[np.intp]:
    """(k,) numbers from 0 that are equal for rows of the same group and the same split."""
    _, split = np.unique(pool.split[rows], return_inverse=True)
    pairs = np.stack([groups[rows], split])
    return np.unique(pairs, axis=1, return_inverse=True)[1].ravel()
