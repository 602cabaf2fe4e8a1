"""Faces in a picture, cut out as FER-2013's are.

OpenCV's Haar cascade (Viola and Jones, CVPR 2001) finds faces seen from the front.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.images.decode import resize_face
from ferflow.images.haar import TRAINED_SIDE, face_boxes
from ferflow.images.size import SIDE

# FER-2013's images are about what the cascade frames: put on a wider ground, they get a box of
# 46.8 of their 48 pixels (median over Training, quartiles 43.5 and 49.5) with the same centre.
# So the cascade's box grows by that. `python -m benchmarks.framing FER2013.zip` measures it.
MARGIN = SIDE / 46.8

NEIGHBOURS = 5  # overlapping hits that make a face
_SEARCH_SIDES = (320, 960)  # pixels: the longer side of what is searched, least and most


class Box(NamedTuple):
    """A square or rectangle in a picture's pixels; it may reach beyond the picture's edge."""

    left: int
    top: int
    width: int
    height: int


def find_faces(grey: NDArray[np.uint8]) -> list[Box]:
    """Square boxes of the faces in a grey picture (height, width), the largest first.

    It is searched at half its size, at most at 960 pixels: faces below 48 pixels, or a fortieth
    of the longer side, are not looked for.
    """
    longer = max(grey.shape)
    least, most = _SEARCH_SIDES
    scale = min(1.0, np.clip(longer / 2, least, most) / longer)
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    small = grey
    if scale < 1:
        small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    min_side = max(TRAINED_SIDE, round(SIDE * scale))
    found = face_boxes(small, NEIGHBOURS, min_side=min_side)
    boxes = [_grow(*(float(n) / scale for n in box)) for box in found]
    return sorted(boxes, key=lambda box: (-box.width, box.left, box.top))


def cut_out(grey: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The face (48, 48) in a box; beyond the picture's edge its last pixels are repeated."""
    height, width = grey.shape
    rows = np.clip(np.arange(box.top, box.top + box.height), 0, height - 1)
    columns = np.clip(np.arange(box.left, box.left + box.width), 0, width - 1)
    return resize_face(grey[np.ix_(rows, columns)])


def _grow(left: float, top: float, width: float, height: float) -> Box:
    """The cascade's box with FER-2013's margin."""
    side = MARGIN * max(width, height)
    x, y = left + width / 2 - side / 2, top + height / 2 - side / 2
    return Box(round(x), round(y), round(side), round(side))
