"""What is known of each feature before an ant has tried it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from joblib import parallel_config
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.feature_selection import (
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
)

NAMES = ("f_classif", "mutual_info", "forest")

_FLOOR = 1e-6  # of the largest value: a feature without merit can still be drawn
_LARGEST_F = 1e6  # of a feature that separates the classes, where F is infinite
_MUTUAL_INFO_ROWS = 2000  # its nearest-neighbour estimate takes minutes on more
_N_TREES = 100
_COLUMNS_AT_ONCE = 256  # bounds the copy in double precision


def heuristic_values(
    heuristic: str | ArrayLike | Callable[[Any, Any], ArrayLike],
    x: Any,
    y: NDArray[Any],
    *,
    is_classifier: bool,
    seed: int,
) -> NDArray[np.float64]:
    """eta (d,), scaled to a largest value of 1 and kept above 0.

    heuristic : 'f_classif' (ANOVA F; for a regressor the F of a linear fit), 'mutual_info'
    (Kraskov et al. 2004, as in scikit-learn, on at most 2,000 rows), 'forest' (impurity
    importance of 100 extremely randomised trees), an array (d,), or a callable of (X, y) that
    returns one. Where no feature has any merit all are 1.
    Raises ValueError, naming the parameter, unless there are d finite values from 0.
    """
    if isinstance(heuristic, str):
        given: ArrayLike = _named(heuristic, x, y, is_classifier, seed)
    else:
        given = heuristic(x, y) if callable(heuristic) else heuristic
    values = np.asarray(given, dtype=np.float64)
    d = x.shape[1]
    if values.shape != (d,):
        raise ValueError(f"heuristic must be {d} values, one a feature; got shape {values.shape}.")
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        first = int(wrong.argmax())
        raise ValueError(
            f"heuristic must be finite and not negative; got {values[first]} for feature {first}."
        )
    top = values.max()
    return np.maximum(values / top if top > 0 else np.ones(d), _FLOOR)


def f_values(x: Any, y: NDArray[Any], *, is_classifier: bool = True) -> NDArray[np.float64]:
    """(d,) F of each feature; 0 for one that never changes, large and finite for a perfect one."""
    values = np.zeros(x.shape[1])
    for start in range(0, x.shape[1], _COLUMNS_AT_ONCE):
        part = x[:, start : start + _COLUMNS_AT_ONCE]
        kept = np.flatnonzero(varying_columns(part))
        if not len(kept):
            continue
        part = part[:, kept].astype(np.float64)  # squares of tiny values vanish in single precision
        with np.errstate(divide="ignore", invalid="ignore"):
            f, _ = (f_classif if is_classifier else f_regression)(part, y)
        values[start + kept] = np.nan_to_num(np.asarray(f), nan=0, posinf=_LARGEST_F)
    return np.clip(values, 0, _LARGEST_F)


def varying_columns(x: Any) -> NDArray[np.bool_]:
    """(d,) which columns hold more than one value."""
    if sp.issparse(x):
        return np.asarray(x.max(axis=0).toarray() > x.min(axis=0).toarray()).ravel()
    # not ptp: booleans cannot be subtracted, and the range of small integers overflows
    return np.asarray(x.max(axis=0) > x.min(axis=0))


def _named(
    name: str, x: Any, y: NDArray[Any], is_classifier: bool, seed: int
) -> NDArray[np.float64]:
    if name == "f_classif":
        return f_values(x, y, is_classifier=is_classifier)
    if name == "mutual_info":
        information = mutual_info_classif if is_classifier else mutual_info_regression
        if x.shape[0] > _MUTUAL_INFO_ROWS:
            rows = np.random.default_rng(seed).choice(x.shape[0], _MUTUAL_INFO_ROWS, replace=False)
            x, y = x[np.sort(rows)], y[np.sort(rows)]
        return np.asarray(information(x, y, discrete_features=sp.issparse(x), random_state=seed))
    trees = ExtraTreesClassifier if is_classifier else ExtraTreesRegressor
    with parallel_config(backend="threading"):  # trees on other machines would cost more than here
        return np.asarray(trees(_N_TREES, random_state=seed).fit(x, y).feature_importances_)
