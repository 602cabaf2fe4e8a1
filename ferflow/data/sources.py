"""Where images come from: `data.source` in params.yaml, and one split of images from each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from ferflow.artifacts import SPLITS, Split
from ferflow.data.fer_folders import read_fer_folders
from ferflow.data.labels import FER2013_COUNTS, FER2013_LABELS, FER2013_SPLITS
from ferflow.data.synthetic import draw_faces
from ferflow.errors import ParamError
from ferflow.hashing import sha256_of
from ferflow.params import Record, repository_root


class DataParams(Record):
    """The section `data`."""

    source: Literal["synthetic", "path"]
    path: str | None
    sha256: str | None
    n_synthetic: int = Field(ge=200, le=1_000_000)
    defects: bool


def load_images(params: DataParams, seed: int) -> dict[str, Split]:
    """The images of all three splits, as they come from the source."""
    if params.source == "synthetic":
        return draw_data_set(params.n_synthetic, seed)
    return read_fer_folders(_checked_path(params))


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
    path = repository_root() / params.path
    found = sha256_of(path)
    if found != params.sha256:
        raise ParamError(
            f"{params.path} has the sha256 {found[:12]}..., data.sha256 in params.yaml says "
            f"{params.sha256[:12]}...: the data changed. If that is meant, run `ferflow use` again."
        )
    return path


def describe(splits: Mapping[str, Split]) -> str:
    """A line per split: its images, in all and per class."""
    lines = []
    for name, split in splits.items():
        counts = ", ".join(f"{label} {n}" for label, n in split.class_counts().items())
        lines.append(f"{name:<6}{len(split):>7,} images: {counts}")
    return "\n".join(lines)
