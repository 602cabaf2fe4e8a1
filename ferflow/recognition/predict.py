"""Any number of pictures and videos, of which a bounded number is in memory."""

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from threading import RLock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ferflow.core.errors import DataError
from ferflow.recognition.boxes import Box
from ferflow.recognition.inputs import Input
from ferflow.recognition.pictures import read_picture
from ferflow.recognition.recognizer import Recognizer
from ferflow.recognition.results import Result
from ferflow.recognition.video.reading import Video

_PICTURES_AT_ONCE = 64  # a thread each decodes one and keeps only its faces
_FRAMES_AT_ONCE = 16  # of a video, which are decoded one after another and kept
_MAX_STDIN = 512 << 20  # bytes; 80 million pixels in colour, of 16 bits, are 480 MB
_CROP = 112  # pixels: a picture of at most that many either way may be a face cut out already


@dataclass(frozen=True)
class _Seen:
    """A picture that was looked at, its faces cut out and not yet named.

    pixels : kept where the picture cannot be read a second time.
    """

    source: Input
    result: Result
    boxes: Sequence[Box] = ()
    faces: Sequence[NDArray[np.uint8]] | NDArray[np.uint8] = ()
    pixels: NDArray[np.uint8] | None = None
    rate: float = 0.0


def predict(
    inputs: Sequence[Input],
    recognizer: Recognizer,
    write: Callable[[Result], None],
    *,
    detect: bool = True,
    annotate: Path | None = None,
    smooth: float = 0.0,
) -> list[Result]:
    """Hand a result for each picture and frame to `write`; returns those that have a fault.

    annotate : a folder for copies with boxes and labels drawn in. smooth : seconds over which the
    answers on a video's faces are smoothed. One bad input does not stop the others. A bar shows
    progress on a terminal.
    """
    failed: list[Result] = []
    series = None
    threads = ThreadPoolExecutor(recognizer.threads)
    bar: tqdm[Any] = tqdm(
        total=len(inputs), unit=" pictures", disable=None, file=sys.stderr, leave=False
    )
    with threads, bar, ExitStack() as stack:
        copies = None
        if annotate is not None:
            from ferflow.recognition.copies import Copies

            copies = stack.enter_context(Copies(annotate, inputs, recognizer.labels))
        for batch in _look(inputs, recognizer, threads, bar, detect=detect):
            for seen, result in zip(batch, _named(batch, recognizer), strict=True):
                bar.update()
                if result.fault:
                    failed.append(result)
                    continue
                if result.frame == 0:
                    from ferflow.recognition.video.series import Series  # for videos alone

                    series = Series(smooth)
                if result.frame is not None and series is not None:
                    result = series.follow(result)
                with tqdm.external_write_mode(file=sys.stdout):
                    write(result)
                if copies:
                    try:
                        copies.add(seen.source, result, seen.pixels, seen.rate)
                    except DataError as error:
                        failed.append(replace(result, fault=str(error)))
    return failed


def tame_libraries() -> None:
    """Keep their remarks on broken videos and pictures off the terminal, and OpenCV on a thread."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read when the first video is opened
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    cv2.setNumThreads(1)  # each picture has a thread of ours
    tqdm.set_lock(RLock())  # its own is for several processes, too, and takes a while to make


def _look(
    inputs: Iterable[Input],
    recognizer: Recognizer,
    threads: ThreadPoolExecutor,
    bar: "tqdm[Any]",
    *,
    detect: bool,
) -> Iterator[list[_Seen]]:
    """Batches of what was looked at, in order."""
    for are_videos, some in groupby(inputs, lambda item: item.is_video):
        if are_videos:
            for item in some:
                yield from _look_at_video(item, recognizer, threads, bar, detect=detect)
        else:
            while batch := list(islice(some, _PICTURES_AT_ONCE)):
                look = partial(_look_at_picture, recognizer=recognizer, detect=detect)
                yield list(threads.map(look, batch))


def _look_at_picture(item: Input, *, recognizer: Recognizer, detect: bool) -> _Seen:
    result = Result(item.name, fault=item.fault or "")
    if result.fault:
        return _Seen(item, result)
    try:
        picture = read_picture(_from_stdin() if item.path is None else item.path)
    except DataError as error:
        return _Seen(item, replace(result, fault=str(error)))
    boxes, faces = recognizer.locate(picture.pixels, detect=detect)
    notes = []
    if picture.n_frames > 1:
        n = picture.n_frames
        which = f"frame {picture.frame + 1} of {n}" if picture.frame else f"the first of {n} frames"
        notes.append(which)
    if not boxes and max(picture.pixels.shape[:2]) <= _CROP:
        notes.append("if the picture is a face already, --no-detect names it")
    result = replace(result, note="; ".join(notes))
    return _Seen(item, result, boxes, faces, picture.pixels if item.path is None else None)


def _from_stdin() -> bytes:
    content = sys.stdin.buffer.read(_MAX_STDIN + 1)
    if len(content) > _MAX_STDIN:
        raise DataError(f"is too large: at most {_MAX_STDIN:,} bytes are read.")
    return content


def _look_at_video(
    item: Input,
    recognizer: Recognizer,
    threads: ThreadPoolExecutor,
    bar: "tqdm[Any]",
    *,
    detect: bool,
) -> Iterator[list[_Seen]]:
    assert item.path is not None
    try:
        video = Video(item.path)
        bar.total = (bar.total or 0) + max(0, video.n_frames - 1)
        numbered = enumerate(video)
        while frames := list(islice(numbered, _FRAMES_AT_ONCE)):
            locate = partial(recognizer.locate, detect=detect)
            located = threads.map(locate, [pixels for _, (_, pixels) in frames])
            batch = []
            for (number, (seconds, pixels)), (boxes, faces) in zip(frames, located, strict=True):
                at = Result(item.name, frame=number, seconds=seconds)
                batch.append(_Seen(item, at, boxes, faces, pixels, video.rate))
            yield batch
        video.check_end()
    except DataError as error:
        yield [_Seen(item, Result(item.name, fault=str(error)))]


def _named(batch: Sequence[_Seen], recognizer: Recognizer) -> Iterator[Result]:
    """The results with their faces, which go through the model together."""
    boxes = [box for seen in batch for box in seen.boxes]
    faces = [face for seen in batch for face in seen.faces]
    named = iter(recognizer.name(boxes, np.array(faces)))
    for seen in batch:
        yield replace(seen.result, faces=list(islice(named, len(seen.boxes))))
