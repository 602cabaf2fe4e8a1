"""The mirror in MLflow: a finished run as one MLflow run, filled from the files of the stages.

Calling it again changes nothing: the run is found by a fingerprint of everything that DVC knows
of the pipeline's state (parameters, code, data, outputs). Nothing in the pipeline reads MLflow.
"""

import base64
import math
import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import pandas as pd

from ferflow.core.costs import find_costs
from ferflow.core.files import read_json
from ferflow.core.git import code_commit
from ferflow.core.params import PARAMS_FILE, repository_root
from ferflow.core.paths import CLASSIFIER, LOCK_FILE, METRICS, PICTURES, RAW, TABLES
from ferflow.core.pipeline import Pipeline
from ferflow.core.split import load_split
from ferflow.core.system import user_name
from ferflow.core.tables import read_table
from ferflow.evaluation.summary import protocol_line
from ferflow.features.params import FeaturesParams
from ferflow.tracking.database import FINGERPRINT
from ferflow.tracking.names import leaves
from ferflow.tracking.store import one_writer, open_store
from ferflow.training.shared.classifier import ABOUT

import mlflow  # isort: skip  (after ferflow.tracking.store, which switches its telemetry off)
from mlflow.entities import Metric, Param, Run, RunTag  # isort: skip
from mlflow.models import Model  # isort: skip

_METRICS_FILES = [
    METRICS / f"{name}.json" for name in ("data", "balance", "selection", "train", "metrics")
]
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


def track_run() -> str:
    """Make sure that the last finished run is in MLflow; returns a line that says what was done.

    Raises FerflowError where the files are not those of one finished run, or MLflow cannot be
    reached.
    """
    pipeline = Pipeline()
    pipeline.check_finished()
    with one_writer():
        return _fill_run(pipeline)


def _fill_run(pipeline: Pipeline) -> str:
    fingerprint = pipeline.lock_fingerprint()
    client, experiment_id = open_store()
    run = _find_or_create(client, experiment_id, pipeline)
    name = f"{run.info.run_name} ({fingerprint})"
    if run.info.status == "FINISHED":
        return f"MLflow has this run already: {name}"
    run_id = run.info.run_id
    _log_numbers(client, run_id, pipeline)
    for path in (PARAMS_FILE, LOCK_FILE, *_METRICS_FILES):
        client.log_artifact(run_id, str(path), "pipeline")
    client.log_artifacts(run_id, str(TABLES), "tables")
    client.log_artifacts(run_id, str(PICTURES), "pictures")
    if "ferflow.model" not in run.data.tags:
        _log_model(client, run)
        client.set_tag(run_id, "ferflow.model", "logged")
    client.set_terminated(run_id, "FINISHED")
    return f"MLflow has a new run: {name}"


def track_mistake(name: str, scores: dict[str, Any]) -> str:
    """Put a mistake's figures into MLflow as a run of their own, marked in name, tag and metric."""
    with one_writer():
        return _fill_mistake(name, scores)


def _fill_mistake(name: str, scores: dict[str, Any]) -> str:
    pipeline = Pipeline()
    fingerprint = f"{pipeline.lock_fingerprint()}-{name}"
    client, experiment_id = open_store()
    if client.search_runs([experiment_id], f"tags.`{FINGERPRINT}` = '{fingerprint}'"):
        return f"MLflow has this mistake already: {name}"
    preset = str(pipeline.params.get("preset"))
    note = f"NOT A RESULT. {scores['what']}"
    tags = {
        FINGERPRINT: fingerprint,
        "preset": preset,
        "mistake": name,
        "mlflow.note.content": note,
    }
    run = client.create_run(experiment_id, run_name=f"MISTAKE {name} ({preset})", tags=tags)
    for key, value in scores.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            client.log_metric(run.info.run_id, f"mistake/{name}/{key}", value)
    client.set_terminated(run.info.run_id, "FINISHED")
    return f"MLflow has a run for this mistake: {run.info.run_name}"


def _find_or_create(client: mlflow.MlflowClient, experiment_id: str, pipeline: Pipeline) -> Run:
    """The run with this fingerprint; one that was cut off while it was filled is taken up again.

    A new one is dated back by the stages' seconds, so that MLflow shows the pipeline's duration.
    """
    fingerprint = pipeline.lock_fingerprint()
    found = client.search_runs([experiment_id], f"tags.`{FINGERPRINT}` = '{fingerprint}'")
    if found:
        return found[0]
    preset = str(pipeline.params.get("preset"))
    name = os.environ.get("DVC_EXP_NAME") or f"{preset}-{fingerprint[:6]}"
    tags = {
        FINGERPRINT: fingerprint,
        "preset": preset,
        "commit": code_commit(),
        "mlflow.user": user_name(),
        "mlflow.source.name": "dvc.yaml",
        "mlflow.source.type": "PROJECT",
        "mlflow.note.content": f"Preset {preset}. {protocol_line()}",
    }
    seconds = sum(cost["seconds"] for cost in find_costs(pipeline).values())
    started = int((time.time() - seconds) * 1000)
    return client.create_run(experiment_id, start_time=started, run_name=name, tags=tags)


def _log_numbers(client: mlflow.MlflowClient, run_id: str, pipeline: Pipeline) -> None:
    """Parameters, metrics, costs and curves; points that are there already are left alone."""
    there = set(client.get_run(run_id).data.metrics)
    metrics = [
        Metric(key, value, 0, step)
        for key, value, step in [*_scalars(pipeline), *_curve_points()]
        if key not in there
    ]
    params = [Param(key, str(value)) for key, value in leaves(pipeline.params, ".")]
    data_tag = RunTag("data_fingerprint", pipeline.data_fingerprint())
    client.log_batch(run_id, params=params, tags=[data_tag])
    for start in range(0, len(metrics), 1000):  # the most that one call takes
        client.log_batch(run_id, metrics=metrics[start : start + 1000])


def _scalars(pipeline: Pipeline) -> list[tuple[str, float, int]]:
    """(name, value, step 0) of every number in the metrics files and of each stage's cost."""
    content = [{"cost": find_costs(pipeline)}, *map(read_json, _METRICS_FILES)]
    return [
        (name, float(value), 0)
        for sections in content
        for name, value in leaves(sections, "/")
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _curve_points() -> list[tuple[str, float, int]]:
    """(name, value, step) of the colony's search, a step per ant, and of training's epochs."""
    ants, epochs = (read_table(TABLES / f"{name}.csv") for name in ("colony", "training"))
    points = [
        (f"colony/{name}", float(value), step)
        for name in ("score", "best_score", "n_features")
        for step, value in enumerate(ants[name])
    ]
    return points + [
        (f"training/{name}", float(value), int(epoch))
        for name in epochs.columns.drop("epoch")
        for epoch, value in zip(epochs["epoch"], epochs[name], strict=True)
        if not math.isnan(value)
    ]


def _log_model(client: mlflow.MlflowClient, run: Run) -> None:
    """Put the model into the run, instead of what one that was cut off left of it."""
    run_id, experiment_id = run.info.run_id, run.info.experiment_id
    for model in client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'"):
        client.delete_logged_model(model.model_id)
    mlflow.set_tracking_uri(client.tracking_uri)
    with mlflow.start_run(run_id=run_id):
        parts = model_parts(CLASSIFIER, _example_image())
        Model.log(None, _Pyfunc, name="model", validate_serving_input=False, **parts)


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
            artifacts["landmarks"] = str(repository_root() / str(features.landmarks))
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
        "pip_requirements": [f"{name}=={version(name)}" for name in dict.fromkeys(packages)],
    }


def _backbone_folder(name: str) -> Path:
    """Where the pretrained network's files lie: the user's folder, or the hub's local cache."""
    folder = repository_root() / name
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
