"""The fitness of a subset: an estimator fitted on some rows, scored on others."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import get_tags

from ferflow.aco.columns import Columns
from ferflow.aco.racing import Rung
from ferflow.core.acceleration import fast_version, is_installed


@dataclass(frozen=True)
class Fold:
    """Rows to fit on and rows to score on; the two may be rows of one matrix.

    fit_rows : row numbers in `fit`, in an order of which every beginning is a fair sample.
    score_rows : row numbers in `score`, or None for all of them; with `out_of_bag`, unused.
    """

    fit: Columns
    y_fit: NDArray[Any]
    fit_rows: NDArray[np.intp]
    score: Columns
    y_score: NDArray[Any]
    score_rows: NDArray[np.intp] | None
    out_of_bag: bool = False


@dataclass(frozen=True)
class Fitness:
    """Scores subsets; every one on the same rows and with the same seed of the estimator.

    Otherwise the ranking of ants is noise: at 3,000 rows and an accuracy of 46 % one standard
    error is 0.9 points.
    """

    estimator: Any
    scorer: Any
    folds: list[Fold]
    rungs: list[Rung]

    def __call__(self, mask: NDArray[np.bool_], rung: int = -1) -> float:
        """The mean score over the folds of the features that the mask (d,) keeps.

        rung : which of the rungs; the last is the full score. Raises ValueError where the
        scorer returns no finite number.
        """
        scores = [self._fold_score(fold, mask, self.rungs[rung]) for fold in self.folds]
        mean = float(np.mean(scores))
        if not np.isfinite(mean):
            raise ValueError(f"scoring must return finite numbers; got {scores}.")
        return mean

    def _fold_score(self, fold: Fold, mask: NDArray[np.bool_], rung: Rung) -> float:
        n_rows = max(2, round(rung.rows * len(fold.fit_rows)))
        rows = np.sort(fold.fit_rows[:n_rows])
        everything = n_rows == fold.fit.shape[0]
        x, y = fold.fit.take(mask, None if everything else rows), fold.y_fit[rows]
        estimator = shrunk(clone(self.estimator), rung.members)
        if fold.out_of_bag:
            judge, seen = OutOfBag(estimator).fit(x, y).with_votes()
            return float(self.scorer(judge, np.flatnonzero(seen)[:, None], y[seen]))
        estimator.fit(x, y)
        x_score = fold.score.take(mask, fold.score_rows)
        y_score = fold.y_score if fold.score_rows is None else fold.y_score[fold.score_rows]
        return float(self.scorer(estimator, x_score, y_score))


class OutOfBag(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A bagged estimator that answers for the rows that it was fitted on, each by the members
    that did not see it (Breiman 1996, "Out-of-bag estimation"). Its X are row numbers (m, 1)."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, x: Any, y: NDArray[Any]) -> "OutOfBag":
        import warnings

        with warnings.catch_warnings():  # of rows that no member left out: they are not scored
            warnings.filterwarnings("ignore", message="Some inputs do not have OOB scores")
            warnings.filterwarnings("ignore", "invalid value encountered in divide", RuntimeWarning)
            self.estimator_ = clone(self.estimator).set_params(oob_score=True).fit(x, y)
        if hasattr(self.estimator_, "classes_"):
            self.classes_ = self.estimator_.classes_
        return self

    def with_votes(self) -> tuple["OutOfBag", NDArray[np.bool_]]:
        """Itself, and which rows (n,) some member did not see."""
        votes = self._votes()
        by_class = votes.reshape(len(votes), -1)
        seen = np.isfinite(by_class).all(axis=1)
        if hasattr(self, "classes_"):
            seen &= by_class.sum(axis=1) > 0
        return self, np.asarray(seen)

    def predict_proba(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        return self._votes()[np.ravel(rows)]

    def predict(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        if hasattr(self, "classes_"):
            return np.asarray(self.classes_[self.predict_proba(rows).argmax(axis=1)])
        return self._votes()[np.ravel(rows)]

    def score(self, rows: NDArray[np.intp], y: NDArray[Any]) -> float:
        """What scikit-learn's estimators score by themselves: accuracy, or R^2."""
        own = accuracy_score if hasattr(self, "classes_") else r2_score
        return float(own(y, self.predict(rows)))

    def _votes(self) -> NDArray[np.float64]:
        of_classes = hasattr(self, "classes_")
        name = "oob_decision_function_" if of_classes else "oob_prediction_"
        return np.asarray(getattr(self.estimator_, name))

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)


def fair_order(
    rows: NDArray[np.intp], y: NDArray[Any], rng: np.random.Generator, *, stratify: bool
) -> NDArray[np.intp]:
    """The rows shuffled; with `stratify`, every beginning holds each class by its share.

    The first of each class come first of all, so that no beginning lacks a class.
    """
    shuffled = rng.permutation(rows)
    if not stratify:
        return shuffled
    place = np.empty(len(rows))
    classes = np.unique(y[shuffled], return_inverse=True)[1]
    for label in range(classes.max() + 1):
        members = np.flatnonzero(classes == label)
        place[members] = np.arange(len(members)) / len(members)
    return shuffled[np.argsort(place, kind="stable")]


def seeded(estimator: Any, seed: int | np.random.RandomState) -> Any:
    """A copy of which every random_state that was left open is the seed."""
    params = estimator.get_params(deep=True)
    open_states = {k for k, v in params.items() if v is None and _is(k, "random_state")}
    return clone(estimator).set_params(**dict.fromkeys(open_states, seed))


def shrunk(estimator: Any, share: float) -> Any:
    """The estimator with a share of its members, if it is an ensemble; at least 5 of them."""
    if share == 1:
        return estimator
    counts = {k: v for k, v in estimator.get_params(deep=True).items() if _is(k, "n_estimators")}
    fewer = {k: min(v, max(5, round(v * share))) for k, v in counts.items() if v is not None}
    return estimator.set_params(**fewer)


def accelerated(estimator: Any) -> Any:
    """scikit-learn-intelex's version of the estimator; the estimator itself where it has none.

    The package's own answers differ a little: it bins values and draws other random numbers.
    Raises ValueError if the package is not installed.
    """
    if not is_installed():
        raise ValueError(
            "accelerate must be False where scikit-learn-intelex is not installed; got True. "
            "Install it with: pip install scikit-learn-intelex"
        )
    return fast_version(estimator)


def smallest_fit(folds: Iterable[Fold]) -> int:
    """Rows of the smallest fitting set."""
    return min(len(fold.fit_rows) for fold in folds)


def _is(key: str, name: str) -> bool:
    return key == name or key.endswith(f"__{name}")
