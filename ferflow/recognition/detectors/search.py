"""A search at a bounded size and, if it is asked for, finer and in four orientations."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.recognition.detectors import Detector, Found

_OVERLAP = 0.25  # of a tile's side: larger faces are found on coarser tiles
_SAME = 0.5  # of the smaller square: two faces that share more are one


def search(detector: Detector, pixels: NDArray[np.uint8], *, thorough: bool) -> list[Found]:
    """The faces on a picture, RGB (height, width, 3).

    thorough : looks also for small faces, in tiles of the picture at up to its full size, and for
    faces on the picture turned by 90, 180 and 270 degrees.
    """
    found = _upright(detector, pixels, thorough=thorough)
    for quarters in (1, 2, 3) if thorough else ():
        turned = _upright(detector, np.rot90(pixels, quarters), thorough=True)
        found += [_turned_back(face, quarters, pixels.shape) for face in turned]
    return _merged(found)


def _upright(detector: Detector, pixels: NDArray[np.uint8], *, thorough: bool) -> list[Found]:
    longer = max(pixels.shape[:2])
    scale = min(max(1.0, detector.least / longer), detector.most / longer)
    found = list(_at_scale(detector, pixels, scale))
    while thorough and scale < 1:
        scale = min(1.0, 2 * scale)
        found += _at_scale(detector, pixels, scale)
    return found


def _at_scale(detector: Detector, pixels: NDArray[np.uint8], scale: float) -> Iterator[Found]:
    """What is found on a picture that is scaled, in tiles where it is then too large."""
    height, width = (max(1, round(scale * side)) for side in pixels.shape[:2])
    scaled = pixels
    if scale != 1:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        resized = cv2.resize(pixels, (width, height), interpolation=method)
        scaled = np.asarray(resized, dtype=np.uint8)
    across, down = width / pixels.shape[1], height / pixels.shape[0]
    for top in _starts(height, detector.most):
        for left in _starts(width, detector.most):
            tile = scaled[top : top + detector.most, left : left + detector.most]
            for face in detector.find(np.ascontiguousarray(tile, dtype=np.uint8)):
                x, y = (left + face.x) / across, (top + face.y) / down
                yield face._replace(x=x, y=y, side=face.side / scale)


def _starts(length: int, side: int) -> list[int]:
    """Where tiles begin along a side of a picture: evenly, and the last one ends with it."""
    n_tiles = 1 + max(0, -(-(length - side) // round(side * (1 - _OVERLAP))))
    return [round(k) for k in np.linspace(0, max(0, length - side), n_tiles)]


def _merged(found: list[Found]) -> list[Found]:
    """The surest of those that are one face."""
    kept: list[Found] = []
    for face in sorted(found, key=lambda face: -face.score):
        if all(_shared(face, other) < _SAME for other in kept):
            kept.append(face)
    return kept


def _shared(one: Found, other: Found) -> float:
    """Share of the smaller square that lies in the other."""
    reach, smaller = (one.side + other.side) / 2, min(one.side, other.side)
    across = min(smaller, reach - abs(one.x - other.x))
    down = min(smaller, reach - abs(one.y - other.y))
    return max(0.0, across) * max(0.0, down) / smaller**2


def _turned_back(face: Found, quarters: int, shape: tuple[int, ...]) -> Found:
    """A face on a picture that was turned counterclockwise, if it is on the upright one."""
    height, width = shape[:2]
    x, y = {
        1: (width - face.y, face.x),
        2: (width - face.x, height - face.y),
        3: (face.y, height - face.x),
    }[quarters]
    return face._replace(x=x, y=y, tilt=face.tilt + 90 * quarters)
