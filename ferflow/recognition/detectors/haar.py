"""OpenCV's Haar cascade (Viola and Jones, CVPR 2001), which finds faces seen from the front."""

import numpy as np
from numpy.typing import NDArray

from ferflow.core.face_shape import GREY_48
from ferflow.images.decode import recolour
from ferflow.images.haar import face_boxes
from ferflow.images.size import SIDE
from ferflow.recognition.detectors import Detector, Found

# FER-2013's images are about what the cascade frames: put on a wider ground, they get a box of
# 46.8 of their 48 pixels (median over Training, quartiles 43.5 and 49.5) with the same centre.
# `python -m benchmarks.framing FER2013.zip` measures it.
MARGIN = SIDE / 46.8

NEIGHBOURS = 5  # overlapping hits that make a face
_MOST = 320  # pixels: the longer side of a picture that is searched


def load() -> Detector:
    """The detector; OpenCV holds its file."""
    return Detector(find_faces, 1, _MOST)


def find_faces(pixels: NDArray[np.uint8]) -> list[Found]:
    """Upright faces on a picture, RGB (height, width, 3); the larger, the surer."""
    boxes = face_boxes(recolour(pixels, GREY_48), NEIGHBOURS).tolist()
    return [Found(x + side / 2, y + side / 2, MARGIN * side, side) for x, y, side, _ in boxes]
