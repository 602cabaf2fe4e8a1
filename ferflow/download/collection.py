"""All images of a source in one table, before they are dealt out to train, val and test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.split import ORIGINAL, Split
from ferflow.download.archives import Files
from ferflow.download.class_names import name_classes
from ferflow.download.editions import edition_of
from ferflow.download.pictures import read_pictures
from ferflow.images.faces import small_grey


@dataclass(frozen=True)
class Found:
    """What a format makes of a source: its images, their classes and parts. No picture is read yet.

    data_set : what the images are, for people.
    classes : the class of each image (n), as the source writes it.
    source_id : (n), a name of its own for each image, which does not depend on the archive.
    names : (n), the picture's file; empty if the format has read the pixels itself.
    pixels : uint8 (n, 48, 48), or None if there are files.
    known : the data set's classes in its order, if it is a known one; else empty.
    usage : (n), the source's own part that an image belongs to ('Training'); empty without.
    splits : the source's parts -> the splits that they stand for; empty if it has none.
    no_splits : why it has none, if a person should know.
    group : (n), the person; empty if nobody knows.
    official_counts : part -> images per class that the complete data set has; empty if unknown.
    official_file : whether the file is the published one, bit for bit; None if nobody knows.
    notes : what a person should hear about the reading.
    """

    data_set: str
    classes: Sequence[str]
    source_id: Sequence[str]
    names: Sequence[str] = ()
    pixels: NDArray[np.uint8] | None = None
    known: tuple[str, ...] = ()
    usage: Sequence[str] = ()
    splits: Mapping[str, str] = field(default_factory=dict)
    no_splits: str = ""
    group: Sequence[str] = ()
    official_counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    official_file: bool | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collection:
    """The images of a source. Fields not named here are those of `Found`.

    rows : every image, in an order that does not depend on the archive's.
    usage : str (n,); '' without parts.
    """

    rows: Split
    usage: NDArray[np.str_]
    splits: Mapping[str, str] = field(default_factory=dict)
    no_splits: str = ""
    official_counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    official_file: bool | None = None
    notes: tuple[str, ...] = ()


def collect(files: Files, found: Found, *, classes_map: Mapping[str, str]) -> Collection:
    """What a format found, with its pictures read and its classes under the names wanted.

    Raises DataError that names the picture that is broken or of an unknown class;
    ParamError where `classes_map` names a class that is not there.
    """
    named = name_classes(found.classes, found.known, classes_map, found.names)
    x = read_pictures(files, found.names) if found.pixels is None else found.pixels
    rows = Split(
        x=x,
        y=named.y,
        source_id=np.array(found.source_id, dtype=np.str_),
        transform=np.full(len(x), ORIGINAL),
        labels=named.labels,
        meta={"data_set": found.data_set},
        group=np.array(found.group or [""] * len(x), dtype=np.str_),
    )
    return Collection(
        rows=rows,
        usage=np.array(found.usage or [""] * len(x), dtype=np.str_),
        splits=found.splits,
        no_splits=found.no_splits,
        official_counts=found.official_counts if named.labels == found.known else {},
        official_file=found.official_file,
        notes=(*found.notes, *named.notes),
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
    """Whether the counts are the official ones; None if those are not known."""
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
