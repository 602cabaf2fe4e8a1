"""The images of a run as data sets in MLflow: fingerprint, source and counts, and no pixel."""

import json
import time
from collections.abc import Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.exceptions import MlflowException

from ferflow.core.split import SPLITS

CONTEXT = "mlflow.data.context"  # the tag by which MLflow tells train, val and test apart
_COLUMNS = [("image", "binary"), ("label", "string")]
_MOST = 500  # characters of a name
_TRIES, _PAUSE = 5, 0.5  # seconds


def data_sets(
    name: str, fingerprint: str, counts: Mapping[str, Any], section: Mapping[str, Any]
) -> list[DatasetInput]:
    """A data set for each of train, val and test.

    name : what the images are. fingerprint : of the three splits together, which is the digest of
    each. counts : the section `data` of metrics/data.json. section : `data` of params.yaml.
    """
    kind, source = _source(section)
    fields = [{"type": type_, "name": column, "required": True} for column, type_ in _COLUMNS]
    sha256 = {"sha256": section["sha256"]} if section["source"] == "path" else {}
    return [
        DatasetInput(
            Dataset(
                name=f"{name[: _MOST - 8]}, {split}",
                digest=fingerprint,
                source_type=kind,
                source=json.dumps(source),
                schema=json.dumps({"mlflow_colspec": fields}),
                profile=json.dumps(
                    {"images": counts["n"][split]} | counts["per_class"][split] | sha256
                ),
            ),
            [InputTag(CONTEXT, split)],
        )
        for split in SPLITS
    ]


def log_data_sets(client: MlflowClient, run_id: str, found: list[DatasetInput]) -> None:
    """Log a run's data sets; where they are there already nothing changes.

    Of several runs that log the same new data set at once, MLflow 3.17 refuses all but the first
    (findings/mlflow-same-dataset-at-once.sh), so it is tried again.
    """
    for left in reversed(range(_TRIES)):
        try:
            client.log_inputs(run_id, found)
        except MlflowException:
            if not left:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _source(section: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """MLflow's word for the kind of source, and the source as MLflow takes it."""
    if section["source"] == "kaggle":
        return "http", {"url": f"https://www.kaggle.com/datasets/{section['kaggle']}"}
    if section["source"] == "path":
        return "local", {"uri": str(section["path"])}
    drawn = {key: section[key] for key in ("source", "n_synthetic", "defects")}
    return "code", {"tags": {"mlflow.source.name": "stages/download.py"} | drawn}
