"""The mirror in MLflow: a finished run as one MLflow run, filled from the files of the stages.

Calling it again changes nothing: the run is found by a fingerprint of everything that DVC knows
of the pipeline's state (parameters, code, data, outputs). Nothing in the pipeline reads MLflow.
"""

import math
import os
import time
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag

from ferflow.core.costs import find_costs
from ferflow.core.files import read_json
from ferflow.core.git import code_commit
from ferflow.core.params import PARAMS_FILE
from ferflow.core.paths import LOCK_FILE, METRICS, PICTURES, SCORES, TABLES
from ferflow.core.pipeline import Pipeline
from ferflow.core.system import user_name
from ferflow.core.tables import read_table
from ferflow.evaluation.summary import protocol_line
from ferflow.tracking.data_sets import data_sets, log_data_sets
from ferflow.tracking.database import FINGERPRINT
from ferflow.tracking.description import NOTE, describe_run
from ferflow.tracking.headline import cost_figures, score_figures
from ferflow.tracking.model import log_model
from ferflow.tracking.names import leaves, model_name
from ferflow.tracking.registry import register
from ferflow.tracking.store import one_writer, open_store

_DATA = METRICS / "data.json"
_METRICS_FILES = [
    _DATA,
    *(METRICS / f"{name}.json" for name in ("balance", "selection", "train", "metrics")),
]


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
    _describe(client, run, pipeline)
    for path in (PARAMS_FILE, LOCK_FILE, *_METRICS_FILES):
        client.log_artifact(run_id, str(path), "pipeline")
    client.log_artifacts(run_id, str(TABLES), "tables")
    client.log_artifacts(run_id, str(PICTURES), "pictures")
    _register(client, run, log_model(client, run), pipeline)
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
        NOTE: note,
    }
    run = client.create_run(experiment_id, run_name=f"MISTAKE {name} ({preset})", tags=tags)
    for key, value in scores.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            client.log_metric(run.info.run_id, f"mistake/{name}/{key}", value)
    client.set_terminated(run.info.run_id, "FINISHED")
    return f"MLflow has a run for this mistake: {run.info.run_name}"


def _find_or_create(client: MlflowClient, experiment_id: str, pipeline: Pipeline) -> Run:
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
    }
    seconds = sum(cost["seconds"] for cost in find_costs(pipeline).values())
    started = int((time.time() - seconds) * 1000)
    return client.create_run(experiment_id, start_time=started, run_name=name, tags=tags)


def _headline(pipeline: Pipeline) -> dict[str, float]:
    """The headline figures of the run, by name."""
    return score_figures(read_json(SCORES)) | cost_figures(find_costs(pipeline))


def _describe(client: MlflowClient, run: Run, pipeline: Pipeline) -> None:
    """The description, and the data sets; where they are there already nothing changes."""
    run_id, seed = run.info.run_id, pipeline.params["seed"]
    note = describe_run(run.data.tags, seed, protocol_line(), _headline(pipeline), run_id)
    client.set_tag(run_id, NOTE, note)
    name = read_json(SCORES)["protocol"]["data_set"]
    counts = read_json(_DATA)["data"]
    found = data_sets(name, pipeline.data_fingerprint(), counts, pipeline.params["data"])
    log_data_sets(client, run_id, found)


def _register(client: MlflowClient, run: Run, model_id: str, pipeline: Pipeline) -> None:
    """Make the model a version of its data set's registered one.

    Folds are left out: each has another val, so none of them is the best on it.
    """
    if pipeline.params["data"]["split"] == "kfold":
        return
    scores = read_json(SCORES)
    val = scores.get("val", {})
    name = model_name(scores["protocol"], pipeline.data_fingerprint(), val.get("n"))
    register(client, run, model_id, name, val.get("accuracy"))


def _log_numbers(client: MlflowClient, run_id: str, pipeline: Pipeline) -> None:
    """Parameters, metrics, costs and curves; points that are there already are left alone.

    The headline figures first: in this order MLflow lists them.
    """
    headline = [(name, value, 0) for name, value in _headline(pipeline).items()]
    there = set(client.get_run(run_id).data.metrics)
    metrics = [
        Metric(key, value, 0, step)
        for key, value, step in [*headline, *_scalars(pipeline), *_curve_points()]
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
