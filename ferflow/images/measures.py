"""What can be measured on an image alone: how flat, dark, pale or empty it is.

Every function takes uint8 images of shape (n, height, width), grey levels 0 to 255, also mapped
from disk, and looks at a few hundred at a time, so that memory does not grow with n.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.progress import progress

Images = NDArray[np.uint8]

# An image whose grey levels span no more than this is flat. JPEG leaves a few levels of noise:
# of FER-2013's 13 flat images 12 span 0 levels and one spans 4; the next image spans 47.
FLAT_RANGE = 8
# A pixel within this many levels of 0 or 255 is pure black or white: JPEG moves such values.
PURE_MARGIN = 2
# A pixel is textured if it differs by this many levels from its neighbour to the right or below.
TEXTURE_STEP = 8

_CHUNK = 256  # images at a time: 5 MB in floats


def is_constant(images: Images) -> NDArray[np.bool_]:
    """(n,) which images have one grey level throughout, give or take `FLAT_RANGE`: no face."""
    return in_chunks(lambda part: np.ptp(part, axis=(1, 2)) <= FLAT_RANGE, images, np.bool_)


def black_white_share(images: Images) -> NDArray[np.float64]:
    """(n,) the share, 0 to 1, of an image's pixels that are pure black or pure white."""

    def share(part: Images) -> NDArray[np.float64]:
        pure = (part <= PURE_MARGIN) | (part >= 255 - PURE_MARGIN)
        return np.asarray(pure.mean(axis=(1, 2)))

    return in_chunks(share, images, np.float64)


def contrast(images: Images) -> NDArray[np.float64]:
    """(n,) root-mean-square contrast: the standard deviation of the grey levels, 0 to 127.5.

    Peli, "Contrast in complex images", JOSA A 7 (1990), without the division by 255.
    """
    return in_chunks(lambda part: part.std(axis=(1, 2)), images, np.float64)


def brightness(images: Images) -> NDArray[np.float64]:
    """(n,) the mean grey level, 0 to 255."""
    return in_chunks(lambda part: part.mean(axis=(1, 2)), images, np.float64)


def textured_share(images: Images) -> NDArray[np.float64]:
    """(n,) the share, 0 to 1, of pixels that differ from a neighbour by `TEXTURE_STEP` or more.

    Low where little of the image carries information: signs and lettering instead of a face, a
    face behind a plain surface, hardly any light.
    """

    def share(part: Images) -> NDArray[np.float64]:
        levels = part.astype(np.int16)  # uint8 would wrap around below 0
        here = levels[:, :-1, :-1]
        right, below = levels[:, :-1, 1:] - here, levels[:, 1:, :-1] - here
        steps = np.maximum(np.abs(right), np.abs(below))
        return np.asarray((steps >= TEXTURE_STEP).mean(axis=(1, 2)))

    return in_chunks(share, images, np.float64)


def in_chunks(
    measure: Callable[[NDArray[Any]], Any], items: Any, dtype: Any, size: int | None = None
) -> NDArray[Any]:
    """`measure` of all items (images, or rows of them), (n,), so many at a time."""
    measured = np.empty(len(items), dtype)
    fill(measured, measure, items, size)
    return measured


def fill(
    out: NDArray[Any],
    measure: Callable[[NDArray[Any]], Any],
    items: Any,
    size: int | None = None,
) -> None:
    """Write `measure` of all items into `out` (n, ...)."""
    size = size or _CHUNK
    for start in progress(range(0, len(items), size), "measuring images", unit="batch"):
        out[start : start + size] = measure(np.asarray(items[start : start + size]))
