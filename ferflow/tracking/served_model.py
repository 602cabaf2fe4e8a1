"""The model as MLflow stores it: this very file, beside the classifier's folder; no pickle.

Input: a table with the column `image`, base64 of a picture file; the picture is a face, or, with
the parameter `detect`, its largest face counts.
Output: a table with a probability per class; without a value where no face is found.
"""

import base64
import binascii
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.images.decode import decode_grey, decode_rgb, resize_face
from ferflow.recognition.detectors import load_detector
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.recognition.pictures import read_picture
from ferflow.recognition.recognizer import find_and_cut


class FaceModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Maps pictures of faces to probabilities."""

    def load_context(self, context: Any) -> None:
        """Load the classifier, and the networks that its features need."""
        paths = {name: Path(path) for name, path in context.artifacts.items()}
        self._detector = load_detector("yunet")
        self._classifier = FaceClassifier(
            paths["classifier"], backbone=paths.get("backbone"), landmarks=paths.get("landmarks")
        )

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Probabilities, a row per picture and a column per class.

        Raises MlflowException, which the server answers with status 400, where a picture cannot
        be read.
        """
        del context
        detect = bool((params or {}).get("detect"))
        faces = [self._face(text, detect=detect) for text in model_input["image"]]
        there = np.array([face is not None for face in faces], dtype=np.bool_)
        answer = np.full((len(faces), len(self._classifier.labels)), None, dtype=object)
        if there.any():  # None, not NaN, where no face is: JSON has no NaN
            answer[there] = self._classifier(np.stack([face for face in faces if face is not None]))
        table = pd.DataFrame(answer, columns=list(self._classifier.labels))
        return table.astype(float) if there.all() else table

    def _face(self, text: str, *, detect: bool) -> NDArray[np.uint8] | None:
        """The face on a picture, as the classifier takes it; None where none is found."""
        shape = self._classifier.shape
        try:
            content = base64.b64decode(text, validate=True)
            if not detect:
                decode = decode_grey if shape.colour == "grey" else decode_rgb
                return resize_face(decode(content), shape)
            boxes, faces = find_and_cut(read_picture(content).pixels, self._detector, shape)
        except binascii.Error:
            fault = "the column `image` must hold base64 of a picture file."
        except DataError as error:
            fault = f"a picture in the column `image` {error}"
        else:
            return faces[max(range(len(boxes)), key=lambda k: boxes[k].width)] if boxes else None
        raise MlflowException(fault, INVALID_PARAMETER_VALUE)


mlflow.models.set_model(FaceModel())
