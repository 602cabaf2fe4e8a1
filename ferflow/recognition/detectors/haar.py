"""OpenCV's Haar cascade (Viola and Jones, CVPR 2001), which finds faces seen from the front."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.images.haar import TRAINED_SIDE, face_boxes
from ferflow.images.size import SIDE
from ferflow.recognition.boxes import Box, square
from ferflow.recognition.pictures import to_grey

# FER-2013's images are about what the cascade frames: put on a wider ground, they get a box of
# 46.8 of their 48 pixels (median over Training, quartiles 43.5 and 49.5) with the same centre.
# So the cascade's box grows by that. `python -m benchmarks.framing FER2013.zip` measures it.
MARGIN = SIDE / 46.8

NEIGHBOURS = 5  # overlapping hits that make a face
_SEARCH_SIDES = (320, 960)  # pixels: the longer side of what is searched, least and most


def find_faces(pixels: NDArray[np.uint8]) -> list[Box]:
    """Square boxes of the faces on a picture, grey (height, width) or RGB, in any order.

    It is searched at half its size, at most at 960 pixels: faces below 48 pixels, or a fortieth
    of the longer side, are not looked for.
    """
    grey = to_grey(pixels)
    longer = max(grey.shape)
    least, most = _SEARCH_SIDES
    scale = min(1.0, np.clip(longer / 2, least, most) / longer)
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    small = grey
    if scale < 1:
        small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    min_side = max(TRAINED_SIDE, round(SIDE * scale))
    found = face_boxes(small, NEIGHBOURS, min_side=min_side)
    places = found.astype(np.float64) / scale
    return [square(left, top, width, height, MARGIN) for left, top, width, height in places]
