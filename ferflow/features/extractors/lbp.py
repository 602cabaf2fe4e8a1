"""Local binary patterns: histograms of what surrounds each pixel (Ojala et al. 2002).

A pixel's code says which of its 8 neighbours are as light or lighter. Codes with at most two
changes around the circle (58 of 256) have a bin each, all others share one, as in Shan, Gong and
McOwan, "Facial expression recognition based on local binary patterns" (2009). The neighbours are
the pixels themselves, not points between them on a circle: whole numbers, the same everywhere.
A few lines of numpy, so no further package is needed for them.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.face_shape import FaceShape
from ferflow.features.extraction import Extractor
from ferflow.features.params import FeaturesParams
from ferflow.images.faces import grey_levels

_CELLS = 6  # a grid of 6x6 cells; of 8x8 pixels in a face of 48
_BINS = 59
_AROUND = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))  # in a circle
_SHAPE = (_CELLS, _CELLS, _BINS)


def make(params: FeaturesParams, face: FaceShape) -> Extractor:
    """Features of shape (6, 6, 59): cell row, cell column, share of the cell's pixels; 0 to 1.

    Of colours the grey levels count. If the side is not a multiple of 6, some cells have a row or
    a column more than others.
    """
    bins = _uniform_bins()
    cell = np.arange(face.size) * _CELLS // face.size
    first_bin = (cell[:, None] * _CELLS + cell) * _BINS  # (height, width)
    across = np.bincount(cell)
    n_pixels = (across[:, None] * across)[..., None]  # of each cell
    n_features = _CELLS * _CELLS * _BINS

    def extract(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = codes(grey_levels(images))
        place = first_bin + bins[found] + n_features * np.arange(len(images))[:, None, None]
        counts = np.bincount(place.ravel(), minlength=n_features * len(images))
        return (counts.reshape(-1, *_SHAPE) / n_pixels).astype(np.float32)

    return Extractor(extract, _SHAPE, params.batch_size)


def codes(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (n, height, width): bit k is set where neighbour k is as light as the pixel or lighter.

    Beyond the edge the edge's own pixels are repeated.
    """
    height, width = images.shape[1:]
    found = np.zeros(images.shape, np.uint8)
    wider = np.stack([cv2.copyMakeBorder(i, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for i in images])
    for bit, (down, right) in enumerate(_AROUND):
        neighbour = wider[:, down : down + height, right : right + width]
        found |= (neighbour >= images).astype(np.uint8) << np.uint8(bit)
    return found


def _uniform_bins() -> NDArray[np.int64]:
    """(256,) the bin of each code: uniform ones in the order of their codes, then all others."""
    changes = [
        ((code ^ ((code >> 1) | ((code & 1) << 7))) & 0xFF).bit_count() for code in range(256)
    ]
    uniform = np.array(changes) <= 2
    return np.where(uniform, np.cumsum(uniform) - 1, _BINS - 1)
