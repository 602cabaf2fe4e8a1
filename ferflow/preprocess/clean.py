"""Cleaning: which images stay, and what is done to their pixels."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferflow.core.errors import ParamError
from ferflow.core.face_shape import GREY_48, META_KEY, FaceShape
from ferflow.core.params import nearest
from ferflow.core.rows import Taken
from ferflow.core.split import Split
from ferflow.images.faces import faces_of
from ferflow.images.lighting import Lit
from ferflow.preprocess.filters import Pool, Rows, active_filters, run_filters
from ferflow.preprocess.params import PreprocessParams
from ferflow.preprocess.twin_table import relative_table, split_twins, twin_table

NOT_WANTED = "class not wanted"


@dataclass(frozen=True)
class Cleaned:
    """What is left of the splits, and what is known of the rest.

    splits : split -> its images. counts : split -> reason -> class -> images taken out.
    removed : reason -> the rows of `pool` taken out. pool : the images as they came.
    twins : the images of val and test that have a twin in train, see `twin_table`.
    relatives : those that have a relative in train, twins among them, see `relative_table`.
    split_twins : split -> its images that have an earlier twin there.
    """

    splits: dict[str, Split]
    counts: dict[str, dict[str, dict[str, int]]]
    removed: dict[str, Rows]
    pool: Pool
    twins: pd.DataFrame
    relatives: pd.DataFrame
    split_twins: dict[str, pd.DataFrame]


def preprocess(
    splits: Mapping[str, Split], params: PreprocessParams, shape: FaceShape = GREY_48
) -> Cleaned:
    """Filter the pictures of all splits, as faces of that shape, and correct their lighting.

    Filters for quality act on training images alone, unless `filter_val_test` says otherwise:
    taking hard images out of val or test changes the question. So does a class subset, which
    acts on every split. Both are part of the protocol.
    """
    labels = next(iter(splits.values())).labels
    pool = Pool.of(splits, params.twin_distance, shape)
    removed: dict[str, Rows] = {}
    alive = np.ones(len(pool.y), np.bool_)
    if params.classes is not None:
        alive = np.isin(pool.y, _class_indices(params.classes, labels))
        removed[NOT_WANTED] = np.flatnonzero(~alive)
    for reason, rows in run_filters(pool, alive, params):
        removed[reason] = rows
        alive[rows] = False
    _check_left(pool, alive, list(splits))
    counts = {name: _counts(pool, name, removed, params, labels) for name in splits}
    meta = _meta(params, counts, labels)
    if shape != GREY_48:
        meta[META_KEY] = asdict(shape)
    return Cleaned(
        splits={
            name: _finish(split, alive[pool.split == name], params, meta, shape)
            for name, split in splits.items()
        },
        counts=counts,
        removed=removed,
        pool=pool,
        twins=twin_table(pool, alive),
        relatives=relative_table(pool, alive),
        split_twins={name: split_twins(pool, alive, name) for name in splits},
    )


def _finish(
    split: Split,
    keep: NDArray[np.bool_],
    params: PreprocessParams,
    meta: dict[str, Any],
    shape: FaceShape,
) -> Split:
    """The images of a split that stay, renumbered and lit, with what was done in their meta.

    Its values are `Rows`, made a slice at a time.
    """
    faces: Any = faces_of(split.x, shape)
    if not keep.all():
        faces = Taken(faces, np.flatnonzero(keep))
    split = split.take(keep, x=faces)
    if params.classes is not None:
        split = _renumber(split, params.classes)
    lit: Any = Lit(split.x, params.lighting)
    return replace(split, x=lit, meta=split.meta | meta)


def _counts(
    pool: Pool,
    name: str,
    removed: Mapping[str, Rows],
    params: PreprocessParams,
    labels: tuple[str, ...],
) -> dict[str, dict[str, int]]:
    """Reason -> class -> images of a split taken out; only reasons that could act on the split."""
    counts = {}
    for reason, rows in removed.items():
        if name == "train" or params.filter_val_test or reason == NOT_WANTED:
            y = pool.y[rows[pool.split[rows] == name]]
            per_class = np.bincount(y, minlength=len(labels)).tolist()
            counts[reason] = dict(zip(labels, per_class, strict=True))
    return counts


def _meta(
    params: PreprocessParams,
    counts: Mapping[str, Mapping[str, Mapping[str, int]]],
    labels: tuple[str, ...],
) -> dict[str, Any]:
    """What the reader of a score must know of the filters, the same for every split."""
    reasons = list(active_filters(params))
    meta: dict[str, Any] = {
        "lighting": params.lighting,
        "train_filters": reasons,
        "twin_distance": params.twin_distance,
        "val_test_filters": {},
    }
    if params.filter_val_test:
        meta["val_test_filters"] = {
            reason: {
                name: sum(by_reason[reason].values())
                for name, by_reason in counts.items()
                if name != "train"
            }
            for reason in reasons
        }
    if params.classes is not None:
        meta["class_subset_of"] = list(labels)
    return meta


def _check_left(pool: Pool, alive: NDArray[np.bool_], names: list[str]) -> None:
    for name in names:
        if not alive[pool.split == name].any():
            raise ParamError(
                f"preprocess: the filters remove every image of {name}. Loosen or switch off some "
                "of them."
            )


def _class_indices(names: list[str], labels: tuple[str, ...]) -> list[int]:
    for name in names:
        if name not in labels:
            raise ParamError(
                f"preprocess.classes: '{name}' is not a class of this data set ("
                f"{', '.join(labels)}).{nearest(name, labels)}"
            )
    if len(set(names)) != len(names) or len(names) < 2:
        raise ParamError(f"preprocess.classes needs two or more different classes; got {names}.")
    return [labels.index(name) for name in names]


def _renumber(split: Split, classes: list[str]) -> Split:
    """Give the remaining classes the indices 0, 1, ... in the data set's own order.

    Of people's votes those for the remaining classes are left, as shares of these.
    """
    kept = tuple(label for label in split.labels if label in classes)
    new_index = np.array([kept.index(label) if label in kept else -1 for label in split.labels])
    targets = split.targets
    if split.is_soft:
        targets = targets[:, new_index >= 0]
        targets /= targets.sum(axis=1, keepdims=True)  # above 0: a row's own class is among them
    return replace(split, y=new_index[split.y], labels=kept, targets=targets)
