#!/usr/bin/env bash
# scikit-learn 1.9.1: all_estimators() imports torch, dask.array and CuPy if they are installed.
#
# It skips what is in sklearn.externals, but walks through it: pkgutil.walk_packages imports each
# package to look inside, and sklearn.externals.array_api_compat has one for each array library that
# imports that library. skops 0.16.0 asks for the list while it is imported. So `import skops.io`
# takes three times as long with torch (2.3 instead of 0.7 s). Shown here with dask.array, which is
# smaller.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
    scikit-learn==1.9.1 skops==0.16.0 "dask[array]==2026.8.0" numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import sklearn
import sklearn.ensemble

print("scikit-learn", sklearn.__version__)
print("import sklearn.ensemble: dask.array imported:", "dask.array" in sys.modules)
assert "dask.array" not in sys.modules
import skops
import skops.io

print(f"import skops.io, skops {skops.__version__}: dask.array imported:", "dask.array" in sys.modules)
assert "dask.array" in sys.modules
listed = [c for _, c in sklearn.utils.all_estimators() if "externals" in c.__module__]
print("estimators listed from sklearn.externals:", len(listed))
assert not listed
PYTHON
# seen: scikit-learn 1.9.1
#       import sklearn.ensemble: dask.array imported: False
#       import skops.io, skops 0.16.0: dask.array imported: True
#       estimators listed from sklearn.externals: 0
