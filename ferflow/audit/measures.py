"""The audit of a data set: twins, contradictions, images that show no face, light."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferflow.core.face_shape import GREY_48, FaceShape
from ferflow.core.progress import progress
from ferflow.core.split import Split
from ferflow.evaluation.without_twins import RELATIVE_KINDS
from ferflow.images.haar import has_face
from ferflow.images.measures import (
    black_white_share,
    brightness,
    contrast,
    in_chunks,
    is_constant,
    textured_share,
)
from ferflow.images.twins import TWIN_DISTANCE, Groups, join, near_pairs
from ferflow.preprocess.filters import Mask, Pool
from ferflow.preprocess.twin_table import relative_table, twin_table

RECALL_FILE = Path(__file__).parent / "recall.json"
BLACK_WHITE = 0.8  # share of pixels from which an image counts as black and white
DISTANCES = (0, 2, 4, 6, 8)  # bits, for the table that shows what the choice does

_FACES_AT_ONCE = 2048  # threads share them out

Counts = dict[str, Any]


@dataclass(frozen=True)
class Audit:
    """A data set and what was measured on each image; everything else follows when asked for.

    pool : the images of all splits. labels : class names in label order.
    meta : the data set's name and how it is split.
    """

    pool: Pool
    labels: tuple[str, ...]
    meta: dict[str, Any]

    @cached_property
    def constant(self) -> Mask:
        return is_constant(self.pool.grey)

    @cached_property
    def faceless(self) -> Mask:
        return ~in_chunks(has_face, self.pool.grey, np.bool_, _FACES_AT_ONCE)

    @cached_property
    def black_white(self) -> NDArray[np.float64]:
        return black_white_share(self.pool.grey)

    @cached_property
    def texture(self) -> NDArray[np.float64]:
        return textured_share(self.pool.grey)

    @cached_property
    def contrast(self) -> NDArray[np.float64]:
        return contrast(self.pool.grey)

    @cached_property
    def brightness(self) -> NDArray[np.float64]:
        return brightness(self.pool.grey)

    @cached_property
    def twins(self) -> pd.DataFrame:
        """The images of val and test with a twin in train, see `twin_table`."""
        return twin_table(self.pool, np.ones(len(self.pool.y), np.bool_))

    @cached_property
    def relatives(self) -> pd.DataFrame:
        """Those with a relative in train, twins among them, see `relative_table`."""
        return relative_table(self.pool, np.ones(len(self.pool.y), np.bool_))

    @property
    def splits(self) -> list[str]:
        return list(dict.fromkeys(self.pool.split.tolist()))


def audit(splits: Mapping[str, Split], shape: FaceShape = GREY_48) -> Audit:
    """An audit of the raw pictures of all splits, as faces of that shape."""
    first = next(iter(splits.values()))
    return Audit(Pool.of(splits, TWIN_DISTANCE, shape), first.labels, first.meta)


def count(audit: Audit) -> Counts:
    """All counts of an audit, ready for JSON."""
    pool = audit.pool
    steps: dict[str, Callable[[], Any]] = {
        "images": lambda: per_class(audit, np.ones(len(pool.y), np.bool_)),
        "constant": lambda: per_class(audit, audit.constant),
        "black_and_white": lambda: per_class(audit, audit.black_white > BLACK_WHITE),
        "no_face": lambda: per_class(audit, audit.faceless),
        "exact": lambda: count_twins(pool, pool.exact),
        "near": lambda: {"distance": pool.twin_distance, **count_twins(pool, pool.twins)},
        "relatives": lambda: {
            **count_twins(pool, pool.relatives.groups),
            "in_train_by_kind": relatives_by_kind(audit),
        },
        "twins_by_distance": lambda: twins_by_distance(audit),
        "contrast": lambda: per_class_range(audit, audit.contrast),
        "brightness": lambda: per_class_range(audit, audit.brightness),
    }
    about = {key: audit.meta[key] for key in ("data_set", "split") if key in audit.meta}
    return about | {name: make() for name, make in progress(steps.items(), "audit", unit="step")}


def per_class(audit: Audit, chosen: Mask) -> dict[str, dict[str, int]]:
    """Split -> class -> how many of the `chosen` (n,) images."""
    counts = {}
    for name in audit.splits:
        y = audit.pool.y[chosen & (audit.pool.split == name)]
        n = np.bincount(y, minlength=len(audit.labels)).tolist()
        counts[name] = dict(zip(audit.labels, n, strict=True))
    return counts


def per_class_range(audit: Audit, values: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Class -> 5th, 50th and 95th percentile of a measure (n,) over all splits, two decimals."""
    ranges = {}
    for label, name in enumerate(audit.labels):
        of_class = values[audit.pool.y == label]
        if len(of_class):
            low, middle, high = np.percentile(of_class, [5, 50, 95]).round(2).tolist()
            ranges[name] = {"p5": low, "median": middle, "p95": high}
    return ranges


def count_twins(pool: Pool, groups: Groups) -> Counts:
    """What groups (n,) of twins mean for the splits and the labels.

    duplicates : images beyond the first of their group; within : the same, inside each split.
    in_train : images of each other split with a twin in train. contradictory_groups : groups
    of which the images have more than one label.
    """
    rows = np.arange(len(groups))
    size = np.bincount(groups, minlength=len(groups))
    _, split = np.unique(pool.split, return_inverse=True)
    n_splits, n_labels = _distinct(groups, split), _distinct(groups, pool.y)
    has_train = np.isin(groups, groups[pool.is_train])
    names = list(dict.fromkeys(pool.split.tolist()))
    return {
        "groups": int((size > 1).sum()),
        "duplicates": int((groups != rows).sum()),
        "within": {
            name: int(sum(pool.split == name) - len(np.unique(groups[pool.split == name])))
            for name in names
        },
        "groups_across_splits": int((n_splits > 1).sum()),
        "in_train": {
            name: int((has_train & (pool.split == name)).sum()) for name in names if name != "train"
        },
        "contradictory_groups": int((n_labels > 1).sum()),
        "contradictory_images": int((n_labels[groups] > 1).sum()),
    }


def twins_by_distance(audit: Audit) -> list[Counts]:
    """`count_twins` of near twins for several distances, in bits."""
    exact = audit.pool.exact
    pairs = near_pairs(audit.pool.small_grey, exact, max(DISTANCES))
    return [
        {"distance": distance, **count_twins(audit.pool, join(exact, pairs, distance))}
        for distance in DISTANCES
    ]


def relatives_by_kind(audit: Audit) -> dict[str, dict[str, int]]:
    """Kind -> split -> its images with a relative in train."""
    table, others = audit.relatives, [name for name in audit.splits if name != "train"]
    return {
        kind: {
            name: int(((table["kind"] == kind) & (table["split"] == name)).sum()) for name in others
        }
        for kind in RELATIVE_KINDS
    }


def recall() -> Counts:
    """What `benchmarks/twins.py` measured of how many copies are found."""
    return dict(json.loads(RECALL_FILE.read_text(encoding="utf-8")))


def _distinct(groups: Groups, values: NDArray[np.integer]) -> NDArray[np.intp]:
    """(n,) how many different values (n,) each group number has."""
    pairs = np.unique(np.stack([groups, values]), axis=1)
    return np.bincount(pairs[0], minlength=len(groups))
