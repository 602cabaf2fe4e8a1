"""Histograms of oriented gradients (Dalal and Triggs 2005)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.face_shape import FaceShape
from ferflow.features.extraction import Extractor
from ferflow.features.params import HOG_CELL, FeaturesParams

# 9 orientations in cells of 8x8 pixels, normalised over blocks of 2x2 cells that overlap by half
_CELL, _ORIENTATIONS = (HOG_CELL, HOG_CELL), 9
_BLOCK, _STRIDE = (2 * HOG_CELL, 2 * HOG_CELL), _CELL


def make(params: FeaturesParams, face: FaceShape) -> Extractor:
    """Features of shape (b, b, 36): block column, block row, 4 cells of 9 orientations; 0 to 1.

    b is 5 for faces of 48 pixels. Of colours each pixel's steepest counts, as in the paper.
    Raises ParamError if the side is not a multiple of a cell's.
    """
    params.check_face(face)
    size = (face.size, face.size)
    descriptor = cv2.HOGDescriptor(size, _BLOCK, _STRIDE, _CELL, _ORIENTATIONS)
    n_blocks = face.size // HOG_CELL - 1

    def extract(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.stack([descriptor.compute(image) for image in images])

    return Extractor(extract, (n_blocks, n_blocks, 4 * _ORIENTATIONS), params.batch_size)
