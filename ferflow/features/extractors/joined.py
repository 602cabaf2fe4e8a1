"""Several extractors side by side: `features.joined` lists them."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from ferflow.core.face_shape import FaceShape
from ferflow.features.extraction import Extractor, make_extractor
from ferflow.features.params import FeaturesParams


def make(params: FeaturesParams, face: FaceShape) -> Extractor:
    """Flat features (d,): those of the first extractor, then those of the next, and so on.

    They keep their own scales; a classifier that measures distances wants `scaling`.
    """
    parts = [
        make_extractor(params.model_copy(update={"method": name}), face) for name in params.joined
    ]

    def extract(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        columns = [part.extract(images).reshape(len(images), -1) for part in parts]
        return np.concatenate(columns, axis=1)

    return Extractor(extract, (sum(prod(part.shape) for part in parts),), params.batch_size)
