"""The model as MLflow stores it: this very file, beside the classifier's folder; no pickle.

Input: a table with the column `image`, base64 of a picture file of one face.
Output: a table with a probability per class.
"""

import base64
import binascii
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd

from ferflow.core.errors import DataError
from ferflow.images.decode import decode_grey, resize_face
from ferflow.recognition.face_classifier import FaceClassifier


class FaceModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Maps pictures of faces to probabilities."""

    def load_context(self, context: Any) -> None:
        """Load the classifier, and the networks that its features need."""
        paths = {name: Path(path) for name, path in context.artifacts.items()}
        self._classifier = FaceClassifier(
            paths["classifier"], backbone=paths.get("backbone"), landmarks=paths.get("landmarks")
        )

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Probabilities, a row per picture and a column per class."""
        del context, params
        faces = np.stack([_decode(text) for text in model_input["image"]])
        return pd.DataFrame(self._classifier(faces), columns=list(self._classifier.labels))


def _decode(text: str) -> Any:
    try:
        return resize_face(decode_grey(base64.b64decode(text, validate=True)))
    except binascii.Error:
        raise DataError("the column `image` must hold base64 of a picture file.") from None
    except DataError as error:
        raise DataError(f"a picture in the column `image` {error}") from None


mlflow.models.set_model(FaceModel())
