"""Several extractors side by side: `features.joined` lists them."""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from ferflow.core.face_shape import FaceShape
from ferflow.features.extraction import Extractor, fastest, make_extractor
from ferflow.features.params import FeaturesParams


def make(params: FeaturesParams, face: FaceShape) -> Extractor:
    """Flat features (d,): those of the first extractor, then those of the next, and so on.

    They keep their own scales; a classifier that measures distances wants `scaling`.
    """
    parts = [
        make_extractor(params.model_copy(update={"method": name}), face) for name in params.joined
    ]
    return _side_by_side(parts, params.batch_size)


def _side_by_side(parts: Sequence[Extractor], batch_size: int) -> Extractor:
    def extract(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        columns = [part.extract(images).reshape(len(images), -1) for part in parts]
        return np.concatenate(columns, axis=1)

    def faster(images: NDArray[np.uint8]) -> Extractor:
        return _side_by_side([fastest(part, images) for part in parts], batch_size)

    shape = (sum(prod(part.shape) for part in parts),)
    engines = [part.engine for part in parts if part.engine]
    return Extractor(extract, shape, batch_size, "; ".join(engines) or None, faster)
