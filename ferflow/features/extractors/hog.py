"""Histograms of oriented gradients (Dalal and Triggs 2005)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.features.extraction import Extractor
from ferflow.features.params import FeaturesParams
from ferflow.images.size import SIDE

# 9 orientations in cells of 8x8 pixels, normalised over blocks of 2x2 cells that overlap by half
_BLOCK, _STRIDE, _CELL, _ORIENTATIONS = (16, 16), (8, 8), (8, 8), 9


def make(params: FeaturesParams) -> Extractor:
    """Features of shape (5, 5, 36): block column, block row, 4 cells of 9 orientations; 0 to 1."""
    descriptor = cv2.HOGDescriptor((SIDE, SIDE), _BLOCK, _STRIDE, _CELL, _ORIENTATIONS)

    def extract(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.stack([descriptor.compute(image) for image in images])

    return Extractor(extract, (5, 5, 36), params.batch_size)
