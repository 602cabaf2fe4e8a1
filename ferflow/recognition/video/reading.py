"""Frames of a video, one at a time."""

import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError, is_text
from ferflow.images.size import check_size
from ferflow.recognition.pictures import opened

_USUAL_RATE = 25.0  # where the header gives none
_COMPLETE = 0.9  # of the announced frames: containers often count a few too many


class Video:
    """An open video: iterate over it for its frames' times in seconds from 0, and their pixels.

    The pixels are uint8 RGB (height, width, 3), upright, as a telephone's header says.
    n_frames : as its header says, 0 if it does not. rate : frames a second, on average.
    """

    def __init__(self, path: Path) -> None:
        """Raises DataError, without the file's name, if it cannot be read as a video."""
        with opened(path):
            pass
        if not is_text(str(path)):  # OpenCV takes no other
            raise DataError("cannot be read: its name is not UTF-8. Rename it.")
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise DataError(
                "cannot be read as a video: it is damaged, of an unknown format or without frames."
            )
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        check_size(width, int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self.n_frames = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if math.isfinite(rate) and rate > 0 else _USUAL_RATE
        self._n_read = 0
        self._seconds = 0.0  # of the last frame
        self._start = 0.0  # of the first one, in the container's seconds

    def __iter__(self) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        while True:
            there, frame = self._capture.read()
            if not there:
                break
            if self._n_read:
                at = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                later = math.isfinite(at) and at > self._seconds  # else the container has no times
                self._seconds = at if later else self._seconds + 1 / self.rate
            else:
                self._start = max(0.0, self._capture.get(cv2.CAP_PROP_PTS) / self.rate)
            self._n_read += 1
            yield self._seconds, np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        self._capture.release()

    def check_end(self) -> None:
        """After the last frame: DataError if the video broke off before it should.

        Containers that do not count their frames announce as many as their length and rate give,
        which are too many where the rate varies. So a video that lasted as long is whole, too.
        """
        ended = self._start + self._seconds + 1 / self.rate
        enough = max(self._n_read, ended * self.rate) >= _COMPLETE * self.n_frames
        if self._n_read == 0 or not enough:
            raise DataError(
                f"is a broken video: {self._n_read} of {self.n_frames} frames can be read."
            )
