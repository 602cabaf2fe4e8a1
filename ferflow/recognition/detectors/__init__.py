"""Where are the faces on a picture? A module for each detector; `search` asks one of them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import ParamError

NAMES = ("yunet", "haar")


class Found(NamedTuple):
    """A face that a detector found, framed as FER-2013 frames its faces.

    x, y : the centre of a square, in pixels. side : the square's. score : the higher, the surer;
    its scale is the detector's. tilt : degrees by which the face is turned clockwise.
    """

    x: float
    y: float
    side: float
    score: float
    tilt: float = 0.0


class Detector(NamedTuple):
    """What finds faces.

    find : from a picture, uint8 RGB (height, width, 3), to its faces in any order; any number of
    threads may call it. least, most : the longer side of a picture that it is given, in pixels;
    smaller ones are enlarged, larger ones reduced or cut into tiles.
    """

    find: Callable[[NDArray[np.uint8]], list[Found]]
    least: int
    most: int


def load_detector(name: str | Path) -> Detector:
    """A detector by its name, or the YuNet network in an ONNX file.

    Raises ParamError if the name is not known, DataError if the file is not a detector.
    """
    if str(name) == "haar":
        from ferflow.recognition.detectors import haar

        return haar.load()
    from ferflow.recognition.detectors import yunet

    if str(name) == "yunet":
        return yunet.load(yunet.BUNDLED)
    if Path(name).suffix == ".onnx":
        return yunet.load(Path(name))
    raise ParamError(
        f"a detector must be {', '.join(NAMES)} or the .onnx file of a YuNet; got {str(name)!r}."
    )
