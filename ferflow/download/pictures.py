"""Picture files: which class their folder names, and their pixels."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from zipfile import is_zipfile

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.params import nearest, repository_root
from ferflow.download.archives import Files, open_files
from ferflow.download.params import DataParams
from ferflow.images.decode import decode_grey_and_kind
from ferflow.images.faces import Pictures, pack, refuse_other_sizes
from ferflow.images.size import SIDE

_N_PEEKED = 20
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".pgm", ".tif", ".tiff")


def is_picture(name: str) -> bool:
    """Whether a file's name ends like a picture's."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def class_index(name: str, labels: Sequence[str]) -> int:
    """The class that a picture's folder names; DataError with the nearest where it names none."""
    folder = PurePosixPath(name).parent.name
    if folder not in labels:
        raise DataError(
            f"{name}: the folder must name a class ({', '.join(labels)}); "
            f"got '{folder}'.{nearest(folder, labels)}"
        )
    return labels.index(folder)


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sorts 'b/9.jpg' before 'b/10.jpg'."""
    words = re.split(r"(\d{1,18})", name)  # int() takes 4,300 digits at most
    return [(int(word) if i % 2 else -1, word) for i, word in enumerate(words)]


def peek(params: DataParams) -> None:
    """As `refuse_other_sizes`, of some of the pictures of a source, before all are read.

    Those of no file are FER-2013's, or drawn as large. What cannot be read is left to who reads
    all.
    """
    names: list[str] = []
    path = repository_root() / params.path if params.path and params.source == "path" else None
    if path is not None and (path.is_dir() or is_zipfile(path)):
        with suppress(DataError, OSError), open_files(path) as files:
            names = [name for name in files.names if is_picture(name)]
            for name in names[:: max(1, len(names) // _N_PEEKED)]:
                content = np.frombuffer(files.read_picture(name), np.uint8)
                refuse_other_sizes(pack([content]), [name], params)
    if not names and (path is None or path.is_file()):
        pixels = np.empty((1, SIDE, SIDE), np.uint8)
        refuse_other_sizes(pixels, [path.name if path else f"data.source {params.source}"], params)


def read_pictures(files: Files, names: Sequence[str]) -> Pictures:
    """The pictures of the named files: (n, 48, 48) if all are grey and of that size.

    Else the bytes of all files, see `ferflow.images.faces`. One file at a time is in memory
    besides. Raises DataError naming the file where it is no picture, or cut off.
    """
    images = np.empty((len(names), SIDE, SIDE), np.uint8)
    for image, name in zip(images, names, strict=True):
        grey, is_grey = decode(name, files.read_picture(name))
        if not is_grey or grey.shape != image.shape:
            return _read_files(files, names)
        image[:] = grey
    return images


def _read_files(files: Files, names: Sequence[str]) -> Pictures:
    contents = []
    for name in names:
        content = files.read_picture(name)
        decode(name, content)
        contents.append(np.frombuffer(content, np.uint8))
    return pack(contents)


def decode(name: str, content: bytes) -> tuple[NDArray[np.uint8], bool]:
    """The grey levels (height, width) of the picture in a file's bytes; whether it holds no others.

    Raises DataError naming the file where it is no picture, or cut off.
    """
    try:
        return decode_grey_and_kind(content)
    except DataError as error:
        raise DataError(f"{name} {error}") from None
