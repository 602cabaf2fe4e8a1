"""From face images to probabilities: a classifier's folder with its own preprocessing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError, one_line
from ferflow.core.face_shape import check_faces, noted_shape
from ferflow.core.hashing import sha256_of
from ferflow.features.extraction import extract_features, make_extractor
from ferflow.features.params import FeaturesParams
from ferflow.images.lighting import correct_lighting
from ferflow.training.shared.classifier import load_classifier

# what parts that do not fit together raise when they are asked for the first time
_UNFIT = (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, MemoryError)


class FaceClassifier:
    """Names the expression on faces as the pipeline does.

    labels : class names in the order of the probabilities' columns. shape : of the faces.
    """

    def __init__(
        self,
        folder: Path,
        backbone: Path | None = None,
        landmarks: Path | None = None,
        *,
        fast: bool = False,
    ) -> None:
        """Load a folder that `train` wrote.

        backbone, landmarks : copies of the networks that the features need, instead of where the
        folder says they lie. fast : whether a network computes in bfloat16 where the processor
        does, sooner and less precisely than `evaluate`.
        """
        self.classifier = load_classifier(folder, fast=fast)
        self.labels = self.classifier.labels
        copies = {"backbone": backbone, "landmarks": landmarks}
        try:
            self.shape = noted_shape(self.classifier.meta)
            self._extract = _feature_maker(self.classifier.meta, copies)
            answer = self(np.zeros((1, *self.shape.array), np.uint8))
            if not np.isfinite(answer).all() or answer.shape != (1, len(self.labels)):
                raise ValueError("it does not answer with probabilities")
        except _UNFIT as error:
            reason = one_line(error)
            raise DataError(f"{folder} is not a working classifier of faces: {reason}") from None

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probabilities (n, n_classes) of faces, uint8 (n, *self.shape.array)."""
        return self.classifier.predict_proba(self.features(images))

    def features(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """What the mask then selects from: all features (n, ...) of faces."""
        check_faces(images, self.shape)
        return self._extract(correct_lighting(images, self.classifier.meta["lighting"]))


def _feature_maker(
    meta: dict[str, Any], copies: dict[str, Path | None]
) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    """What turns images into the features that the classifier was trained on."""
    if "features" not in meta:
        return lambda images: images  # the classifier takes the pixels
    params = FeaturesParams.model_validate(meta["features"])
    for name, copy in copies.items():
        if copy is not None:
            fingerprint = getattr(params, f"{name}_sha256") or sha256_of(copy)
            update = {name: str(copy.absolute()), f"{name}_sha256": fingerprint}
            params = params.model_copy(update=update)
    extractor = make_extractor(params, noted_shape(meta))
    return lambda images: extract_features(images, extractor)
