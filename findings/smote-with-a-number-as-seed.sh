#!/usr/bin/env bash
# imbalanced-learn 0.14.2: SMOTE(random_state=0) draws the same numbers for every class.
#
# The seed is turned into a generator anew for each class that is filled up, so rows picked,
# neighbours picked and steps towards them repeat from class to class. With two rare classes of one
# size, the second gets the same mixtures as the first, moved. Handing over one generator,
# RandomState(0), draws on.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet imbalanced-learn==0.14.2 scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import imblearn
import numpy as np
from imblearn.over_sampling import SMOTE

rare = np.random.default_rng(0).normal(size=(12, 4))
common = np.random.default_rng(1).normal(size=(60, 4)) + 100
X = np.concatenate([common, rare, rare + 1000])  # the third class is the second, moved
y = np.repeat([0, 1, 2], [60, 12, 12])

def apart(seed):
    """Largest difference between the new rows of class 2, moved back, and those of class 1."""
    more, labels = SMOTE(random_state=seed, k_neighbors=5).fit_resample(X, y)
    new = [more[len(X):][labels[len(X):] == k] for k in (1, 2)]
    return float(np.abs(new[1] - 1000 - new[0]).max())

number, generator = apart(0), apart(np.random.RandomState(0))
print("imbalanced-learn", imblearn.__version__)
print(f"random_state=0: the 48 new rows of both classes differ by {number:.1e} at most")
print(f"random_state=RandomState(0): by {generator:.1f}")
assert number < 1e-9 and generator > 0.1
PYTHON
# seen: imbalanced-learn 0.14.2
#       random_state=0: the 48 new rows of both classes differ by 9.2e-14 at most
#       random_state=RandomState(0): by 2.5
