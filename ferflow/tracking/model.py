"""The model of a run in MLflow: the classifier and its feature extraction, as code and data."""

import base64
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import mlflow
import pandas as pd
from mlflow.entities import Run
from mlflow.models import Model

from ferflow.core.files import read_json
from ferflow.core.params import from_root
from ferflow.core.paths import CLASSIFIER, RAW
from ferflow.core.split import load_split
from ferflow.features.params import FeaturesParams
from ferflow.training.shared.classifier import ABOUT

_PACKAGES = (  # what ferflow/tracking/served_model.py reaches
    "mlflow",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pandas",
    "pillow",
    "pydantic",
    "pyyaml",
    "ruamel.yaml",
    "safetensors",
    "scikit-learn",
    "skops",
    "tqdm",
)
_BACKBONE_PACKAGES = ("torch", "transformers")
_LOGGED = "ferflow.model"  # the tag of a run that holds a whole model


def log_model(client: mlflow.MlflowClient, run: Run) -> str:
    """Put the model into the run, unless it is there; returns its id in MLflow.

    What a process that was cut off left of it is deleted.
    """
    run_id, experiment_id = run.info.run_id, run.info.experiment_id
    found = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'")
    if _LOGGED in run.data.tags and found:
        return str(found[0].model_id)
    for model in found:
        client.delete_logged_model(model.model_id)
    mlflow.set_tracking_uri(client.tracking_uri)
    with mlflow.start_run(run_id=run_id):
        parts = model_parts(CLASSIFIER, _example_image())
        made = Model.log(None, _Pyfunc, name="model", validate_serving_input=False, **parts)
    client.set_tag(run_id, _LOGGED, "logged")
    return str(made.model_id)


class _Pyfunc:
    """MLflow's models in Python, not loaded once more when they are logged: that takes longest."""

    @staticmethod
    def save_model(*, validate_serving_input: bool, **parts: Any) -> None:
        """Write the model's folder; `Model.log` has read the other word by then."""
        del validate_serving_input
        mlflow.pyfunc.save_model(**parts)


def model_parts(folder: Path, picture: str) -> dict[str, Any]:
    """The classifier with its feature extraction, as MLflow takes a model: code and data.

    It loads in a fresh process. folder : as `train` wrote it. picture : an example, in base64.
    """
    about = read_json(folder / ABOUT)
    artifacts = {"classifier": str(folder)}
    packages: tuple[str, ...] = _PACKAGES
    if (stored := about["meta"].get("features")) is not None:
        features = FeaturesParams.model_validate(stored)
        if "backbone" in features.parts:
            artifacts["backbone"] = str(_backbone_folder(features.backbone))
            packages += _BACKBONE_PACKAGES
        if "landmarks" in features.parts:
            artifacts["landmarks"] = str(from_root(str(features.landmarks)))
    if about["family"] == "network":
        packages += _BACKBONE_PACKAGES
    labels = about["labels"]
    example = pd.DataFrame({"image": [picture]})
    answer = pd.DataFrame([[1 / len(labels)] * len(labels)], columns=labels)
    return {
        "python_model": str(Path(__file__).with_name("served_model.py")),
        "artifacts": artifacts,
        "code_paths": [str(Path(__file__).parents[1])],
        "signature": mlflow.models.infer_signature(example, answer, {"detect": False}),
        "input_example": example,
        # 2.13.0, not 2.13.0+cpu: PyPI has no local versions
        "pip_requirements": [
            f"{name}=={version(name).partition('+')[0]}" for name in dict.fromkeys(packages)
        ],
    }


def _backbone_folder(name: str) -> Path:
    """Where the pretrained network's files lie: the user's folder, or the hub's local cache."""
    folder = from_root(name)
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download

    files = ["*.json", "*.safetensors"]
    return Path(snapshot_download(name, allow_patterns=files, local_files_only=True))


def _example_image() -> str:
    """The first raw validation image as base64 of a picture's file."""
    picture = load_split(RAW / "val.safetensors").x[0]
    file = picture if picture.ndim == 1 else cv2.imencode(".png", picture)[1]
    return base64.b64encode(file.tobytes()).decode()
