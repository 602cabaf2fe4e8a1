"""Feature extraction: from images to the numbers that a classifier sees."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ferflow.core.face_shape import GREY_48, FaceShape, noted_shape
from ferflow.core.files import pass_through
from ferflow.core.params import repository_root
from ferflow.core.split import Split, split_writer
from ferflow.features.params import FeaturesParams
from ferflow.images.seen import refuse_seen


@dataclass(frozen=True)
class Extractor:
    """Maps faces of one shape, uint8, to float32 features (n, *shape), n up to `batch_size`.

    `shape` keeps what the features are, such as (height, width, channel); files hold them flat.
    """

    extract: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    shape: tuple[int, ...]
    batch_size: int


def make_extractor(params: FeaturesParams, face: FaceShape = GREY_48) -> Extractor:
    """The extractor that `features.method` names, for faces of that shape."""
    module = importlib.import_module(f"ferflow.features.extractors.{params.method}")
    extractor: Extractor = module.make(params, face)
    return extractor


def extract_features(images: NDArray[np.uint8], extractor: Extractor) -> NDArray[np.float32]:
    """Flat features (n, d) of faces, uint8, a batch at a time."""
    out = np.empty((len(images), int(np.prod(extractor.shape))), np.float32)
    fill_features(out, images, extractor)
    return out


def fill_features(
    out: NDArray[np.float32], images: NDArray[np.uint8], extractor: Extractor, name: str = ""
) -> None:
    """Write the features of faces, uint8, into `out` (n, d); shows progress on a terminal.

    One batch is in memory at a time, so a data set may be larger than the memory.
    """
    size = extractor.batch_size
    for start in tqdm(range(0, len(images), size), desc=name, unit="batch", disable=None):
        batch = np.asarray(images[start : start + size])
        out[start : start + size] = extractor.extract(batch).reshape(len(batch), -1)


def extract_file(split: Split, source: Path, target: Path, params: FeaturesParams) -> None:
    """Write the features of the images in `source` (loaded as `split`) to `target`.

    With `pixels` the images themselves are handed on.
    """
    if params.method == "pixels":
        pass_through(source, target)
        return
    if params.method == "backbone":
        refuse_seen(repository_root() / params.backbone, split.x, source.stem)
    extractor = make_extractor(params, noted_shape(split.meta))
    rows = replace(split, meta=split.meta | feature_meta(params, extractor.shape))
    flat = (int(np.prod(extractor.shape)),)
    with split_writer(target, rows, flat, np.dtype(np.float32)) as out:
        fill_features(out, split.x, extractor, name=source.stem)


def feature_meta(params: FeaturesParams, shape: tuple[int, ...]) -> dict[str, Any]:
    """What a later reader needs to make or understand the same features."""
    return {"features": params.model_dump(), "feature_shape": list(shape)}
