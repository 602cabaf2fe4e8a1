"""Cleaning: which images stay, and what is done to their pixels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ferflow.artifacts import Split
from ferflow.data.lighting import Lighting, correct_lighting
from ferflow.errors import ParamError
from ferflow.params import Record, nearest

Counts = dict[str, dict[str, int]]  # reason -> class -> images taken out


class PreprocessParams(Record):
    """The section `preprocess`."""

    drop_constant: bool
    classes: list[str] | None
    lighting: Lighting


def preprocess(split: Split, params: PreprocessParams, *, is_train: bool) -> tuple[Split, Counts]:
    """Filter a split of images and correct its lighting.

    Filters for quality act on training images alone: taking hard images out of val or test
    would change the question. A class subset acts on every split and is part of the protocol.
    """
    removed: Counts = {}
    labels = split.labels
    if params.classes is not None:
        wanted = _class_indices(params.classes, labels)
        split, removed["class not wanted"] = _keep(split, np.isin(split.y, wanted))
    for reason, keep in _filters(params).items() if is_train else ():
        split, removed[reason] = _keep(split, keep(split.x))
    if params.classes is not None:
        split = _renumber(split, params.classes)
    meta = split.meta | {"lighting": params.lighting, "train_filters": list(_filters(params))}
    if params.classes is not None:
        meta["class_subset_of"] = list(labels)
    return replace(split, x=correct_lighting(split.x, params.lighting), meta=meta), removed


def is_constant(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(n,) which images have one grey level throughout: no face, no information."""
    return np.asarray(np.ptp(images, axis=(1, 2)) == 0)


def _filters(
    params: PreprocessParams,
) -> dict[str, Callable[[NDArray[np.uint8]], NDArray[np.bool_]]]:
    """Reason -> which training images (n, height, width) stay, for the filters switched on."""
    filters = {}
    if params.drop_constant:
        filters["constant"] = lambda images: ~is_constant(images)
    return filters


def _keep(split: Split, keep: NDArray[np.bool_]) -> tuple[Split, dict[str, int]]:
    return split.take(keep), split.take(~keep).class_counts()


def _class_indices(names: list[str], labels: tuple[str, ...]) -> list[int]:
    for name in names:
        if name not in labels:
            raise ParamError(
                f"preprocess.classes: '{name}' is no class of this data set "
                f"({', '.join(labels)}).{nearest(name, labels)}"
            )
    if len(set(names)) != len(names) or len(names) < 2:
        raise ParamError(f"preprocess.classes needs two or more different classes; got {names}.")
    return [labels.index(name) for name in names]


def _renumber(split: Split, classes: list[str]) -> Split:
    """Give the remaining classes the indices 0, 1, ... in the data set's own order."""
    kept = tuple(label for label in split.labels if label in classes)
    new_index = np.array([kept.index(label) if label in kept else -1 for label in split.labels])
    return replace(split, y=new_index[split.y], labels=kept)
