"""Picture files: their names in order, and their pixels."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.images.decode import decode_grey, resize_face
from ferflow.images.size import SIDE

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".pgm", ".tif", ".tiff")


def is_picture(name: str) -> bool:
    """Whether a file's name ends like a picture's."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sorts 'b/9.jpg' before 'b/10.jpg'."""
    words = re.split(r"(\d{1,18})", name)  # int() takes 4,300 digits at most
    return [(int(word) if i % 2 else -1, word) for i, word in enumerate(words)]


def read_pictures(files: Files, names: Sequence[str], *, resize: bool) -> NDArray[np.uint8]:
    """The grey pictures (n, 48, 48) of the named files; one file at a time is in memory besides."""
    images = np.empty((len(names), SIDE, SIDE), np.uint8)
    for image, name in zip(images, names, strict=True):
        image[:] = decode(name, files.read_picture(name), resize=resize)
    return images


def decode(name: str, content: bytes, *, resize: bool) -> NDArray[np.uint8]:
    """The grey picture (48, 48) in a file's bytes; colour is converted.

    Raises DataError naming the file where it is no picture, cut off or, without `resize`, of
    another size.
    """
    try:
        image = decode_grey(content)
    except DataError as error:
        raise DataError(f"{name} {error}") from None
    if not resize and image.shape != (SIDE, SIDE):
        height, width = image.shape
        raise DataError(
            f"{name} has {width}x{height} pixels; expected {SIDE}x{SIDE}. "
            "To scale every picture to that: data.resize: true."
        )
    return resize_face(image)
