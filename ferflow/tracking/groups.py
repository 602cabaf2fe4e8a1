"""Runs that belong together in MLflow: below a run of their own, which holds the summary.

A sweep's variations, a repeat's seeds or folds. MLflow shows the runs of a group, nested, when the
one above them is opened. Called again, it fills the same group and makes no second one.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Metric, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID as PARENT

from ferflow.core.git import code_commit
from ferflow.tracking.database import FINGERPRINT
from ferflow.tracking.description import NOTE
from ferflow.tracking.store import one_writer, open_store

KEY = "ferflow.group"  # the tag by which a group is found again
VARIATION = "variation"  # the tag of a member: what tells it from the others


@dataclass(frozen=True)
class Group:
    """Runs that belong together.

    key : the same each time that the group is filled. name : for people. members : fingerprint of a
    run -> what tells it from the others, such as 'seed 3'. figures : the summary's metrics, by
    their names in MLflow. note : the description, in Markdown.
    """

    key: str
    name: str
    preset: str
    members: Mapping[str, str]
    figures: Mapping[str, float]
    note: str


def track_group(group: Group) -> str:
    """Put the runs of a group below one of their own; returns a line that says what was done.

    Runs that the store does not have, as those of another machine, are left out. Raises
    FerflowError where MLflow cannot be reached.
    """
    with one_writer():
        client, experiment_id = open_store()
        found = [_run_of(client, experiment_id, name) for name in group.members]
        runs = {run.data.tags[FINGERPRINT]: run for run in found if run is not None}
        if not runs:
            return f"MLflow has no run of {group.name}."
        parent_id = _find_or_create(client, experiment_id, group, list(runs.values()))
        _place(client, experiment_id, parent_id, group, runs)
        _fill(client, parent_id, group, list(runs.values()))
    return f"MLflow has {len(runs)} of {len(group.members)} runs below: {group.name}"


def _run_of(client: MlflowClient, experiment_id: str, fingerprint: str) -> Run | None:
    found = client.search_runs([experiment_id], f"tags.`{FINGERPRINT}` = '{fingerprint}'")
    return found[0] if found else None


def _find_or_create(client: MlflowClient, experiment_id: str, group: Group, runs: list[Run]) -> str:
    """The id of the group's own run, which began when the first of its runs did."""
    found = client.search_runs([experiment_id], f"tags.`{KEY}` = '{group.key}'")
    if found:
        return str(found[0].info.run_id)
    started = min(run.info.start_time for run in runs)
    tags = {
        KEY: group.key,
        "preset": group.preset,
        "commit": code_commit(),
        "mlflow.user": runs[0].data.tags.get("mlflow.user", ""),
        "mlflow.source.name": "dvc.yaml",
        "mlflow.source.type": "PROJECT",
    }
    made = client.create_run(experiment_id, start_time=started, run_name=group.name, tags=tags)
    return str(made.info.run_id)


def _place(
    client: MlflowClient, experiment_id: str, parent_id: str, group: Group, runs: Mapping[str, Run]
) -> None:
    """Let the group's own run have these runs below it, and no others.

    runs : by their fingerprints.
    """
    ids = {run.info.run_id for run in runs.values()}
    for run in client.search_runs([experiment_id], f"tags.`{PARENT}` = '{parent_id}'"):
        if run.info.run_id not in ids:
            client.delete_tag(run.info.run_id, PARENT)
    for fingerprint, run in runs.items():
        client.set_tag(run.info.run_id, PARENT, parent_id)
        client.set_tag(run.info.run_id, VARIATION, group.members[fingerprint])


def _fill(client: MlflowClient, parent_id: str, group: Group, runs: list[Run]) -> None:
    """The summary: name, description, metrics, and an end when the last run ended."""
    before = client.get_run(parent_id).data.metrics
    now = int(time.time() * 1000)
    metrics = [
        Metric(name, value, now, 0)
        for name, value in group.figures.items()
        if before.get(name) != value
    ]
    client.update_run(parent_id, name=group.name)
    client.set_tag(parent_id, NOTE, group.note)
    client.log_batch(parent_id, metrics)
    ended = max(run.info.end_time or run.info.start_time for run in runs)
    client.set_terminated(parent_id, "FINISHED", ended)
