"""A video's probabilities over time: a table, and a picture with a chart for each face."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from ferflow.core.files import atomic
from ferflow.recognition.lettering import Colour, spelt, written
from ferflow.recognition.page.view import colour_of
from ferflow.recognition.results import Result, csv_writer

_MOST_FACES = 8  # that are drawn: those that are seen longest
_WIDTH, _CHART = 1200, 150  # pixels: of all charts, and the height of one
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 64, 24, 56, 40, 56  # margins, and between charts
_STRIP = 12  # height of the band below a chart: the most probable class
_LETTERS = 16
_INK, _FAINT, _PAPER = (30, 30, 30), (222, 222, 222), (255, 255, 255)
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds between marks
_MOST_MARKS = 12
_FRACTION_BITS = 4  # of a pixel, in OpenCV's coordinates


@dataclass
class _Row:
    """A face's moments: frame numbers, seconds, and probabilities (moments * classes)."""

    frames: "array[int]" = field(default_factory=lambda: array("q"))
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    probabilities: "array[float]" = field(default_factory=lambda: array("f"))


class Timeline:
    """Collects the faces of a video's frames; some 5 MB an hour and face at 30 frames a second."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self._rows: dict[int, _Row] = {}
        self._seconds = 0.0

    def add(self, result: Result) -> None:
        """Note the faces of the next frame."""
        assert result.frame is not None and result.seconds is not None
        self._seconds = result.seconds
        for number, face in result.numbered:
            row = self._rows.setdefault(number, _Row())
            row.frames.append(result.frame)
            row.seconds.append(result.seconds)
            row.probabilities.extend(face.probabilities.values())

    def drawn(self) -> NDArray[np.uint8]:
        """The picture, uint8 RGB: time to the right, probabilities upwards, a chart a face."""
        by_length = sorted(self._rows, key=lambda number: -len(self._rows[number].frames))
        shown = sorted(by_length[:_MOST_FACES])
        height = _TOP + max(1, len(shown)) * (_CHART + _STRIP + _GAP) + _BOTTOM
        canvas = np.full((height, _WIDTH, 3), _PAPER, np.uint8)
        self._draw_legend(canvas)
        for place, number in enumerate(shown):
            top = _TOP + place * (_CHART + _STRIP + _GAP) + _GAP // 2
            self._draw_axes(canvas, top, f"face {number}")
            self._draw_curves(canvas, top, self._rows[number])
        n_more = len(self._rows) - len(shown)
        if not shown or n_more:
            text = f"{n_more} more faces, seen for a shorter time" if shown else "no face found"
            _write(canvas, text, (_LEFT, height - _BOTTOM // 2))
        return canvas

    def _draw_legend(self, canvas: NDArray[np.uint8]) -> None:
        x = _LEFT
        for number, name in enumerate(self._labels):
            text = spelt(name, instead=f"class {number}")
            cv2.rectangle(canvas, (x, 24), (x + 14, 38), _colour(number), cv2.FILLED)
            x = _write(canvas, text, (x + 18, 31)) + 14

    def _draw_axes(self, canvas: NDArray[np.uint8], top: int, title: str) -> None:
        right, bottom = _WIDTH - _RIGHT, top + _CHART
        _write(canvas, title, (_LEFT, top - 14))
        for share in (0, 50, 100):
            y = bottom - share * _CHART // 100
            cv2.line(canvas, (_LEFT, y), (right, y), _FAINT)
            _write(canvas, f"{share}%", (_LEFT - 6, y), to_left=True)
        fits = (float(step) for step in _STEPS if self._seconds / step <= _MOST_MARKS)
        step = next(fits, self._seconds / _MOST_MARKS)
        for k in range(int(self._seconds / step) + 1):
            x = self._x(k * step)
            cv2.line(canvas, (x, top), (x, bottom), _FAINT)
            _write(canvas, _clock(k * step), (x - 4, bottom + _STRIP + 13))

    def _draw_curves(self, canvas: NDArray[np.uint8], top: int, row: _Row) -> None:
        """A curve for each class, broken where the face was not found, and the band below."""
        frames = np.array(row.frames)
        at = np.array([self._x(seconds) for seconds in row.seconds])
        p = np.array(row.probabilities).reshape(len(frames), -1)
        for run in np.split(np.arange(len(frames)), np.flatnonzero(np.diff(frames) > 1) + 1):
            columns, first = np.unique(at[run], return_index=True)
            counts = np.diff(np.append(first, len(run)))
            means = np.add.reduceat(p[run], first) / counts[:, None]  # of a column's frames
            best = means.argmax(axis=1)
            for k, x in enumerate(columns):
                end = columns[k + 1] if k + 1 < len(columns) else x + 1
                band = canvas[top + _CHART + 2 : top + _CHART + _STRIP, x:end]
                band[:] = _colour(int(best[k]))
            for number in range(len(self._labels)):
                y = top + _CHART * (1 - means[:, number])
                points = np.stack([columns, y], axis=1) * (1 << _FRACTION_BITS)
                line = points.round().astype(np.int32)[:, None]
                if len(line) == 1:
                    line = np.repeat(line, 2, axis=0)  # a dot
                style = (2, cv2.LINE_AA, _FRACTION_BITS)
                cv2.polylines(canvas, [line], False, _colour(number), *style)

    def _x(self, seconds: float) -> int:
        span = _WIDTH - _LEFT - _RIGHT - 1
        return _LEFT + round(span * seconds / self._seconds) if self._seconds else _LEFT


@contextmanager
def writing_timeline(path: Path, labels: Sequence[str]) -> Iterator[Callable[[Result], None]]:
    """A function that takes each frame's result; the picture appears when the block ends.

    path : of the picture, a PNG. The table beside it, .csv, is what `--csv` prints of the video.
    """
    timeline = Timeline(labels)
    with atomic(path.with_suffix(".csv")) as part:
        with part.open("w", encoding="utf-8", newline="") as file:
            write = csv_writer(file, labels)

            def add(result: Result) -> None:
                write(result)
                timeline.add(result)

            yield add
        drawn = cv2.cvtColor(timeline.drawn(), cv2.COLOR_RGB2BGR)
        with atomic(path) as picture:
            picture.write_bytes(cv2.imencode(".png", drawn)[1].tobytes())


def _colour(number: int) -> Colour:
    red, green, blue = ImageColor.getrgb(colour_of(number))[:3]
    return red, green, blue


def _clock(seconds: float) -> str:
    """12 s as 12 s, 75 s as 1:15, 3725 s as 1:02:05."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = f"{whole // 60 % 60}:{whole % 60:02}"
    return minutes if whole < 3600 else f"{whole // 3600}:{minutes:0>5}"


def _write(
    canvas: NDArray[np.uint8], text: str, place: tuple[int, int], *, to_left: bool = False
) -> int:
    """Write a text from `place` (x, y) of its middle's height on; returns where it ends."""
    label = written(text, _LETTERS, _INK, _PAPER)
    height, width = label.shape[:2]
    x, y = place[0] - (width if to_left else 0), place[1] - height // 2
    part = canvas[max(y, 0) : y + height, max(x, 0) : x + width]
    part[:] = np.minimum(part, label[: part.shape[0], : part.shape[1]])
    return int(x + width)
