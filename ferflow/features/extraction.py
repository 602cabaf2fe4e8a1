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
from ferflow.core.params import from_root
from ferflow.core.split import Split, load_split, split_writer
from ferflow.features.params import FeaturesParams
from ferflow.images.seen import refuse_seen

_N_TRIED = 64  # images


@dataclass(frozen=True)
class Extractor:
    """Maps faces of one shape, uint8, to float32 features (n, *shape), n up to `batch_size`.

    `shape` keeps what the features are, such as (height, width, channel); files hold them flat.
    engine : what computes them, if there is a choice. faster : tries another engine on real
    images, and gives the extractor through it or, if it does not agree, None.
    """

    extract: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    shape: tuple[int, ...]
    batch_size: int
    engine: str | None = None
    faster: Callable[[NDArray[np.uint8]], "Extractor | None"] | None = None


def make_extractor(params: FeaturesParams, face: FaceShape = GREY_48) -> Extractor:
    """The extractor that `features.method` names, for faces of that shape."""
    module = importlib.import_module(f"ferflow.features.extractors.{params.method}")
    extractor: Extractor = module.make(params, face)
    return extractor


def fastest(extractor: Extractor, images: NDArray[np.uint8]) -> Extractor:
    """The extractor through a faster engine that agrees with it on some of the images.

    Worth its start for hundreds of images and more. The extractor itself if there is none.
    """
    if extractor.faster is None or not len(images):
        return extractor
    return extractor.faster(np.asarray(images[_spread(len(images))])) or extractor


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


def extract_files(sources: dict[str, Path], target: Path, params: FeaturesParams) -> None:
    """Write the features of the images in each split's file to a file of its name in `target`.

    sources : split name -> file; real images of the first try out the engine. With `pixels` the
    images themselves are handed on.
    """
    places = {name: target / f"{name}.safetensors" for name in sources}
    if params.method == "pixels":
        for name, source in sources.items():
            pass_through(source, places[name])
        return
    splits = {name: load_split(source) for name, source in sources.items()}
    if "backbone" in params.parts:
        for name, split in splits.items():
            refuse_seen(from_root(params.backbone), split.x, name)
    first = next(iter(splits.values()))
    real = np.flatnonzero(first.original)
    extractor = make_extractor(params, noted_shape(first.meta))
    extractor = fastest(extractor, first.x[real[_spread(len(real))]])
    for name, split in splits.items():
        write_features(split, places[name], params, extractor)


def write_features(
    split: Split, target: Path, params: FeaturesParams, extractor: Extractor
) -> None:
    """Write the features of a split's images to a file."""
    rows = replace(split, meta=split.meta | feature_meta(params, extractor))
    flat = (int(np.prod(extractor.shape)),)
    with split_writer(target, rows, flat, np.dtype(np.float32)) as out:
        fill_features(out, split.x, extractor, name=target.stem)


def _spread(n: int) -> NDArray[np.intp]:
    """At most _N_TRIED of n rows, evenly spread."""
    return np.unique(np.linspace(0, n - 1, _N_TRIED).astype(np.intp)) if n else np.arange(0)


def feature_meta(params: FeaturesParams, extractor: Extractor) -> dict[str, Any]:
    """What a later reader needs to make or understand the same features."""
    meta = {"features": params.model_dump(), "feature_shape": list(extractor.shape)}
    return meta | ({"features_by": extractor.engine} if extractor.engine else {})
