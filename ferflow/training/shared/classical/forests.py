"""Forests of trees as families: what random forest and extra trees share."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.acceleration import fast_version
from ferflow.core.errors import FerflowError
from ferflow.training.shared.classical import estimators
from ferflow.training.shared.classical.skops_files import load_model
from ferflow.training.shared.classical.soundness import check_forest
from ferflow.training.shared.fitting import Fitted, TrainingData

_N_COMPARED = 256  # rows on which a converted forest must agree with its original ...
# ... to this, the mean over rows and classes. Not to the bit: a row that lies on a tree's threshold
# may go the other way; seen on HOG features, whose many zeros do, in up to one row of a hundred.
_TOLERANCE = 2e-3


def grow(forest: Any, data: TrainingData, *, can_accelerate: bool) -> Fitted:
    """The forest fitted to the training rows, the same for any thread count.

    compute.accelerate 'on' grows scikit-learn-intelex's trees, which are other ones, and puts them
    into scikit-learn's forest; 'auto' does not, for the result would depend on the machine.
    """
    accelerated = can_accelerate and data.accelerate == "on"
    if accelerated:
        forest = _grown_elsewhere(forest, data.train.x, data.train.y)
    else:
        forest.fit(data.train.x, data.train.y)
    return Fitted(forest, about={"accelerated": accelerated})


def predict_proba(model: Any, x: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
    """Probabilities (n, n_classes): the mean over the trees of their leaves' class shares.

    Threads share out the rows, not the trees: a sum over trees in the order in which threads
    finish differs in its last bits from run to run.
    """
    return estimators.predict_proba(model.set_params(n_jobs=1), x, n_classes)


def save(model: Any, folder: Path) -> None:
    """Write the forest into the folder."""
    estimators.save(model.set_params(n_jobs=1), folder)


def load(folder: Path, kind: type) -> Any:
    """The forest in the folder; DataError if it is of another kind."""
    file = folder / estimators.MODEL_FILE
    forest: Any = load_model(file, kind)
    check_forest(file, forest)
    return forest


def _grown_elsewhere(forest: Any, x: NDArray[Any], y: NDArray[np.int64]) -> Any:
    """scikit-learn's forest with the trees that the other package grew.

    The copy is what is scored and stored. Raises FerflowError if it does not say the same.
    """
    rows = estimators.as_numbers(x)
    other = fast_version(forest).fit(rows, y)
    forest.fit(rows[np.unique(y, return_index=True)[1]], np.unique(y))  # makes every attribute
    forest.estimators_ = list(other.estimators_)
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), _N_COMPARED), dtype=int)]
    apart = float(np.abs(forest.predict_proba(some) - other.predict_proba(some)).mean())
    if apart > _TOLERANCE:
        raise FerflowError(
            f"the accelerated forest and its scikit-learn copy differ by {apart:.2g}. "
            "Set compute.accelerate to auto or off."
        )
    return forest
