"""Grey levels as features, as they are."""

import numpy as np

from ferflow.features.extraction import Extractor
from ferflow.features.params import FeaturesParams


def make(params: FeaturesParams) -> Extractor:
    """Features of shape (48, 48): the image itself, 0 to 255."""
    return Extractor(lambda images: images.astype(np.float32), (48, 48), params.batch_size)
