"""Facial landmarks by a network that the user names: an ONNX file, run by OpenCV.

No such file comes with the project: the usual ones (dlib's, OpenCV's LBF) were fitted to 300-W,
whose faces are for research only. What the file must be:

- one input, float32 (1, 3, s, s) or (1, 1, s, s), a face from 0 to 1, RGB or grey; grey levels are
  repeated in the three channels; s is `features.landmarks_size`;
- one output of shape (1, 2k) or (1, k, 2): x and y of each of k landmarks. In which unit does not
  matter. Outputs of more dimensions are passed over.

PFLD (Guo et al. 2019) as its public implementations export it to ONNX is such a file: s is 112, the
output (1, 2k), and a map of features (1, 64, 28, 28) beside it is passed over. With PyTorch:

    torch.onnx.export(network.eval(), torch.zeros(1, 3, 112, 112), "pfld.onnx")

A network of PFLD's build with random weights, exported by PyTorch's older and its newer exporter,
ran here as it does in PyTorch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError, one_line
from ferflow.core.face_shape import FaceShape
from ferflow.core.hashing import check_sha256
from ferflow.core.params import from_root
from ferflow.features.extraction import Extractor
from ferflow.features.params import FeaturesParams


def make(params: FeaturesParams, face: FaceShape) -> Extractor:
    """Features of shape (k, 2): each landmark's x and y in a frame of the face's own.

    The landmarks' mean is (0, 0) and their mean squared distance from it 1, so that neither
    the face's place nor its size counts. Raises ParamError if the file is not the one that
    params.yaml was written for, DataError if it is not there or no such network.
    """
    assert params.landmarks is not None  # the record refuses the method without a file
    file = from_root(params.landmarks)
    check_sha256(file, params.landmarks_sha256, "features.landmarks")
    network = _Network(file, params.landmarks_size, face)

    def extract(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        # one by one: files are usually exported for one image
        return np.stack([_own_frame(network(image)) for image in images])

    n_landmarks = len(network(np.full(face.array, 128, np.uint8)))
    return Extractor(extract, (n_landmarks, 2), params.batch_size)


class _Network:
    """Maps a face to landmarks (k, 2)."""

    def __init__(self, file: Path, size: int, face: FaceShape) -> None:
        self._file, self._size = file, size
        self._net: Any
        try:
            with _quiet():
                self._net = cv2.dnn.readNetFromONNX(str(file))
        except cv2.error:
            raise DataError(
                f"features.landmarks: OpenCV cannot read {file.name} as an ONNX file. "
                "See ferflow/features/extractors/landmarks.py for what it must be."
            ) from None
        self._names = self._net.getUnconnectedOutLayersNames()
        self._n_channels = self._find_channels(face)

    def _find_channels(self, face: FaceShape) -> int:
        """How many channels it takes, three or one; DataError where it runs with neither."""
        reasons = []
        for self._n_channels in (3, 1):
            try:
                with _quiet():
                    self(np.zeros(face.array, np.uint8))
            except cv2.error as error:
                reasons.append(one_line(error.err, 100))
            else:
                return self._n_channels
        raise DataError(
            f"features.landmarks: OpenCV cannot run {self._file.name} on a face of "
            f"{self._size}x{self._size} pixels, neither with three channels ({reasons[0]}) "
            f"nor with one ({reasons[1]}). features.landmarks_size must be its input's "
            "side; see ferflow/features/extractors/landmarks.py for what else it must be."
        )

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        outputs = self._forward(image)
        found = [out for out in outputs if out.ndim == 2 or (out.ndim == 3 and out.shape[-1] == 2)]
        if len(found) != 1 or found[0].size % 2:
            shapes = ", ".join(str(out.shape) for out in outputs)
            raise DataError(
                f"features.landmarks: {self._file.name} must have one output of shape (1, 2k) or "
                f"(1, k, 2); it has {shapes}."
            )
        return np.asarray(found[0], np.float32).reshape(-1, 2)

    def _forward(self, image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        face = cv2.resize(image, (self._size, self._size), interpolation=cv2.INTER_LINEAR)
        if face.ndim == 3 and self._n_channels == 1:
            face = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
        planes = face[None] if face.ndim == 2 else face.transpose(2, 0, 1)
        if len(planes) < self._n_channels:
            planes = np.repeat(planes, self._n_channels, axis=0)
        self._net.setInput(planes[None].astype(np.float32) / 255)
        return list(self._net.forward(self._names))


@contextmanager
def _quiet() -> Iterator[None]:
    """OpenCV prints a page of its own about a network that it cannot run."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _own_frame(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks (k, 2) about their mean, in units of their root mean square distance from it."""
    centred = points - points.mean(axis=0)
    size = float(np.sqrt((centred**2).sum(axis=1).mean()))
    return np.asarray(centred / size if size > 0 else centred, np.float32)
