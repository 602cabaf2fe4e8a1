"""Networks' answers to training images as a file: teachers that lie elsewhere, or no longer exist.

A safetensors file: `image`, int64 (n,), rising, `ferflow.core.hashing.image_number` of the source
ids, so that no file name is told; `p`, uint8 (n, n_classes), probabilities in 255ths; as metadata
the classes' names. FER-2013's training images take 430 kB.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ferflow.core.errors import DataError, ParamError
from ferflow.core.files import atomic
from ferflow.core.hashing import image_number
from ferflow.core.split import Split

_LEVELS = 255
# what files that are no answers raise
_ODD = (SafetensorError, OSError, ValueError, KeyError, TypeError, IndexError, RecursionError)


def save_answers(
    path: Path, source_ids: Sequence[str], p: NDArray[Any], labels: Sequence[str]
) -> None:
    """Write probabilities p (n, n_classes) of the images that the ids (n,) name, each once."""
    image = np.array([image_number(name) for name in source_ids], np.int64)
    order = np.argsort(image)
    levels = np.rint(p * _LEVELS).astype(np.uint8)
    with atomic(path) as part:
        arrays = {"image": image[order], "p": np.ascontiguousarray(levels[order])}
        save_file(arrays, part, metadata={"labels": json.dumps(list(labels))})


def load_answers(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float32], tuple[str, ...]]:
    """Images (n,), probabilities (n, n_classes) whose rows sum to 1, and the classes' names.

    Raises DataError where the file is missing or another.
    """
    try:
        with safe_open(path, "numpy") as file:
            image, levels = file.get_tensor("image"), file.get_tensor("p")
            labels = tuple(json.loads(file.metadata()["labels"]))
        if not image.size or image.ndim != 1 or len(set(labels)) < len(labels):
            raise ValueError("it has no images, or a class twice")
        if not all(isinstance(name, str) for name in labels):
            raise ValueError("its classes are not words")
        if levels.dtype != np.uint8 or levels.shape != (len(image), len(labels)):
            raise ValueError("its arrays are not those of answers")
        if image.dtype != np.int64 or (np.diff(image) <= 0).any() or not levels.any(axis=1).all():
            raise ValueError("an image is in it twice, or has no answer")
    except FileNotFoundError:
        raise DataError(f"{path} is not here. `ferflow answers` writes such a file.") from None
    except _ODD as error:
        raise DataError(f"{path} does not hold answers to training images: {error}") from None
    p = levels.astype(np.float32)
    return image, p / p.sum(axis=1, keepdims=True), labels


def with_answers(split: Split, files: Sequence[Path], share: float, key: str) -> Split:
    """The split whose targets are the files' mean answers by `share`, and what was learnt before.

    key : the parameter, for messages. Raises ParamError where classes differ, or an image of the
    split has no answer.
    """
    ours = np.array([image_number(name) if name else -1 for name in split.source_id], np.int64)
    total = np.zeros((len(split), len(split.labels)), np.float32)
    for path in files:
        image, p, labels = load_answers(path)
        if labels != split.labels:
            raise ParamError(
                f"{key}: {path.name} answers with {', '.join(labels)}; the data's classes are "
                f"{', '.join(split.labels)}. They must be the same, in the same order."
            )
        place = np.searchsorted(image, ours).clip(max=len(image) - 1)
        missing = int((image[place] != ours).sum())
        if missing:
            raise ParamError(
                f"{key}: {path.name} has no answer to {missing:,} of the {len(split):,} training "
                "rows. It is of another data set or split, or balance mixed rows; write it from "
                "the same data: ferflow answers FILE --model FOLDER"
            )
        total += p[place]
    before = split.learnt if split.is_soft else np.eye(len(split.labels), dtype=np.float32)[split.y]
    targets = share * total / len(files) + (1 - share) * before
    return replace(split, targets=targets.astype(np.float32))
