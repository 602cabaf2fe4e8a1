#!/usr/bin/env bash
# mlflow 3.17.2: a client of one store looks a model up in another store when it registers it.
#
# `MlflowClient(uri)` does everything in its own store, but `create_model_version` with a source
# `models:/ID` asks the store of `mlflow.set_tracking_uri`. Where none is set, that is a database in
# the working folder, which is made for it, and the model is "not found". After
# `set_tracking_uri(uri)` the same call works. `model_id` is taken and dropped: the version that
# comes back, and the one that a search finds, have None in its place; only `source` tells the model.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mlflow==3.17.2
cd "$folder"
MLFLOW_DISABLE_TELEMETRY=true MLFLOW_LOGGING_LEVEL=ERROR "$folder/venv/bin/python" -W ignore - <<'PYTHON'
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus
from mlflow.exceptions import MlflowException

Path("own").mkdir()
uri = "sqlite:///own/mlflow.db"
client = MlflowClient(uri)
experiment = client.create_experiment("faces", artifact_location=Path("own/runs").resolve().as_uri())
run = client.create_run(experiment).info.run_id
model = client.create_logged_model(experiment, "model", run).model_id
client.finalize_logged_model(model, LoggedModelStatus.READY)
client.create_registered_model("faces")


def register():
    return client.create_model_version("faces", f"models:/{model}", run, model_id=model)


print("mlflow", mlflow.__version__)
try:
    first = register() and "registered"
except MlflowException as error:
    first = "not found" if f"{model}' not found" in str(error) else str(error)
stray = Path("mlflow.db").exists()
mlflow.set_tracking_uri(uri)
made = register()
(found,) = client.search_model_versions(f"run_id = '{run}'")
print("by the client alone:", first, "; a database in the working folder:", stray)
print("after set_tracking_uri: registered; model_id", made.model_id, "and", found.model_id,
      "; source names it:", found.source == f"models:/{model}")
assert first == "not found" and stray
assert made.model_id is None and found.model_id is None and found.source == f"models:/{model}"
PYTHON
# seen: mlflow 3.17.2
#       by the client alone: not found ; a database in the working folder: True
#       after set_tracking_uri: registered; model_id None and None ; source names it: True
