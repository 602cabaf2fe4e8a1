#!/usr/bin/env bash
# MLflow 3.17: a served model that answers NaN is answered as `NaN`, which JSON does not have.
#
# The scoring server writes predictions with Python's json, which puts NaN down as a bare word under
# status 200. Python's clients read it; a browser, jq, Go, Rust or Java refuse the whole answer, the
# good rows with it. A column of objects with None where there is no value is answered with null.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mlflow==3.17.2 fastapi==0.128.0 httpx==0.28.1
cd "$folder"
cat > serve.py <<'PYTHON'
import logging

import mlflow
import numpy as np
import pandas as pd
from fastapi.testclient import TestClient
from mlflow.pyfunc.scoring_server import init

logging.disable()


class Half(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        answer = pd.DataFrame({"p": [0.5, np.nan]})
        if model_input["with"][0] == "None":
            answer = answer.astype(object).where(answer.notna(), None)
        return answer


mlflow.pyfunc.save_model("model", python_model=Half(), pip_requirements=[])
client = TestClient(init(mlflow.pyfunc.load_model("model")))
for kind in ("NaN", "None"):
    rows = {"dataframe_records": [{"with": kind}] * 2}
    answer = client.post("/invocations", json=rows)
    print(f"with {kind}:", answer.status_code, answer.text)
PYTHON
MLFLOW_DISABLE_TELEMETRY=true venv/bin/python -W ignore serve.py 2>/dev/null | tee seen.txt
grep -qx 'with NaN: 200 {"predictions": \[{"p": 0.5}, {"p": NaN}\]}' seen.txt
grep -qx 'with None: 200 {"predictions": \[{"p": 0.5}, {"p": null}\]}' seen.txt
# seen: with NaN: 200 {"predictions": [{"p": 0.5}, {"p": NaN}]}
#       with None: 200 {"predictions": [{"p": 0.5}, {"p": null}]}
