#!/usr/bin/env bash
# skl2onnx 1.20.0: KNeighborsClassifier(weights="distance") is converted into one of equal votes.
#
# The k nearest rows are found as the largest of the negative distances, and these negative numbers,
# raised to 1e-6 each, are then taken for the distances to weigh by. No warning; the probabilities
# are those of weights="uniform", and every few rows get another label.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 \
    scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
import skl2onnx
from sklearn.neighbors import KNeighborsClassifier

rng = np.random.default_rng(0)
x, asked = (rng.normal(size=(n, 4)).astype(np.float32) for n in (200, 100))
y = rng.integers(0, 3, 200)


def apart(weights, other):
    """Largest difference between the converted model of these weights and the other itself."""
    model = KNeighborsClassifier(15, weights=weights).fit(x, y)
    made = skl2onnx.to_onnx(model, x[:1], options={"zipmap": False})
    found = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"X": asked})[1]
    right = KNeighborsClassifier(15, weights=other).fit(x, y).predict_proba(asked)
    return float(np.abs(found - right).max())


print("skl2onnx", skl2onnx.__version__)
print(f"uniform, converted: off by {apart('uniform', 'uniform'):.0e}")
print(f"distance, converted: off by {apart('distance', 'distance'):.2f}")
print(f"distance, converted, compared with uniform: off by {apart('distance', 'uniform'):.0e}")
assert apart("distance", "distance") > 0.05
PYTHON
# seen: skl2onnx 1.20.0
#       uniform, converted: off by 3e-08
#       distance, converted: off by 0.13
#       distance, converted, compared with uniform: off by 3e-08
