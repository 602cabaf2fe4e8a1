#!/usr/bin/env bash
# MLflow 3.17: log_model with an input example loads the model and lets it answer, signature or no.
#
# A model in Python that is logged with `signature=` and `input_example=` has nothing left to be
# inferred. It is loaded from the logged folder all the same, load_context and predict are run in
# this process, to see whether the example could be served; where that fails, a warning is all. For
# a model with weights that doubles what logging takes. mlflow.pyfunc.log_model has no switch for
# it; mlflow.models.Model.log, which it calls, has `validate_serving_input`, passed on to save_model.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mlflow==3.17.2
cd "$folder"
cat > model.py <<'PYTHON'
import mlflow


class Slow(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        print("  load_context runs", flush=True)

    def predict(self, context, model_input):
        print("  predict runs", flush=True)
        return model_input


mlflow.models.set_model(Slow())
PYTHON
cat > log.py <<'PYTHON'
import logging

import mlflow
import pandas as pd
from mlflow.models import Model, infer_signature

logging.disable()
mlflow.set_tracking_uri("sqlite:///runs.db")
frame = pd.DataFrame({"x": [1.0]})
parts = {
    "python_model": "model.py",
    "signature": infer_signature(frame, frame),
    "input_example": frame,
    "pip_requirements": [],
}
print("mlflow", mlflow.__version__)
print("with an input example")
mlflow.pyfunc.log_model(name="a", **parts)
print("without it")
mlflow.pyfunc.log_model(name="b", **parts | {"input_example": None})


class Flavor:
    @staticmethod
    def save_model(validate_serving_input, **others):
        mlflow.pyfunc.save_model(**others)


print("with it, by Model.log(validate_serving_input=False)")
Model.log(None, Flavor, name="c", validate_serving_input=False, **parts)
PYTHON
MLFLOW_DISABLE_TELEMETRY=true venv/bin/python log.py 2>/dev/null | tee seen.txt
[ "$(grep -c runs seen.txt)" = 2 ]
[ "$(sed -n 3p seen.txt)" = "  load_context runs" ]
# seen: mlflow 3.17.2
#       with an input example
#         load_context runs
#         predict runs
#       without it
#       with it, by Model.log(validate_serving_input=False)
