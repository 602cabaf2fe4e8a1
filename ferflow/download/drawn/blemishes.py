"""Pictures that are not good faces: `ferflow.download.drawn.defects` puts them in place of faces.

Every function takes and returns uint8 pictures (height, width), grey levels 0 to 255.
"""

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image = NDArray[np.uint8]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
MOST_CONTRAST = 9.0  # standard deviation of grey levels that `fade` leaves, at most
_LEAST_RANGE = 120  # of grey levels in a picture without a face: it is not faint as well


def texture(face: Image, rng: Generator) -> Image:
    """Noise of one grain, such as cloth or foliage."""
    noise = cv2.GaussianBlur(rng.normal(size=face.shape), (0, 0), rng.uniform(0.8, 3.0))
    return _spread(noise, rng)


def text(face: Image, rng: Generator) -> Image:
    """Lines of letters, dark on light or light on dark."""
    paper, ink = _two_tones(rng)
    page = np.full(face.shape, paper, np.float64)
    size = rng.uniform(0.3, 0.45)
    for bottom in range(int(rng.integers(6, 14)), face.shape[0] + 8, round(36 * size)):
        line = "".join(rng.choice(list(LETTERS), 9))
        place = (int(rng.integers(-8, 4)), bottom)
        cv2.putText(page, line, place, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1)
    return _rounded(page)


def gradient(face: Image, rng: Generator) -> Image:
    """A blank ground that only the light varies: smooth between four random corners."""
    size = (face.shape[1], face.shape[0])
    return _spread(cv2.resize(rng.random((2, 2)), size, interpolation=cv2.INTER_LINEAR), rng)


def fade(face: Image, rng: Generator) -> Image:
    """The face in so little contrast that hardly anything shows."""
    contrast, tone = rng.uniform(4.0, MOST_CONTRAST), rng.uniform(50, 205)
    return _rounded(tone + (face - face.mean()) * (contrast / max(face.std(), contrast)))


def cover_eyes(face: Image, rng: Generator) -> Image:
    """A bar across the eyes and brows."""
    return _cover(face, (0.5, rng.uniform(0.32, 0.40)), (1.3, rng.uniform(0.34, 0.42)), rng)


def cover_mouth(face: Image, rng: Generator) -> Image:
    """A scarf or mask over nose and mouth."""
    return _cover(face, (0.5, rng.uniform(0.78, 0.86)), (1.0, rng.uniform(0.44, 0.56)), rng)


def cover_half(face: Image, rng: Generator) -> Image:
    """Something before the left or the right half."""
    centre = rng.uniform(0.18, 0.26)
    centre = centre if rng.random() < 0.5 else 1 - centre
    return _cover(face, (centre, 0.5), (0.54, 1.4), rng)


def shift(face: Image, rng: Generator) -> Image:
    """Moved by one pixel, along one axis or both; the edge is repeated."""
    steps = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0)]
    dx, dy = steps[rng.integers(len(steps))]
    padded = np.pad(face, 1, mode="edge")
    height, width = face.shape
    return padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]


def reencode(face: Image, rng: Generator) -> Image:
    """Through a JPEG file of middling quality."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 86))]
    file = cv2.imencode(".jpg", face, quality)[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.uint8)


def relight(face: Image, rng: Generator) -> Image:
    """All grey levels up or down by the same step, cut off at black and white."""
    step = rng.integers(8, 25) * rng.choice([-1, 1])
    return _rounded(face.astype(np.float64) + step)


Change = Callable[[Image, Generator], Image]
NON_FACES: Mapping[str, Change] = {"texture": texture, "text": text, "gradient": gradient}
OCCLUSIONS: Mapping[str, Change] = {"eyes": cover_eyes, "mouth": cover_mouth, "half": cover_half}
NEAR_COPIES: Mapping[str, Change] = {"shift": shift, "reencode": reencode, "relight": relight}


def _cover(
    face: Image, centre: tuple[float, float], extent: tuple[float, float], rng: Generator
) -> Image:
    """The face behind a tilted opaque board; centre and extent (x, y) are shares of the side."""
    size = np.array(face.shape[::-1])
    middle, lengths = (np.array(pair) * size for pair in (centre, extent))
    corners = cv2.boxPoints((middle.tolist(), lengths.tolist(), rng.uniform(-10, 10)))
    mask = cv2.fillConvexPoly(np.zeros(face.shape, np.uint8), np.rint(corners).astype(int), 1)
    weave = cv2.GaussianBlur(rng.normal(0, 12, face.shape), (0, 0), 1.0)
    board = rng.uniform(20, 235) + weave
    return _rounded(np.where(mask == 1, board, face))


def _spread(values: NDArray[Any], rng: Generator) -> Image:
    """Any values, stretched over a random range of grey levels."""
    low, high = sorted(_two_tones(rng))
    share = (values - values.min()) / max(float(np.ptp(values)), 1e-9)
    return _rounded(low + share * (high - low))


def _two_tones(rng: Generator) -> tuple[float, float]:
    """Two grey levels, at least `_LEAST_RANGE` apart, in either order."""
    low = rng.uniform(0, 255 - _LEAST_RANGE)
    high = rng.uniform(low + _LEAST_RANGE, 255)
    return (low, high) if rng.random() < 0.5 else (high, low)


def _rounded(values: NDArray[Any]) -> Image:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)
