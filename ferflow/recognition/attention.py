"""Where a classifier looked: maps of what spoke for a class on a face."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.recognition.onnx_model import OnnxModel

if TYPE_CHECKING:  # torch, scikit-learn and more
    from ferflow.recognition.face_classifier import FaceClassifier


def attention(
    classifier: "FaceClassifier | OnnxModel", faces: NDArray[np.uint8], classes: Sequence[int]
) -> NDArray[np.float32] | None:
    """Maps (n, size, size), 0 to 1, of what spoke for a class on each face, see `FaceShape`.

    None for a classifier that has none: no network, one without convolutions, or a file whose
    network does not end in a mean over places. Where it does, the file's maps and Grad-CAM's are
    the same (Selvaraju et al., ICCV 2017).
    """
    if not len(faces):
        return None
    if isinstance(classifier, OnnxModel):
        maps = classifier.maps(faces, classes)
    else:
        from ferflow.recognition.gradcam import maps_of

        maps = maps_of(classifier, faces, classes)
    return None if maps is None else spread(maps, faces.shape[1])


def spread(maps: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """What spoke for a class in maps (n, height, width), as maps (n, size, size), 0 to 1."""
    shown = []
    for place in np.maximum(maps, 0):
        large = cv2.resize(place, (size, size), interpolation=cv2.INTER_LINEAR)
        shown.append(large / max(float(large.max()), 1e-12))
    return np.asarray(shown, dtype=np.float32)
