"""A face's file: decoded as grey levels, and scaled to the size that every stage sees."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.images.size import SIDE, check_encoded

# OpenCV refuses most pictures that were cut off, but not every JPEG: the end must be there.
_FORMAT_ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG": b"IEND"}


def decode_grey(content: bytes) -> NDArray[np.uint8]:
    """The grey levels (height, width) of the picture in a file's bytes; colour is converted.

    Raises DataError, without the file's name, where it is no picture, cut off or too large.
    """
    image = None
    if all(end in content for start, end in _FORMAT_ENDS.items() if content.startswith(start)):
        check_encoded(content)
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise DataError(f"is not a readable picture ({len(content)} bytes).")
    return np.asarray(image, dtype=np.uint8)


def resize_face(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey face of any size as (48, 48); shrinking averages the pixels that fall together."""
    height, width = grey.shape
    if (height, width) == (SIDE, SIDE):
        return grey
    shrinks = height >= SIDE and width >= SIDE
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=method), dtype=np.uint8)
