"""The changes that make a copy of an image: affine maps, drawn for each copy, and brightness.

Places of a copy that lie outside its image repeat the nearest edge pixel.
"""

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ferflow.core.image_steps import CROP_PAD_SHARE

Floats = NDArray[np.float64]
Size = tuple[int, int]  # height and width in pixels

# (amount, n, size, generator) -> for each of n images the map from a place in the copy to the place
# in the image that it shows, (n, 2, 3), x before y; or, for brightness, the factor of its grey
# levels, (n,)
Draw = Callable[[Any, int, Size, Generator], Floats]


def change(images: NDArray[np.uint8], drawn: Floats) -> NDArray[np.uint8]:
    """The copies of images (n, height, width), or RGB, that `drawn` describes (see `Draw`)."""
    if drawn.ndim == 1:
        factors = drawn.reshape(-1, *[1] * (images.ndim - 1)).astype(np.float32)
        brighter = np.clip(np.rint(images * factors), 0, 255)
        return np.asarray(brighter, dtype=np.uint8)
    flags, width_height = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, images.shape[2:0:-1]
    copies = np.empty_like(images)
    for image, place, copy in zip(images, drawn, copies, strict=True):
        cv2.warpAffine(image, place, width_height, copy, flags, cv2.BORDER_REPLICATE)
    return copies


def draw_crop_pad_flip(n: int, size: Size, rng: Generator) -> Floats:
    """Crop and pad by `crop_pad_share`'s default, and mirror about half of them."""
    maps = _draw_crop_pad(CROP_PAD_SHARE, n, size, rng)
    mirrored = rng.random(n) < 0.5
    maps[mirrored, :, 2] += maps[mirrored, :, 0] * (size[1] - 1)
    maps[mirrored, :, 0] *= -1
    return maps


def _about_centre(linear: Floats, size: Size, shift: Floats | float = 0.0) -> Floats:
    """Maps (n, 2, 3) that turn places about the image's centre by `linear` (n, 2, 2), then shift.

    shift : pixels (n, 2), or 0.
    """
    height, width = size
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    offset = centre - linear @ centre + shift
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def _linear(xx: Floats, xy: Floats, yx: Floats, yy: Floats) -> Floats:
    return np.stack([xx, xy, yx, yy], axis=1).reshape(-1, 2, 2)


def _turned(degrees: Floats, size: Size) -> Floats:
    """Counter-clockwise as one sees it."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return _about_centre(_linear(cos, -sin, sin, cos), size)


def _scaled(factor: Floats, size: Size) -> Floats:
    """Larger with a factor above 1."""
    zero = np.zeros_like(factor)
    return _about_centre(_linear(1 / factor, zero, zero, 1 / factor), size)


def _mirrored(_: None, n: int, size: Size, __: Generator) -> Floats:
    one, zero = np.ones(n), np.zeros(n)
    return _about_centre(_linear(-one, zero, zero, one), size)


def _draw_shift(share: float, n: int, size: Size, rng: Generator) -> Floats:
    shift = rng.uniform(-share, share, (n, 2)) * (size[1], size[0])
    return _about_centre(np.tile(np.eye(2), (n, 1, 1)), size, shift)


def _draw_stretch(share: float, n: int, size: Size, rng: Generator) -> Floats:
    """As Keras' ImageDataGenerator: smaller with a factor above 1."""
    factors, zero = 1 + rng.uniform(-share, share, (2, n)), np.zeros(n)
    return _about_centre(_linear(factors[0], zero, zero, factors[1]), size)


def _draw_shear(most: float, n: int, size: Size, rng: Generator) -> Floats:
    one, zero = np.ones(n), np.zeros(n)
    slope = np.tan(np.deg2rad(rng.uniform(-most, most, n)))
    return _about_centre(_linear(one, slope, zero, one), size)


def _draw_crop_pad(share: float, n: int, size: Size, rng: Generator) -> Floats:
    """Each of the four edges moves in (crop) or out (pad); the rest is scaled to the old size."""
    start, end = rng.uniform(-share, share, (2, n, 2))  # left and top, right and bottom
    zero, scale = np.zeros(n), 1 - start - end
    linear = _linear(scale[:, 0], zero, zero, scale[:, 1])
    offset = start * (size[1] - 1, size[0] - 1)
    return np.concatenate([linear, offset[:, :, None]], axis=2)


# Name -> what draws it. The amounts that are legal stand in `ferflow.core.image_steps`.
DRAWS: Mapping[str, Draw] = {
    "horizontal_flip": _mirrored,
    "rotation_degrees": lambda most, n, size, rng: _turned(rng.uniform(-most, most, n), size),
    "shift_share": _draw_shift,
    "zoom_share": lambda most, n, size, rng: _scaled(1 + rng.uniform(-most, most, n), size),
    "stretch_share": _draw_stretch,
    "shear_degrees": _draw_shear,
    "crop_pad_share": _draw_crop_pad,
    "brightness_factors": lambda bounds, n, _, rng: rng.uniform(bounds[0], bounds[1], n),
    "turn_degrees": lambda degrees, n, size, _: _turned(np.full(n, degrees), size),
    "scale_factor": lambda factor, n, size, _: _scaled(np.full(n, factor), size),
}
