"""Contact sheets: rows of small pictures with a caption each, for people to look at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.files import atomic

_ENLARGED = 2  # times, both ways: 48 pixels are small on a screen
_CAPTION, _GAP = 230, 6  # pixels: the width left of the pictures, and the space around each
_PAPER, _INK = 255, 30  # grey levels
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_sheet(rows: Sequence[tuple[str, NDArray[np.uint8]]], path: Path) -> None:
    """Write a PNG with one row per (caption, pictures); the same input gives the same bytes.

    pictures : uint8 array of shape (k, height, width), grey levels 0 to 255, or (k, height, width,
        3), RGB; all rows of one shape. k may differ, and be 0: then the caption stands alone.
    """
    _, *size = rows[0][1].shape
    height, width = (_ENLARGED * side for side in size[:2])
    n_columns = max(len(images) for _, images in rows)
    shape = (_GAP + len(rows) * (height + _GAP), _CAPTION + n_columns * (width + _GAP))
    sheet = np.full((*shape, *size[2:]), _PAPER, np.uint8)
    for row, (caption, images) in enumerate(rows):
        top = _GAP + row * (height + _GAP)
        place = (_GAP, int(top + height // 2))
        cv2.putText(sheet, caption, place, _FONT, 0.45, (_INK,) * 3, 1, cv2.LINE_AA)
        for column, image in enumerate(images):
            left = _CAPTION + column * (width + _GAP)
            enlarged = image.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)
            sheet[top : top + height, left : left + width] = enlarged
    with atomic(path) as part:
        part.write_bytes(encode_png(sheet))


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """A grey (height, width) or RGB (height, width, 3) image as a PNG's bytes."""
    bgr = image if image.ndim == 2 else image[..., ::-1]  # the order of OpenCV's channels
    return cv2.imencode(".png", bgr)[1].tobytes()
