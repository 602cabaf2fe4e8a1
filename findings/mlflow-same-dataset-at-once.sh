#!/usr/bin/env bash
# mlflow 3.17.2: of runs that log the same data set at the same time, some fail.
#
# `log_inputs` looks whether the experiment has a data set of that name and digest, and inserts it if
# not. Between the two another run may insert it. Then the database's unique key refuses, and the
# call raises MlflowException, with a server as BAD_REQUEST; MLflow does not look again. This is the
# usual case of a sweep whose runs share their data. Calling it a second time works.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mlflow==3.17.2
cd "$folder"
MLFLOW_DISABLE_TELEMETRY=true MLFLOW_LOGGING_LEVEL=ERROR "$folder/venv/bin/python" -W ignore - <<'PYTHON'
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput
from mlflow.exceptions import MlflowException

WRITERS, ROUNDS = 4, 30
client = MlflowClient("sqlite:///mlflow.db")
experiment = client.create_experiment("faces")


def log(run, digest, together):
    data = Dataset(name="train", digest=digest, source_type="local", source="{}")
    together.wait()
    try:
        client.log_inputs(run, [DatasetInput(data)])
    except MlflowException as error:
        client.log_inputs(run, [DatasetInput(data)])  # works now
        return str(error).splitlines()[0]
    return "logged at once"


said = Counter()
with ThreadPoolExecutor(WRITERS) as pool:
    for k in range(ROUNDS):
        runs = [client.create_run(experiment).info.run_id for _ in range(WRITERS)]
        together = Barrier(WRITERS)
        said.update(pool.map(lambda run: log(run, f"digest-{k}", together), runs))
logged = [client.get_run(run).inputs.dataset_inputs for run in runs]
print("mlflow", mlflow.__version__)
for words, n in said.items():
    print(f"{n:4} {words}")
print("in the end each run has the data set:", all(len(inputs) == 1 for inputs in logged))
assert any("UNIQUE constraint failed: datasets." in words for words in said), said
assert all(len(inputs) == 1 for inputs in logged)
PYTHON
# seen: mlflow 3.17.2
#         81 logged at once
#         39 (sqlite3.IntegrityError) UNIQUE constraint failed: datasets.experiment_id, datasets.name, datasets.digest
#       in the end each run has the data set: True
# with PostgreSQL 15 behind `mlflow server`: two of eight runs, "BAD_REQUEST:
#       (psycopg.errors.UniqueViolation) duplicate key value violates unique constraint "dataset_pk""
