"""Facial landmarks by a network that the user names: an ONNX file, run by OpenCV.

No such file comes with the project: the usual ones (dlib's, OpenCV's LBF) were fitted to 300-W,
whose faces are for research only. What the file must be:

- one input, float32 (1, 3, s, s) or (1, 1, s, s), a grey face from 0 to 1, repeated in the three
  channels; s is `features.landmarks_size`;
- one output of shape (1, 2k) or (1, k, 2): x and y of each of k landmarks. In which unit does not
  matter. Outputs of more dimensions are passed over.

PFLD (Guo et al. 2019) as its public implementations export it to ONNX is such a file, with s 112.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.errors import DataError
from ferflow.extraction import Extractor, FeaturesParams
from ferflow.hashing import check_sha256
from ferflow.params import repository_root


def make(params: FeaturesParams) -> Extractor:
    """Features of shape (k, 2): each landmark's x and y in a frame of the face's own.

    The landmarks' mean is (0, 0) and their mean squared distance from it 1, so that neither
    the face's place nor its size counts. Raises ParamError where the file is not the one that
    params.yaml was written for, DataError where it is not there or no such network.
    """
    assert params.landmarks is not None  # the record refuses the method without a file
    file = repository_root() / params.landmarks
    check_sha256(file, params.landmarks_sha256, "features.landmarks")
    network = _Network(file, params.landmarks_size)

    def extract(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        # one by one: files are usually exported for one image
        return np.stack([_own_frame(network(image)) for image in images])

    n_landmarks = len(network(np.full((48, 48), 128, np.uint8)))
    return Extractor(extract, (n_landmarks, 2), params.batch_size)


class _Network:
    """Maps a face (48, 48) to landmarks (k, 2)."""

    def __init__(self, file: Path, size: int) -> None:
        self._file, self._size = file, size
        self._net: Any
        try:
            self._net = cv2.dnn.readNetFromONNX(str(file))
        except cv2.error as error:
            raise self._refusal(error) from None
        self._names = self._net.getUnconnectedOutLayersNames()
        self._n_channels = 3
        blank = np.zeros((48, 48), np.uint8)
        try:
            self._forward(blank)
        except cv2.error:
            self._n_channels = 1
        self(blank)

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            outputs = self._forward(image)
        except cv2.error as error:
            raise self._refusal(error) from None
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
        blob = np.repeat(face[None, None].astype(np.float32) / 255, self._n_channels, axis=1)
        self._net.setInput(blob)
        return list(self._net.forward(self._names))

    def _refusal(self, error: cv2.error) -> DataError:
        reason = " ".join(str(error).split())[:200]
        return DataError(
            f"features.landmarks: OpenCV cannot run {self._file.name} on a face of "
            f"{self._size}x{self._size} pixels ({reason}). See ferflow/features/landmarks.py for "
            "what the file must be; features.landmarks_size is its input's side."
        )


def _own_frame(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks (k, 2) about their mean, in units of their root mean square distance from it."""
    centred = points - points.mean(axis=0)
    size = float(np.sqrt((centred**2).sum(axis=1).mean()))
    return np.asarray(centred / size if size > 0 else centred, np.float32)
