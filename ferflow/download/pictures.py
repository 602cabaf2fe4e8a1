"""Picture files: their names in order, and their pixels."""

import re
from collections.abc import Sequence
from posixpath import splitext

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.progress import progress
from ferflow.core.rows import map_scratch, scratch_array, scratch_file
from ferflow.core.split import cut
from ferflow.download.archives import Files
from ferflow.images.decode import decode_grey_and_kind
from ferflow.images.faces import Pictures
from ferflow.images.size import SIDE

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".pgm", ".tif", ".tiff")


def is_picture(name: str) -> bool:
    """Whether a file's name ends like a picture's."""
    return splitext(name)[1].lower() in SUFFIXES


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sorts 'b/9.jpg' before 'b/10.jpg'."""
    words = re.split(r"(\d{1,18})", name)  # int() takes 4,300 digits at most
    return [(int(word) if i % 2 else -1, word) for i, word in enumerate(words)]


def read_pictures(files: Files, names: Sequence[str]) -> Pictures:
    """The pictures of the named files: (n, 48, 48) if all are grey and of that size.

    Else the bytes of all files, see `ferflow.images.faces`. Either lies in a temporary file.
    Raises DataError that names the file if it is not a picture, or cut off.
    """
    images = scratch_array((len(names), SIDE, SIDE), np.uint8)
    pairs = zip(images, names, strict=True)
    for image, name in progress(pairs, "reading pictures", unit="picture", total=len(names)):
        grey, is_grey = decode(name, files.read_picture(name))
        if not is_grey or grey.shape != image.shape:
            return _read_files(files, names)
        image[:] = grey
    return images


def _read_files(files: Files, names: Sequence[str]) -> Pictures:
    ends = []
    with scratch_file() as scratch:
        for name in progress(names, "reading pictures", unit="picture"):
            content = files.read_picture(name)
            decode(name, content)
            scratch.write(content)
            ends.append(scratch.tell())
        return cut(map_scratch(scratch, np.uint8, (ends[-1],)), np.array(ends, np.int64))


def decode(name: str, content: bytes) -> tuple[NDArray[np.uint8], bool]:
    """The grey levels (height, width) of the picture in a file's bytes; whether it holds no others.

    Raises DataError that names the file if it is not a picture, or cut off.
    """
    try:
        return decode_grey_and_kind(content)
    except DataError as error:
        raise DataError(f"{name} {error}") from None
