#!/usr/bin/env bash
# skl2onnx 1.20.0 with onnx 1.23.2: no HistGradientBoostingClassifier of scikit-learn 1.9 converts.
#
# skl2onnx hands scikit-learn's booleans (on which side missing values go) to an attribute of whole
# numbers, for which onnx raises.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet skl2onnx==1.20.0 onnx==1.23.2 scikit-learn==1.9.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import skl2onnx
from sklearn.ensemble import HistGradientBoostingClassifier

x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
model = HistGradientBoostingClassifier(max_iter=3).fit(x, (x[:, 0] > 0).astype(int))
print("skl2onnx", skl2onnx.__version__)
try:
    skl2onnx.to_onnx(model, x[:1])
    said = "converted"
except Exception as error:
    said = f"{type(error).__name__} from {error.__cause__!r}"
print(said)
assert said != "converted"
PYTHON
# seen: skl2onnx 1.20.0
#       ValueError from TypeError('Field onnx.AttributeProto.ints: Expected an int, got a boolean.')
