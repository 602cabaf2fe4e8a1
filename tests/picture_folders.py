"""Folders of pictures of noise, and the line with which ferflow refuses one."""

import cv2
import numpy as np
import pytest

from ferflow.core.errors import DataError
from ferflow.download.sources import read_path


def picture(seed=0, shape=(48, 48), suffix=".png"):
    """The bytes of a picture, another for every seed, a number or several."""
    noise = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return cv2.imencode(suffix, noise)[1].tobytes()


def pictures_of(names):
    """Name -> picture."""
    return {name: picture(i) for i, name in enumerate(names)}


def tree(parts, classes, n=8, root=""):
    """Name -> picture of <root><part>/<class>/im<i>.png; a part '' is no folder."""
    return {
        f"{root}{part and part + '/'}{label}/im{i}.png": picture([a, b, i])
        for a, part in enumerate(parts)
        for b, label in enumerate(classes)
        for i in range(n)
    }


def unpacked(folder, files):
    """Write name -> bytes into a folder, which is returned."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def refusal(path, **options):
    """The one line of the DataError about a data set."""
    with pytest.raises(DataError) as caught:
        read_path(path, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def sizes(splits):
    """The numbers of rows of train, val and test."""
    return [len(splits[name]) for name in ("train", "val", "test")]
