"""Where images come from: `data.source` in params.yaml, and one split of images from each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferflow.core.errors import ParamError
from ferflow.core.hashing import check_sha256
from ferflow.core.params import from_root, repository_root
from ferflow.core.paths import SCRATCH
from ferflow.core.split import SPLITS, Split
from ferflow.download import kaggle, recognition
from ferflow.download.archives import open_files
from ferflow.download.class_names import name_classes
from ferflow.download.collection import Collection, collect, data_report
from ferflow.download.drawn.defects import no_defects, place_defects, plant_defects
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.ferplus import with_chosen_labels
from ferflow.download.labels import FER2013_COUNTS, FER2013_LABELS, FER2013_SPLITS
from ferflow.download.params import DataParams
from ferflow.download.splitting import split_collection


@dataclass(frozen=True)
class Data:
    """What a source gives: the images of all three splits, and what is known of them.

    report : the content of metrics/data.json. defects : those planted among drawn faces.
    """

    splits: dict[str, Split]
    report: dict[str, Any]
    defects: pd.DataFrame


def load_images(params: DataParams, seed: int) -> dict[str, Split]:
    """The images of all three splits, as they come from the source."""
    return load_data(params, seed).splits


def load_data(params: DataParams, seed: int) -> Data:
    """The images that `params` asks for, dealt out to the splits."""
    collection, defects = _collect(params, seed)
    collection, votes = with_chosen_labels(collection, params)
    for note in collection.notes:
        print(note)
    splits = split_collection(collection, params, seed)
    return Data(splits, data_report(collection, splits) | votes, place_defects(defects, splits))


def _collect(params: DataParams, seed: int) -> tuple[Collection, pd.DataFrame]:
    """All images of the source before they are dealt out, and the defects planted among them."""
    if params.source == "synthetic":
        drawn, defects = draw_data_set(params.n_synthetic, seed), no_defects()
        if params.defects:
            drawn, defects = plant_defects(drawn, seed)
        return _pool(drawn, params.classes_map), defects
    return _read(params), no_defects()


def _read(params: DataParams) -> Collection:
    if params.source == "kaggle":
        path = kaggle.fetch(params.kaggle, repository_root() / SCRATCH / "kaggle")
    else:
        path = _checked_path(params)
    return read_path(path, classes_map=params.classes_map)


def read_path(path: Path, *, classes_map: Mapping[str, str] | None = None) -> Collection:
    """All images of a folder, archive or CSV, whose format is told by its content.

    classes_map : class of the source -> the name wanted.
    Raises DataError that names the member or row that is wrong.
    """
    with open_files(path) as files:
        found = recognition.find(files)
        return collect(files, found, classes_map=classes_map or {})


def _pool(splits: Mapping[str, Split], classes_map: Mapping[str, str]) -> Collection:
    """Splits that a source drew itself, as one collection."""
    parts = list(splits.values())
    usage = np.repeat(list(splits), [len(part) for part in parts])
    rows = Split.join(parts)
    named = name_classes([rows.labels[y] for y in rows.y], rows.labels, classes_map)
    rows = replace(rows, y=named.y, labels=named.labels)
    return Collection(rows=rows, usage=usage, splits={name: name for name in splits})


def draw_data_set(n: int, seed: int) -> dict[str, Split]:
    """About n drawn faces with FER-2013's proportions of splits and classes.

    Every class has at least six training images and one of each other split, whatever n: six
    are what SMOTE with its five neighbours needs.
    """
    official = sum(map(sum, FER2013_COUNTS.values()))
    splits = {}
    for number, (usage, split) in enumerate(FER2013_SPLITS.items()):
        least = 6 if split == "train" else 1
        counts = [max(least, round(count * n / official)) for count in FER2013_COUNTS[usage]]
        y = np.repeat(np.arange(len(counts)), counts)
        y = np.random.default_rng([seed, number]).permutation(y)
        splits[split] = Split(
            x=draw_faces([FER2013_LABELS[label] for label in y], seed=seed * len(SPLITS) + number),
            y=y,
            source_id=np.array([f"synthetic_{split}_{i:06d}" for i in range(len(y))]),
            transform=np.full(len(y), ""),
            labels=FER2013_LABELS,
            meta={"data_set": "synthetic faces", "split": "drawn independently"},
        )
    return splits


def _checked_path(params: DataParams) -> Path:
    """The path that the user named, after its content was found to be what params.yaml says."""
    if params.path is None or params.sha256 is None:
        raise ParamError(
            "data.path and data.sha256 are needed with data.source: path. "
            "Set both with: ferflow use PRESET --set data.path=FILE_OR_FOLDER"
        )
    path = from_root(params.path)
    check_sha256(path, params.sha256, "data.path")
    return path


def describe(splits: Mapping[str, Split]) -> str:
    """A line per split: its images, in all and per class."""
    lines = []
    for name, split in splits.items():
        counts = ", ".join(f"{label} {n}" for label, n in split.class_counts().items())
        lines.append(f"{name:<6}{len(split):>7,} images: {counts}")
    return "\n".join(lines)
