"""Is there a face? Asked of OpenCV's Haar cascade (Viola and Jones, CVPR 2001)."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_CASCADE = "haarcascade_frontalface_default.xml"
_SCALE_STEP = 1.1  # between one size of the searched face and the next
_MIN_NEIGHBOURS = 3  # overlapping hits that make a face, OpenCV's default
_MIN_SIDE = 24  # pixels: the size that the cascade was trained at
_PART = 256  # images a thread takes at a time


def has_face(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(n,) in which uint8 images (n, height, width) the cascade finds a frontal face.

    It was made to find faces within larger pictures and misses most that fill the frame as
    FER-2013's do, so "no" means little there.
    """
    parts = [images[start : start + _PART] for start in range(0, len(images), _PART)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = list(threads.map(_search, parts))
    return np.concatenate([np.empty(0, np.bool_), *found])


def _search(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    # a cascade of its own for each thread: they keep their working memory in themselves
    cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / _CASCADE))
    size = (_MIN_SIDE, _MIN_SIDE)
    return np.array(
        [
            len(cascade.detectMultiScale(image, _SCALE_STEP, _MIN_NEIGHBOURS, minSize=size)) > 0
            for image in images
        ],
        dtype=np.bool_,
    )
