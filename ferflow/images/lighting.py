"""Lighting correction: spreads a face's grey levels, which light and cameras squeeze."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.rows import Rows

METHODS = ("none", "equalize", "clahe")

_CLIP_LIMIT = 2.0  # CLAHE: how far a tile's contrast may be raised
_TILES = (6, 6)  # tiles of 8x8 pixels in a 48x48 face


class Lit(Rows):
    """Faces, an array or `Rows`, of which the lighting is corrected when they are asked for."""

    def __init__(self, faces: Any, method: str) -> None:
        self._faces, self._method = faces, method
        self.shape, self.dtype = faces.shape, faces.dtype

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        if isinstance(rows, int | np.integer):
            lit: NDArray[np.uint8] = self[np.array([rows])][0]
            return lit
        return correct_lighting(np.asarray(self._faces[rows]), self._method)


def correct_lighting(images: NDArray[np.uint8], method: str) -> NDArray[np.uint8]:
    """Correct uint8 images (n, height, width) or RGB (n, height, width, 3), each on its own.

    'equalize' flattens the histogram of the whole image; 'clahe' does so tile by tile with
    limited contrast (Zuiderveld 1994); 'none' returns the images as they are. Of colours the luma
    (Y of YCrCb) is corrected. Raises ValueError for any other method.
    """
    if method not in METHODS:
        raise ValueError(f"lighting must be one of {', '.join(METHODS)}; got {method!r}.")
    if method == "none" or not len(images):
        return images
    correct = (
        cv2.equalizeHist if method == "equalize" else cv2.createCLAHE(_CLIP_LIMIT, _TILES).apply
    )
    if images.ndim == 3:
        return np.stack([correct(image) for image in images])
    return np.stack([_in_luma(image, correct) for image in images])


def _in_luma(
    image: NDArray[np.uint8], correct: Callable[..., cv2.typing.MatLike]
) -> cv2.typing.MatLike:
    parts = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    parts[..., 0] = correct(np.ascontiguousarray(parts[..., 0]))
    return cv2.cvtColor(parts, cv2.COLOR_YCrCb2RGB)
