"""Splits: which images are train, val and test.

Every rule but a source's own division keeps twins and subjects on one side: whatever shares a
picture or a person is one group, and a group goes to one split as a whole.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError, ParamError
from ferflow.core.params import nearest
from ferflow.core.split import SPLITS, Split
from ferflow.core.ties import tied
from ferflow.download.collection import Collection
from ferflow.download.params import SplitParams
from ferflow.images.faces import small_grey
from ferflow.images.twins import twin_groups

TRAIN, VAL, TEST = range(len(SPLITS))


def split_collection(collection: Collection, params: SplitParams, seed: int) -> dict[str, Split]:
    """The collection's rows as train, val and test; `meta["split"]` holds the rule in words.

    Takes the collection over: its images are brought into the splits' order in place, because
    ten times FER-2013 should not need its memory twice. Raises ParamError if the source has no
    splits of its own, DataError if a class has too few groups to be in every split.
    """
    side, rule = _RULES[params.split](collection, params, np.random.default_rng(seed))
    order = np.argsort(side, kind="stable")
    rows = collection.rows
    reorder(rows.x, order)
    rows = replace(rows.take(order, x=rows.x), meta=rows.meta | {"split": rule})
    ends = np.cumsum([0, *np.bincount(side, minlength=len(SPLITS))])
    return {name: rows.take(slice(ends[i], ends[i + 1])) for i, name in enumerate(SPLITS)}


def _official(
    collection: Collection, params: SplitParams, rng: np.random.Generator
) -> tuple[NDArray[np.int64], str]:
    """The source's own splits; val is cut from train where the source has none."""
    numbers = {usage: SPLITS.index(split) for usage, split in collection.splits.items()}
    if not numbers:
        why = f": {collection.no_splits}" if collection.no_splits else ""
        raise ParamError(
            f"data.split: this source ({collection.rows.meta['data_set']}) has no official "
            f"splits{why}. Set data.split to fraction or kfold."
        )
    side = np.array([numbers[usage] for usage in collection.usage])
    if not collection.official_counts:
        _check_sides(side, collection.rows, list(collection.splits))
    rule = collection.rows.meta.get("split", f"official ({', '.join(numbers)})")
    if VAL in numbers.values():
        return side, rule
    train = np.flatnonzero(side == TRAIN)
    share = params.val_fraction
    rows = collection.rows.take(train)
    part = deal(groups_of(rows), rows.y, np.array([1 - share, share]), rng)
    _check_classes(part, rows, SPLITS[:TEST])
    side[train] = part  # 0 and 1: TRAIN and VAL
    return side, f"{rule}, val is {share:g} of train, {_kept_together(rows)}"


def _fraction(
    collection: Collection, params: SplitParams, rng: np.random.Generator
) -> tuple[NDArray[np.int64], str]:
    """New splits: a share of all images for test, and a share of the rest for val."""
    val, test, rows = params.val_fraction, params.test_fraction, collection.rows
    shares = np.array([(1 - test) * (1 - val), (1 - test) * val, test])
    side = deal(groups_of(rows), rows.y, shares, rng)
    _check_classes(side, rows, SPLITS)
    return side, f"test is {test:g} of all, val {val:g} of the rest, {_kept_together(rows)}"


def _kfold(
    collection: Collection, params: SplitParams, rng: np.random.Generator
) -> tuple[NDArray[np.int64], str]:
    """New splits: all images in equal folds; one is test, the next one val."""
    n, rows = params.n_folds, collection.rows
    val_fold = (params.fold + 1) % n
    folds = deal(groups_of(rows), rows.y, np.full(n, 1 / n), rng)
    side = np.select([folds == params.fold, folds == val_fold], [TEST, VAL], TRAIN)
    _check_classes(side, rows, SPLITS)
    return side, f"test is fold {params.fold} of {n}, val fold {val_fold}, {_kept_together(rows)}"


_RULES = {"official": _official, "fraction": _fraction, "kfold": _kfold}


def groups_of(rows: Split) -> NDArray[np.int64]:
    """(n,) the group of each row: rows of one number share a picture or a subject, in a chain."""
    return tied(twin_groups(small_grey(rows.x)), rows.group)


def deal(
    groups: NDArray[np.int64],
    y: NDArray[np.int64],
    shares: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Deal groups (n,) of rows out to sides of the given shares (they add up to 1), by class.

    Greedy, the largest group first, as scikit-learn's StratifiedGroupKFold: a group goes where it
    leaves the classes' counts closest to the shares. Closest in squares, which makes a step one
    small product: 0.3 s for FER-2013 in 5 folds, where StratifiedGroupKFold takes 7 s for folds
    that are as even, and which allows for unequal shares.

    Returns int64 (n,), the side of each row.
    """
    _, groups = np.unique(groups, return_inverse=True)
    table = np.zeros((groups.max(initial=-1) + 1, y.max(initial=-1) + 1))
    np.add.at(table, (groups, y), 1)
    weights = 1 / np.maximum(table.sum(axis=0), 1) ** 2  # a rare class counts as much as any
    order = rng.permutation(len(table))
    order = order[np.argsort(-table[order].sum(axis=1), kind="stable")]
    counts = np.zeros((len(shares), table.shape[1]))
    side = np.empty(len(table), np.int64)
    for group in order:
        row = table[group]
        # what the sum over sides and classes of counts**2 / share grows by
        growth = (2 * counts + row) @ (row * weights) / shares
        side[group] = np.lexsort((counts.sum(axis=1) / shares, growth))[0]
        counts[side[group]] += row
    return side[groups]


def reorder(array: NDArray[Any], order: NDArray[np.int64]) -> None:
    """array[:] = array[order] without a second array: follows each cycle of the permutation."""
    done = order == np.arange(len(order))
    for start in np.flatnonzero(~done):
        if done[start]:
            continue
        held, place = array[start].copy(), start
        while order[place] != start:
            array[place] = array[order[place]]
            done[place] = True
            place = order[place]
        array[place] = held
        done[place] = True


def _check_classes(side: NDArray[np.int64], rows: Split, names: tuple[str, ...]) -> None:
    """Refuse a division in which a class is missing from a split."""
    total = np.bincount(rows.y, minlength=len(rows.labels))
    for number, name in enumerate(names):
        counts = np.bincount(rows.y[side == number], minlength=len(rows.labels))
        for label in np.flatnonzero((counts == 0) & (total > 0)):
            raise DataError(
                f"no image of '{rows.labels[label]}' is left for {name}: its {total[label]} images "
                "cannot be in every split while twins and persons stay together. Use larger "
                "fractions, fewer folds or more data."
            )


def _check_sides(side: NDArray[np.int64], rows: Split, parts: list[str]) -> None:
    """Refuse a source's own division in which a class has no training or no test images.

    Mostly a slip in a folder's name, which would otherwise count as a class of its own.
    """
    total = np.bincount(rows.y, minlength=len(rows.labels))
    for number in (TRAIN, TEST):
        counts = np.bincount(rows.y[side == number], minlength=len(rows.labels))
        for label in np.flatnonzero((counts == 0) & (total > 0)):
            word = rows.labels[label]
            others = [name for name, n in zip(rows.labels, counts, strict=True) if n]
            raise DataError(
                f"the class '{word}' has no image in {SPLITS[number]} (parts: "
                f"{', '.join(parts)}).{nearest(word, others)} Add images, use the other parts' "
                "name for it (or data.classes_map), or set data.split to fraction."
            )


def _kept_together(rows: Split) -> str:
    together = "twins and subjects" if (rows.group != "").any() else "twins"
    return f"stratified, {together} on one side"
