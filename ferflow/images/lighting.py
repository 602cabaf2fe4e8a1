"""Lighting correction: spreads a face's grey levels, which light and cameras squeeze."""

import cv2
import numpy as np
from numpy.typing import NDArray

METHODS = ("none", "equalize", "clahe")

_CLIP_LIMIT = 2.0  # CLAHE: how far a tile's contrast may be raised
_TILES = (6, 6)  # tiles of 8x8 pixels in a 48x48 face


def correct_lighting(images: NDArray[np.uint8], method: str) -> NDArray[np.uint8]:
    """Correct uint8 images (n, height, width), each on its own.

    'equalize' flattens the histogram of the whole image; 'clahe' does so tile by tile with
    limited contrast (Zuiderveld 1994); 'none' returns the images as they are. Raises ValueError
    for any other method.
    """
    if method not in METHODS:
        raise ValueError(f"lighting must be one of {', '.join(METHODS)}; got {method!r}.")
    if method == "none":
        return images
    correct = (
        cv2.equalizeHist if method == "equalize" else cv2.createCLAHE(_CLIP_LIMIT, _TILES).apply
    )
    return np.stack([correct(image) for image in images]) if len(images) else images
