"""A folder of annotated copies: of pictures, and of videos with their timelines."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError, FerflowError
from ferflow.core.files import atomic
from ferflow.recognition.annotation import draw_faces
from ferflow.recognition.inputs import Input
from ferflow.recognition.pictures import read_picture
from ferflow.recognition.results import Result
from ferflow.recognition.video.timeline import writing_timeline
from ferflow.recognition.video.writing import Add, can_write_videos, writing_video

_JPEG_QUALITY = 92
_MAX_SIDE = 65_500  # pixels each way of a JPEG, in libjpeg


class Copies:
    """Writes annotated copies into a folder.

    What was found in a folder keeps its place in it. A picture's copy ends in -faces.jpg, a
    video's in -faces.mp4; beside it lie -timeline.png and -timeline.csv.
    """

    def __init__(self, folder: Path, inputs: Sequence[Input], labels: Sequence[str]) -> None:
        """labels : class names in label order.

        Raises DataError if the folder lies in one that is read, or cannot be made; FerflowError
        if there is a video and no encoder.
        """
        self._folder = folder
        self._labels = labels
        self._names: set[Path] = set()
        self._open = ExitStack()  # the files of the present video
        self._add_frame: Add | None = None
        self._add_row: Callable[[Result], None] | None = None
        videos = [item.name for item in inputs if item.is_video]
        if videos and not can_write_videos():
            raise FerflowError(
                f"--annotate needs one more package for videos, such as {videos[0]}: "
                "pip install 'ferflow[media]'."
            )
        for read in {item.folder for item in inputs if item.folder}:
            if folder.resolve().is_relative_to(read.resolve()):
                raise DataError(
                    f"--annotate {folder} is inside {read}, which is an input. Choose another "
                    "folder."
                )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"--annotate {folder} cannot be made: {error.strerror}.") from None

    def __enter__(self) -> "Copies":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """After an error the present video's files, which are not whole, are deleted."""
        self._open.__exit__(kind, error, traceback)

    def add(
        self, source: Input, result: Result, pixels: NDArray[np.uint8] | None, rate: float
    ) -> None:
        """Write a picture's copy, or the next frame of a video's.

        pixels : RGB; None to read them again from the source's file. rate : frames a second.
        Raises DataError, without the file's name, if a picture is too large for a JPEG.
        """
        if result.frame is None:
            if pixels is None:
                assert source.path is not None
                pixels = read_picture(source.path).pixels
            if max(pixels.shape[:2]) > _MAX_SIDE:
                raise DataError(
                    f"has {pixels.shape[1]:,} x {pixels.shape[0]:,} pixels; --annotate writes "
                    f"JPEGs, of at most {_MAX_SIDE:,} each way."
                )
            drawn = cv2.cvtColor(draw_faces(pixels, result.faces), cv2.COLOR_RGB2BGR)
            options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            with atomic(self._target(source, "-faces.jpg")) as part:
                part.write_bytes(cv2.imencode(".jpg", drawn, options)[1].tobytes())
            return
        if result.frame == 0:
            self._open.close()
            copy = writing_video(self._target(source, "-faces.mp4"), rate)
            self._add_frame = self._open.enter_context(copy)
            timeline = writing_timeline(self._target(source, "-timeline.png"), self._labels)
            self._add_row = self._open.enter_context(timeline)
        assert pixels is not None and result.seconds is not None
        assert self._add_frame is not None and self._add_row is not None
        self._add_frame(draw_faces(pixels, result.faces, result.numbers), result.seconds)
        self._add_row(result)

    def _target(self, source: Input, ending: str) -> Path:
        """A name that no other copy of this run has."""
        path = source.path or Path(source.name)
        within = path.relative_to(source.folder) if source.folder else Path(path.name)
        target = self._folder / within.with_name(f"{within.stem}{ending}")
        number = 1
        while target in self._names:
            number += 1
            target = target.with_name(f"{within.stem}-{number}{ending}")
        self._names.add(target)
        return target
