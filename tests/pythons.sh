#!/usr/bin/env bash
# On which Pythons ferflow can be installed; `make pythons`. A wheel of each pinned package is looked up
# for each of them, and the light installation is tested on those that are on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/python -m venv .ferflow/pythons
.ferflow/pythons/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
sed 's/+cpu$//' requirements-all.lock >.ferflow/pins.txt # PyPI's torch has no such suffix

for python in 3.11.5 3.12 3.13 3.14; do # 3.11.5: soupsieve, of the documentation
    # antlr4-python3-runtime has no wheels: pure Python, of DVC
    .ferflow/pythons/bin/uv pip compile --quiet --no-deps --python-version $python \
        --only-binary :all: --no-binary antlr4-python3-runtime .ferflow/pins.txt >/dev/null
    echo "Python $python: a wheel of every pinned package"
done
for python in python3.11 python3.12 python3.13 python3.14; do
    path=$(command -v $python) || { echo "$python: not here"; continue; }
    echo "$($path --version): the light installation"
    LIGHT_PYTHON=$path .venv/bin/python -m pytest tests/test_wheel.py
done
