"""Classifiers in ONNX files: answered by ONNX Runtime, without the rest of the workflow."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.backbones.onnx_session import open_session
from ferflow.core.errors import DataError, one_line
from ferflow.core.face_shape import FaceShape, check_faces
from ferflow.images.lighting import METHODS, correct_lighting

KEY = "ferflow"  # of the file's metadata: JSON with `labels` and `lighting`
INPUT, OUTPUT, MAP = "faces", "probabilities", "map"
_PIXELS_AT_ONCE = 128 * 48**2  # the bundled network takes 0.7 MB for each 48x48
_MAX_CLASSES = 1000


class OnnxModel:
    """Names the expression on faces by a file that `ferflow export` wrote.

    labels : class names in the order of the probabilities' columns. shape : of the faces.
    """

    def __init__(self, file: Path, threads: int = 0) -> None:
        """Load a file.

        threads : on which it computes; 0 for as many as there are cores that the process may use.
        Raises DataError if it is missing, damaged, too large or of somebody else's making.
        """
        self._session = open_session(file, threads)
        try:
            self.labels, self._lighting = _read_about(self._session)
            names = {output.name for output in self._session.get_outputs()}
            self._outputs = [OUTPUT, MAP] if MAP in names else [OUTPUT]
            self.shape = _read_shape(self._session)
            for n in (1, 2):
                self._try(n)
        except Exception as error:  # onnxruntime's errors have no base but Exception
            raise DataError(
                f"{file} is not a classifier of expressions: {one_line(error)}. "
                "Make one with: ferflow export MODEL --to FILE"
            ) from None

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probabilities (n, n_classes) of faces, uint8 (n, *self.shape.array)."""
        step = max(1, _PIXELS_AT_ONCE // self.shape.size**2)
        starts = range(0, len(images), step)
        parts = [self._run([OUTPUT], images[i : i + step])[0] for i in starts]
        return np.concatenate([np.empty((0, len(self.labels))), *parts])

    def maps(self, images: NDArray[np.uint8], classes: Sequence[int]) -> NDArray[np.float32] | None:
        """What each place of a face adds to the score of its class, (n, height, width).

        images : faces, at least one. None if the file does not tell.
        """
        if MAP not in self._outputs:
            return None
        maps = self._run([MAP], images)[0].astype(np.float32)
        return maps[np.arange(len(images)), list(classes)]

    def _run(self, outputs: list[str], images: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """The outputs of those names; ValueError if they are of another shape."""
        check_faces(images, self.shape)
        faces = correct_lighting(images, self._lighting)
        found = [np.asarray(value) for value in self._session.run(outputs, {INPUT: faces})]
        for name, value in zip(outputs, found, strict=True):
            expected = (len(images), len(self.labels))
            if value.shape[:2] != expected or value.ndim != (4 if name == MAP else 2):
                raise ValueError(f"{len(images)} faces give {name} of shape {value.shape}")
        return found

    def _try(self, n: int) -> None:
        """Ask about n faces for the first time; ValueError where something else is answered."""
        answer, *maps = self._run(self._outputs, np.zeros((n, *self.shape.array), np.uint8))
        if not np.allclose(answer.sum(axis=1), 1, atol=1e-3):  # also for NaN
            raise ValueError("it does not answer with probabilities")
        if not np.isfinite(maps).all():
            raise ValueError("its maps contain NaN or infinity")


def _read_shape(session: Any) -> FaceShape:
    """The shape of the faces that a file takes; ValueError where it takes something else."""
    n, *sides = session.get_inputs()[0].shape
    if isinstance(n, int):
        raise ValueError(f"its batch size is fixed at {n}")
    shape = FaceShape(sides[0] if sides else 0, "grey" if len(sides) == 2 else "rgb")
    if tuple(sides) != shape.array:
        raise ValueError(f"its faces are of shape {sides}")
    return shape


def _read_about(session: Any) -> tuple[tuple[str, ...], str]:
    """Labels and lighting from a file's metadata; ValueError if they are not sound."""
    metadata = session.get_modelmeta().custom_metadata_map
    if KEY not in metadata:
        raise ValueError(f"it has no labels (its metadata lack the key {KEY!r})")
    about = json.loads(metadata[KEY])
    if not isinstance(about, dict) or not isinstance(about.get("labels"), list):
        raise ValueError(f"it has no labels (its metadata's {KEY!r} is {about!r:.80})")
    labels, lighting = tuple(about["labels"]), about.get("lighting")
    if not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        raise ValueError(f"labels must be different words; got {labels!r:.80}")
    if not 2 <= len(labels) <= _MAX_CLASSES:
        raise ValueError(f"labels must be 2 to {_MAX_CLASSES}; got {len(labels)}")
    if lighting not in METHODS:
        raise ValueError(f"lighting must be one of {', '.join(METHODS)}; got {lighting!r:.80}")
    return labels, str(lighting)
