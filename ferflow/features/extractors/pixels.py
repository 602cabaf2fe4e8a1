"""Grey levels as features, as they are."""

import numpy as np

from ferflow.features.extraction import Extractor
from ferflow.features.params import FeaturesParams
from ferflow.images.size import SIDE


def make(params: FeaturesParams) -> Extractor:
    """Features of shape (48, 48): the image itself, 0 to 255."""
    return Extractor(lambda images: images.astype(np.float32), (SIDE, SIDE), params.batch_size)
