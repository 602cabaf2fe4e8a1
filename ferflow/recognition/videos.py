"""Frames of a video, one at a time."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.images.size import check_size

_USUAL_RATE = 25.0  # where the header gives none
_COMPLETE = 0.9  # of the announced frames: containers often count a few too many


class Video:
    """An open video: iterate over it for its frames, uint8 RGB (height, width, 3).

    n_frames : as its header says, 0 where it does not. rate : frames a second.
    """

    def __init__(self, path: Path) -> None:
        """Raises DataError, without the file's name, where it is no video that can be read."""
        try:
            with path.open("rb") as file:
                if not file.read(1):
                    raise DataError("is empty (0 bytes).")
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror or error}.") from None
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise DataError("is not a video that can be read.")
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        check_size(width, int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self.n_frames = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.rate = self._capture.get(cv2.CAP_PROP_FPS) or _USUAL_RATE
        self._n_read = 0

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        while True:
            there, frame = self._capture.read()
            if not there:
                break
            self._n_read += 1
            yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        self._capture.release()

    def check_end(self) -> None:
        """After the last frame: DataError where the video broke off before it should."""
        if self._n_read == 0 or self._n_read < _COMPLETE * self.n_frames:
            raise DataError(
                f"is a broken video: {self._n_read} of {self.n_frames} frames can be read."
            )
