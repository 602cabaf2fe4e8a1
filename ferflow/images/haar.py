"""Where are faces? Asked of OpenCV's Haar cascade (Viola and Jones, CVPR 2001)."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

TRAINED_SIDE = 24  # pixels: the size that the cascade was trained at

_FILE = "haarcascade_frontalface_default.xml"
_NEIGHBOURS = 3  # overlapping hits that make a face, OpenCV's default
_PART = 256  # images a thread takes at a time

_own = threading.local()  # a cascade for each thread: they keep their working memory in themselves


def has_face(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(n,) in which uint8 images (n, height, width) the cascade finds a frontal face.

    It was made to find faces within larger pictures and misses most that fill the frame as
    FER-2013's do, so "no" means little there.
    """
    parts = [images[start : start + _PART] for start in range(0, len(images), _PART)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = list(threads.map(_search, parts))
    return np.concatenate([np.empty(0, np.bool_), *found])


def face_boxes(
    grey: NDArray[np.uint8],
    neighbours: int,
    *,
    min_side: int = TRAINED_SIDE,
    scale_step: float = 1.1,
) -> NDArray[np.int32]:
    """The cascade's boxes (n, 4) in a picture (height, width): left, top, width, height, unordered.

    neighbours : overlapping hits that make a face. min_side : of the faces to look for, in pixels.
    scale_step : between one size of the searched face and the next.
    """
    if not hasattr(_own, "cascade"):
        _own.cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / _FILE))
    found = _own.cascade.detectMultiScale(
        grey, scale_step, neighbours, minSize=(min_side, min_side)
    )
    return np.asarray(found, dtype=np.int32).reshape(-1, 4)


def _search(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.array([len(face_boxes(image, _NEIGHBOURS)) > 0 for image in images], dtype=np.bool_)
