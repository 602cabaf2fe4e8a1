"""Copies of pictures and videos with the faces' boxes and labels drawn in."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.files import atomic
from ferflow.recognition.inputs import Input
from ferflow.recognition.pictures import read_picture
from ferflow.recognition.recognizer import Face
from ferflow.recognition.results import Result

_COLOUR, _SHADOW = (255, 200, 40), (20, 20, 20)  # RGB: yellow on a dark rim
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LETTER = 22  # pixels that the font's capitals span at scale 1
_JPEG_QUALITY = 92


def draw_faces(pixels: NDArray[np.uint8], faces: Sequence[Face]) -> NDArray[np.uint8]:
    """A copy of a picture, RGB, with each face's box, label and probability."""
    canvas = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels.copy()
    line = max(1, round(max(canvas.shape[:2]) / 400))
    for face in faces:
        left, top, width, height = face.box
        corners = (left, top), (left + width, top + height)
        text = f"{face.label} {face.probabilities[face.label]:.0%}"
        scale = max(0.4, min(width / 8, 16 * line) / _LETTER)
        (wide, letter), below = cv2.getTextSize(text, _FONT, scale, line)
        x = max(0, min(left, canvas.shape[1] - wide))  # a face at the right edge keeps its label
        above = top - below - line
        start = (x, above if above > letter else max(top, 0) + letter + 2 * line)
        for colour, thickness in ((_SHADOW, 3 * line), (_COLOUR, line)):
            cv2.rectangle(canvas, *corners, colour, thickness, cv2.LINE_AA)
            cv2.putText(canvas, text, start, _FONT, scale, colour, thickness, cv2.LINE_AA)
    return np.asarray(canvas, dtype=np.uint8)


class Annotator:
    """Writes annotated copies into a folder, or nothing where there is none.

    A picture found in a folder keeps its place in it; copies end in -faces.jpg and -faces.mp4.
    """

    def __init__(self, folder: Path | None, inputs: Sequence[Input]) -> None:
        """Raises DataError where the folder lies in one that is read, or cannot be made."""
        self._folder = folder
        self._names: set[Path] = set()
        self._video: cv2.VideoWriter | None = None
        if folder is None:
            return
        for read in {item.folder for item in inputs if item.folder}:
            if folder.resolve().is_relative_to(read.resolve()):
                raise DataError(f"--annotate {folder} lies in {read}, which is read. Name another.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"--annotate {folder} cannot be made: {error.strerror}.") from None

    def __enter__(self) -> "Annotator":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close_video()

    def add(
        self, source: Input, result: Result, pixels: NDArray[np.uint8] | None, rate: float
    ) -> None:
        """Write a picture's copy, or the next frame of a video's.

        pixels : RGB; None to read them again from the source's file. rate : frames a second.
        """
        if self._folder is None:
            return
        if pixels is None:
            assert source.path is not None
            pixels = read_picture(source.path).pixels
        drawn = cv2.cvtColor(draw_faces(pixels, result.faces), cv2.COLOR_RGB2BGR)
        if result.frame is None:
            options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            content = cv2.imencode(".jpg", drawn, options)[1].tobytes()
            with atomic(self._target(source, ".jpg")) as part:
                part.write_bytes(content)
            return
        if result.frame == 0:
            self._open_video(self._target(source, ".mp4"), drawn.shape, rate)
        assert self._video is not None
        self._video.write(drawn)

    def _target(self, source: Input, suffix: str) -> Path:
        """A name that no other copy of this run has."""
        assert self._folder is not None
        path = source.path or Path(source.name)
        within = path.relative_to(source.folder) if source.folder else Path(path.name)
        target = self._folder / within.with_name(f"{within.stem}-faces{suffix}")
        number = 1
        while target in self._names:
            number += 1
            target = target.with_name(f"{within.stem}-{number}-faces{suffix}")
        self._names.add(target)
        return target

    def _open_video(self, path: Path, shape: tuple[int, ...], rate: float) -> None:
        self._close_video()
        height, width = shape[:2]
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        self._video = cv2.VideoWriter(str(path), codec, rate, (width, height))
        if not self._video.isOpened():
            raise DataError(f"--annotate: {path} cannot be written.")

    def _close_video(self) -> None:
        if self._video is not None:
            self._video.release()
            self._video = None
