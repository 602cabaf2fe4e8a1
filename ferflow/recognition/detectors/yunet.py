"""YuNet (Wu, Peng and Yu 2023), a network of 55,000 weights that finds turned faces, too.

The file beside this module holds the weights of libfacedetection 0.0.3 (BSD-3-Clause, its text is
yunet.LICENSE); `python -m benchmarks.yunet_file` makes it. OpenCV's YuNet files answer in the same
form and serve as well.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.backbones.onnx_session import open_session
from ferflow.core.errors import DataError, one_line
from ferflow.recognition.detectors import Detector, Found

BUNDLED = Path(__file__).with_suffix(".onnx")

# FER-2013's frame in terms of the root of the area of the network's box: its side, and how much
# higher its centre is. A side of 1.11 has the frame's median; of 0.93 to 1.2 times that, 0.95 reads
# most of PublicTest's faces, found and cut out, rightly (`python -m benchmarks.framing`).
MARGIN = 1.05
UP = 0.02

SCORE = 0.6  # from 0 to 1; below it nothing counts as a face
_SHARED = 0.3  # intersection over union above which two boxes are one face
_LEAST, _MOST = 160, 640  # pixels: the longer side of a picture that is searched
_STRIDES = (8, 16, 32)  # pixels between the places that an output looks at
_OUTPUTS = [f"{kind}_{stride}" for stride in _STRIDES for kind in ("cls", "obj", "bbox", "kps")]

# where eyes, nose and corners of the mouth are on an upright face, about their mean
_UPRIGHT = np.array([[-1.0, -1.0], [1.0, -1.0], [0.0, 0.0], [-0.8, 1.0], [0.8, 1.0]])


def load(file: Path) -> Detector:
    """The detector in a file; DataError if the file holds another network."""
    session = open_session(file, threads=1)  # several threads search pictures of their own
    try:
        (source,) = session.get_inputs()
        sides = [side if isinstance(side, int) else None for side in source.shape[2:]]
        most = min(_MOST, *(side or _MOST for side in sides))
        network = _Network(session, source.name, sides)
        network(np.zeros((32, 32, 3), np.uint8))
    except Exception as error:  # onnxruntime's errors have no base but Exception
        raise DataError(
            f"{file} is not a YuNet face detector ({type(error).__name__}: {one_line(error)})."
        ) from None
    return Detector(network, min(_LEAST, most), most)


class _Network:
    def __init__(self, session: Any, name: str, sides: list[int | None]) -> None:
        self._session, self._input, self._sides = session, name, sides

    def __call__(self, pixels: NDArray[np.uint8]) -> list[Found]:
        """The faces on a picture, RGB (height, width, 3)."""
        height, width = (
            fixed or -(-side // _STRIDES[-1]) * _STRIDES[-1]
            for fixed, side in zip(self._sides, pixels.shape, strict=False)
        )
        image = np.zeros((1, 3, height, width), np.float32)
        image[0, :, : pixels.shape[0], : pixels.shape[1]] = pixels[..., ::-1].transpose(2, 0, 1)
        answer = iter(self._session.run(_OUTPUTS, {self._input: image}))
        found = [_decode([next(answer)[0] for _ in range(4)], width, k) for k in _STRIDES]
        scores, boxes, marks = (np.concatenate(parts) for parts in zip(*found, strict=True))
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), SCORE, _SHARED)
        return [_framed(float(scores[k]), boxes[k], marks[k]) for k in kept]


def _decode(
    answer: list[NDArray[Any]], width: int, stride: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """What is sure enough of the answers at one stride.

    Scores (n,), boxes (n, 4), as left, top, width, height, and five landmarks (n, 5, 2), in pixels.
    """
    cls, obj, box, kps = answer
    score = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
    sure = np.flatnonzero(score >= SCORE)
    place = np.stack([sure % (width // stride), sure // (width // stride)], axis=1)
    side = np.exp(box[sure, 2:])
    corner = place + box[sure, :2] - side / 2
    marks = place[:, None] + kps[sure].reshape(-1, len(_UPRIGHT), 2)
    return score[sure], stride * np.hstack([corner, side]), stride * marks


def _framed(score: float, box: NDArray[Any], marks: NDArray[Any]) -> Found:
    """A face in FER-2013's frame, which turns with the face."""
    left, top, width, height = map(float, box)
    about = marks - marks.mean(axis=0)
    # the turn that brings the upright face nearest to the landmarks, in least squares
    along = float((_UPRIGHT * about).sum())
    across = float((_UPRIGHT[:, 0] * about[:, 1] - _UPRIGHT[:, 1] * about[:, 0]).sum())
    tilt = np.arctan2(across, along)
    side = (width * height) ** 0.5
    x = left + width / 2 + UP * side * np.sin(tilt)
    y = top + height / 2 - UP * side * np.cos(tilt)
    return Found(float(x), float(y), MARGIN * side, score, float(np.degrees(tilt)))
