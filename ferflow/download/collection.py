"""All images of a source in one table, before they are dealt out to train, val and test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.split import ORIGINAL, Split
from ferflow.download.editions import edition_of
from ferflow.images.faces import small_grey


@dataclass(frozen=True)
class Collection:
    """What a reader of one format found.

    rows : every image, in an order that does not depend on the archive's.
    usage : str (n,), the source's own part that an image belongs to ('Training'); '' without.
    splits : the source's parts -> the splits that they stand for; empty where it has none.
    official_counts : part -> images per class that the complete data set has; empty if unknown.
    official_file : whether the file is the published one, bit for bit; None where nobody knows.
    notes : what a person should hear about the reading.
    """

    rows: Split
    usage: NDArray[np.str_]
    splits: Mapping[str, str] = field(default_factory=dict)
    official_counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    official_file: bool | None = None
    notes: tuple[str, ...] = ()


def image_rows(
    x: NDArray[np.uint8],
    y: Sequence[int],
    source_id: Sequence[str],
    labels: tuple[str, ...],
    *,
    data_set: str,
    group: Sequence[str] | None = None,
) -> Split:
    """Images (n, height, width) as the rows of a split, all of them originals."""
    return Split(
        x=x,
        y=np.array(y, dtype=np.int64),
        source_id=np.array(source_id, dtype=np.str_),
        transform=np.full(len(y), ORIGINAL),
        labels=labels,
        meta={"data_set": data_set},
        group=np.array(group or [""] * len(y), dtype=np.str_),
    )


def count_differences(collection: Collection) -> list[str]:
    """A line for each part and class whose images are not as many as officially."""
    differences = []
    rows = collection.rows
    for usage, official in collection.official_counts.items():
        found = np.bincount(rows.y[collection.usage == usage], minlength=len(rows.labels))
        differences += [
            f"{usage or 'all'}: {n:,} images of '{label}', officially {expected:,}"
            for label, n, expected in zip(rows.labels, found, official, strict=True)
            if n != expected
        ]
    return differences


def counts_agree(collection: Collection) -> bool | None:
    """Whether the counts are the official ones; None where those are not known."""
    return not count_differences(collection) if collection.official_counts else None


def data_report(collection: Collection, splits: Mapping[str, Split]) -> dict[str, Any]:
    """The content of metrics/data.json: images per split and class, and what is amiss."""
    return {
        "n": {name: len(split) for name, split in splits.items()},
        "per_class": {name: split.class_counts() for name, split in splits.items()},
        "official_counts": counts_agree(collection),
        "official_file": collection.official_file,
        "edition": edition_of(small_grey(collection.rows.x)),
        "warnings": count_differences(collection),
    }
