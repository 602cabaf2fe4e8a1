"""Rectangles on a picture, and the faces cut out of them."""

import operator
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.face_shape import GREY_48, FaceShape
from ferflow.images.decode import resize_face


class Box(NamedTuple):
    """A rectangle in a picture's pixels; it may reach beyond the picture's edge."""

    left: int
    top: int
    width: int
    height: int


def shared_area(one: Box, other: Box) -> int:
    """Pixels that two boxes have in common."""
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return max(0, across) * max(0, down)


def check_box(numbers: Sequence[int], width: int, height: int) -> Box:
    """Four numbers as a box on a picture of that size.

    Raises DataError unless they are whole, and the box has an area on the picture.
    """
    try:
        box = Box(*(operator.index(number) for number in numbers))
    except TypeError:
        raise DataError(
            "a box must be four whole numbers: left, top, width, height in pixels; "
            f"got {numbers!r:.80}."
        ) from None
    across = min(box.left + box.width, width) - max(box.left, 0)
    down = min(box.top + box.height, height) - max(box.top, 0)
    if min(box.width, box.height, across, down) < 1:
        raise DataError(
            f"a box must have an area on the picture of {width}x{height} pixels; "
            f"got {box.width}x{box.height} pixels at {box.left},{box.top}."
        )
    return box


def cut_out(
    pixels: NDArray[np.uint8], box: Box, tilt: float = 0.0, shape: FaceShape = GREY_48
) -> NDArray[np.uint8]:
    """The face of that shape in a box; beyond the picture's edge its last pixels are repeated.

    pixels : grey (height, width) or RGB. tilt : degrees clockwise by which the box turns about its
    centre with the face.
    """
    if tilt:
        return _cut_out_turned(pixels, box, tilt, shape)
    height, width = pixels.shape[:2]
    rows = np.clip(np.arange(box.top, box.top + box.height), 0, height - 1)
    columns = np.clip(np.arange(box.left, box.left + box.width), 0, width - 1)
    return resize_face(pixels[np.ix_(rows, columns)], shape)


def _cut_out_turned(
    pixels: NDArray[np.uint8], box: Box, tilt: float, shape: FaceShape
) -> NDArray[np.uint8]:
    centre = box.left + (box.width - 1) / 2, box.top + (box.height - 1) / 2
    turn = cv2.getRotationMatrix2D(centre, tilt, 1.0)
    turn[:, 2] -= box.left, box.top
    size = box.width, box.height
    face = cv2.warpAffine(pixels, turn, size, borderMode=cv2.BORDER_REPLICATE)
    return resize_face(np.asarray(face, dtype=np.uint8), shape)
