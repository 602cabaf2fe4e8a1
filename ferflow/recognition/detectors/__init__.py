"""Where are the faces on a picture? A module for each detector.

A detector is called with a picture, uint8, grey (height, width) or RGB (height, width, 3), and
returns a box for each face, framed as FER-2013 frames its faces, in any order. Several threads
may call one at the same time.
"""

from collections.abc import Callable
from importlib import import_module
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import ParamError
from ferflow.recognition.boxes import Box

Detector = Callable[[NDArray[np.uint8]], list[Box]]

NAMES = ("haar",)


def make_detector(name: str | None = None) -> Detector:
    """A detector by its name; None for the best that runs here."""
    if name is None:
        name = NAMES[0]
    if name not in NAMES:
        raise ParamError(f"a detector must be one of {', '.join(NAMES)}; got {name!r}.")
    return cast(Detector, import_module(f"{__name__}.{name}").find_faces)
