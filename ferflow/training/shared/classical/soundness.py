"""Models from files, looked over before they see a row: do their tables point into themselves?

A skops file holds arrays and no code, but scikit-learn's compiled loops follow the numbers in
them without looking: a child or a class beyond the table's end reads foreign memory or ends the
process, a child that is its own ancestor never lets go.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from ferflow.core.errors import DataError

_STEPS = (StandardScaler, MinMaxScaler, PCA)  # what a pipeline may hold before its classifier
_NO_CHILD = -1  # in both columns of a leaf


def check_forest(file: Path, forest: Any) -> None:
    """Raises DataError if a tree of a random forest or of extra trees leads out of itself."""
    with _refused(file):
        for estimator in forest.estimators_:
            if type(estimator) not in (DecisionTreeClassifier, ExtraTreeClassifier):
                raise ValueError(f"a {type(estimator).__name__} is not a tree")
            tree = estimator.tree_
            left, right = tree.children_left, tree.children_right
            inner = left != _NO_CHILD
            _check_nodes(left, right, tree.feature, inner, forest.n_features_in_)


def check_boosting(file: Path, model: Any) -> None:
    """As `check_forest`, of gradient boosting by histograms, without categories."""
    with _refused(file):
        if model._preprocessor is not None or np.any(model._bin_mapper.is_categorical_):
            raise ValueError("it has categorical features")
        for predictor in [each for at_once in model._predictors for each in at_once]:
            nodes = predictor.nodes
            inner = nodes["is_leaf"] == 0
            if nodes["is_categorical"][inner].any():
                raise ValueError("it has categorical features")
            left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
            _check_nodes(left, right, nodes["feature_idx"], inner, model.n_features_in_)


def check_neighbors(file: Path, model: Any) -> None:
    """Raises DataError if neighbours are not compared one by one, or are of no class."""
    with _refused(file):
        if model._fit_method != "brute":
            raise ValueError("it does not compare by brute force")
        if model._fit_X.ndim != 2 or model._y.shape != (len(model._fit_X),):
            raise ValueError("its rows and their classes differ in number")
        if model._y.dtype.kind != "i" or not _within(model._y, len(model.classes_)):
            raise ValueError("a neighbour has an unknown class")


def check_steps(file: Path, pipeline: Pipeline, kind: type) -> None:
    """Raises DataError if a pipeline holds anything but scaling, PCA and a classifier `kind`."""
    *before, last = [step for _, step in pipeline.steps]
    if odd := [step for step in before if type(step) not in _STEPS]:
        raise DataError(
            f"{file} holds a {type(odd[0]).__name__}, which ferflow's models do not have."
        )
    if type(last) is not kind:
        raise DataError(f"{file} ends in a {type(last).__name__}, not a {kind.__name__}.")


@contextmanager
def _refused(file: Path) -> Iterator[None]:
    """What is not as it should be is a DataError that names the file."""
    try:
        yield
    except (ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise DataError(f"{file} is not a valid model: {error}.") from None


def _check_nodes(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    feature: NDArray[np.int64],
    inner: NDArray[np.bool_],
    n_features: int,
) -> None:
    """Children come after their parents, so every way ends; ValueError if they do not."""
    here = np.flatnonzero(inner)
    if not len(left):
        raise ValueError("a tree is empty")
    for child in (left[here], right[here]):
        if (child <= here).any() or not _within(child, len(left)):
            raise ValueError("a tree has a cycle or a missing node")
    if not _within(feature[here], n_features):
        raise ValueError("a tree uses a feature that does not exist")


def _within(numbers: NDArray[np.integer], end: int) -> bool:
    return bool(((numbers >= 0) & (numbers < end)).all())
