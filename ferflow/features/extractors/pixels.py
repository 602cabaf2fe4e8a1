"""Grey levels or colours as features, as they are."""

import numpy as np

from ferflow.core.face_shape import FaceShape
from ferflow.features.extraction import Extractor
from ferflow.features.params import FeaturesParams


def make(params: FeaturesParams, face: FaceShape) -> Extractor:
    """Features of a face's own shape, such as (48, 48): the image itself, 0 to 255."""
    return Extractor(lambda images: images.astype(np.float32), face.array, params.batch_size)
