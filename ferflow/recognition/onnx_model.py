"""Networks in ONNX files: answered by ONNX Runtime, without torch and the rest of the workflow."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.files import read_bounded
from ferflow.images.lighting import METHODS, correct_lighting
from ferflow.images.size import SIDE

KEY = "ferflow"  # of the file's metadata: JSON with `labels` and `lighting`
INPUT, OUTPUT, MAP = "faces", "probabilities", "map"
MAX_BYTES = 512 << 20
_MAX_CLASSES = 1000


class OnnxModel:
    """Names the expression on faces by a file that `ferflow export` wrote.

    labels : class names in the order of the probabilities' columns.
    """

    def __init__(self, file: Path, threads: int = 0) -> None:
        """Load a file.

        threads : on which it computes; 0 for as many as there are cores that the process may use.
        Raises DataError where it is missing, damaged, too large or of somebody else's making.
        Tensors outside the file are not read, and operators of other packages not known.
        """
        try:
            content = read_bounded(file, MAX_BYTES)
        except FileNotFoundError:
            raise DataError(f"{file} does not exist.") from None
        self._session = _open(file, content, threads)
        try:
            about = json.loads(self._session.get_modelmeta().custom_metadata_map[KEY])
            self.labels, self._lighting = tuple(about["labels"]), str(about["lighting"])
            if not 2 <= len(self.labels) <= _MAX_CLASSES or self._lighting not in METHODS:
                raise ValueError(f"labels {self.labels!r:.80}, lighting {self._lighting!r:.80}")
            if not all(isinstance(label, str) for label in self.labels):
                raise ValueError("labels must be words")
            answer = self(np.zeros((2, SIDE, SIDE), np.uint8))
            if not np.isfinite(answer).all() or not np.allclose(answer.sum(axis=1), 1, atol=1e-3):
                raise ValueError("it answers a face with no probabilities")
        except Exception as error:  # onnxruntime's errors have no base but Exception
            reason = " ".join(str(error).split())[:200]
            raise DataError(
                f"{file} holds no network that names expressions on {SIDE}x{SIDE} grey faces "
                f"({type(error).__name__}: {reason}). Make one with: ferflow export MODEL --to FILE"
            ) from None

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probabilities (n, n_classes) of grey faces, uint8 (n, 48, 48)."""
        if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE):
            raise DataError(
                f"faces must be uint8 of shape (n, {SIDE}, {SIDE}); "
                f"got {images.dtype} {images.shape}."
            )
        if not len(images):
            return np.empty((0, len(self.labels)))
        faces = correct_lighting(images, self._lighting)
        (answer,) = self._session.run([OUTPUT], {INPUT: faces})
        answer = np.asarray(answer, dtype=np.float64)
        if answer.shape != (len(images), len(self.labels)):
            raise ValueError(f"{len(images)} faces get answers of shape {answer.shape}")
        return answer


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open(file: Path, content: bytes, threads: int) -> Any:
    """A session on the bytes of a file: from bytes, no tensor in another file is found."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # 0 would take all cores of the machine, whatever the process is bound to
    # (findings/onnxruntime-leaves-the-cores-it-was-given.sh)
    options.intra_op_num_threads = threads or usable_cores()
    options.log_severity_level = 4  # what is wrong comes as an exception
    try:
        return onnxruntime.InferenceSession(
            content,
            sess_options=options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # it would print, and try the same again
        )
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{file} is not an ONNX file that can be run ({reason}).") from None
