"""Search: the settings of a family that score best on real rows that were not fitted.

Scored on val, whose rows with a twin in train are left out, or by folds over the real training
rows; then whatever shares an image, a twin or a subject is on one side of every fold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (what the next line needs)
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    PredefinedSplit,
    StratifiedGroupKFold,
)
from tqdm import tqdm

from ferflow.core.errors import DataError, ParamError
from ferflow.core.params import Record
from ferflow.core.split import Split
from ferflow.core.ties import read_twins_of, read_twins_within, tied
from ferflow.core.worker_fits import fits_on_workers
from ferflow.training.shared.family import family_module
from ferflow.training.shared.fitting import TrainingData
from ferflow.training.shared.search_params import SearchParams, candidates

COLUMNS = ["candidate", "iteration", "n_rows", "score", "score_std", "rank"]

Folds = list[tuple[NDArray[np.int64], NDArray[np.int64]]]  # rows to fit, rows to score


@dataclass(frozen=True)
class Twins:
    """Images that show the same photograph, by their names.

    of_val : images of val that have a twin in train. in_train : (image, its first twin) pairs.
    """

    of_val: frozenset[str]
    in_train: dict[str, str]


@dataclass(frozen=True)
class Found:
    """params : the best settings. table : COLUMNS and the settings, a row for each one scored.
    about : what was done, for the metrics."""

    params: Record
    table: pd.DataFrame
    about: dict[str, Any]


def read_twins(of_val: Path, in_train: Path) -> Twins:
    """Twins from the two tables that `preprocess` writes; DataError if one is not there."""
    of, pairs = read_twins_of(of_val), read_twins_within(in_train)
    val = of.loc[of["split"] == "val", "source_id"]
    return Twins(frozenset(val), dict(zip(pairs["source_id"], pairs["twin_of"], strict=True)))


class Candidate(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A family with its settings, as the estimator that scikit-learn's searches expect."""

    def __init__(
        self, family: str = "", params: Any = None, seed: int = 0, data: Any = None
    ) -> None:
        self.family = family
        self.params = params
        self.seed = seed
        self.data = data

    def fit(
        self, X: NDArray[Any], y: NDArray[np.int64], targets: NDArray[np.float32]
    ) -> "Candidate":
        """Fit the family to rows X (n, d) of classes y (n,); targets as in `Split`."""
        words = np.full(len(y), "")
        about = self.data.labels, self.data.meta
        rows = Split(X, y, words, words, *about, targets=targets)
        given = self.data
        data = TrainingData(
            rows, accelerate=given.accelerate, local_batch_norm=given.local_batch_norm
        )
        self.model_ = family_module(self.family).fit(data, self.params, self.seed).model
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: NDArray[Any]) -> NDArray[np.int64]:
        """The most probable class of rows X (n, d)."""
        module = family_module(self.family)
        p = module.predict_proba(self.model_, X, len(self.data.labels))
        return np.asarray(p.argmax(axis=1))


@dataclass(frozen=True)
class Setting:
    """What all candidates share."""

    labels: tuple[str, ...]
    meta: dict[str, Any]
    accelerate: str
    local_batch_norm: bool = False

    def __deepcopy__(self, memo: dict[int, Any]) -> "Setting":
        return self


class Scorer:
    """(estimator, x, y) -> the score, 0 to 1; each call moves the progress on, in this process."""

    def __init__(self, name: str, on_score: Callable[[], object] = lambda: None) -> None:
        self.name, self.on_score = name, on_score

    def __reduce__(self) -> tuple[Any, ...]:
        return Scorer, (self.name,)

    def __call__(self, estimator: Candidate, x: NDArray[Any], y: NDArray[np.int64]) -> float:
        predicted = estimator.predict(x)
        self.on_score()
        if self.name == "accuracy":
            return float(accuracy_score(y, predicted))
        return float(f1_score(y, predicted, average="macro", zero_division=0.0))


def no_search() -> pd.DataFrame:
    """The table where nothing was searched."""
    return pd.DataFrame(columns=COLUMNS)


def search(
    data: TrainingData, family: str, params: Record, plan: SearchParams, seed: int, twins: Twins
) -> Found:
    """The best of the settings that `plan` names; `params` holds the rest of them.

    Raises DataError if a fold would lack a class or if there are no rows to score, ParamError
    if folds are asked for and rows are synthetic. Inside `joblib.parallel_config(backend="dask")`
    workers fit and score, one setting and fold in a thread each; FerflowError if any were lost.
    """
    tried = candidates(plan, params, seed)
    rows, folds, scored_on = _rows_and_folds(data, plan, seed, twins)
    setting = Setting(rows.labels, rows.meta, data.accelerate, data.local_batch_norm)
    estimator = Candidate(family, params, seed, setting)
    with (
        tqdm(desc=f"search, {len(tried)} settings", unit="fit", disable=None) as bar,
        fits_on_workers(bar.update),
    ):
        options = {
            "scoring": Scorer(plan.score, bar.update),
            "cv": folds,
            "refit": False,
            "error_score": "raise",
        }
        grid = {"params": tried}
        if plan.method == "halving":
            finder = HalvingGridSearchCV(
                estimator, grid, **options, min_resources="exhaust", random_state=seed
            )
        else:
            finder = GridSearchCV(estimator, grid, **options)
        finder.fit(rows.x, rows.y, targets=rows.targets)
    table = _table(finder.cv_results_, len(rows), list(plan.choices))
    best = _best(table)
    chosen: Record = finder.cv_results_["params"][best]["params"]
    about = {
        "method": plan.method,
        "scored_on": scored_on,
        "score": plan.score,
        "n_settings": len(tried),
        "best_score": float(table["score"].iloc[best]),
        "best": {key: getattr(chosen, key) for key in plan.choices},
    }
    return Found(chosen, table, about)


def _rows_and_folds(
    data: TrainingData, plan: SearchParams, seed: int, twins: Twins
) -> tuple[Split, Any, str]:
    """All rows of the search, which of them are fitted and scored, and that in words."""
    train = data.train
    if plan.folds is not None:
        return train, group_folds(train, plan.folds, twins, seed), f"{plan.folds} folds of train"
    if data.val is None:
        raise ParamError(
            "train.search is scored on val, but train.add_validation trains on val. Set "
            "train.add_validation to false, or train.search.folds to a number."
        )
    alone = [name not in twins.of_val for name in data.val.source_id]
    val = data.val.take(np.flatnonzero(alone))
    if not len(val):
        raise DataError("train.search: every image of val has a twin in train; set search.folds.")
    _check_classes(train.labels, train.y, train.y, val.y, "val without twins of train")
    rows = Split.join([train, val])
    side = np.repeat([-1, 0], [len(train), len(val)])
    left_out = len(data.val) - len(val)
    return rows, PredefinedSplit(side), f"val without {left_out} twins of train"


def group_folds(rows: Split, n_folds: int, twins: Twins, seed: int) -> Folds:
    """Folds over the real rows; copies of an image are fitted where the image is.

    Raises ParamError if rows are mixtures of several images, DataError if a class has too
    few images, subjects or twins to be on both sides of every fold.
    """
    if (rows.source_id == "").any():
        raise ParamError(
            "train.search.folds: some training rows are synthetic. The images they were mixed from "
            "are not known, so folds would leak. Set balance.method to none or "
            "random_oversampling, or train.search.folds to null."
        )
    groups = tied_groups(rows, twins)
    real = np.flatnonzero(rows.original)
    for label, name in enumerate(rows.labels):
        n = len(np.unique(groups[real[rows.y[real] == label]]))
        if 0 < n < n_folds:
            raise DataError(
                f"train.search.folds: '{name}' has only {n} independent groups of images, fewer "
                f"than {n_folds} folds. Use fewer folds or more data."
            )
    dealer = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    folds = []
    for number, (_, scored) in enumerate(dealer.split(real, rows.y[real], groups[real])):
        score = real[scored]
        fit = np.flatnonzero(~np.isin(groups, groups[score]))
        _check_classes(rows.labels, rows.y, rows.y[fit], rows.y[score], f"fold {number}")
        folds.append((fit, score))
    return folds


def tied_groups(rows: Split, twins: Twins) -> NDArray[np.int64]:
    """(n,) numbers of groups: rows of one share an image, a twin or a subject, in a chain."""
    images = np.array([twins.in_train.get(name, name) for name in rows.source_id])
    return tied(images, rows.group)


def _check_classes(
    labels: tuple[str, ...],
    y: NDArray[np.int64],
    fit: NDArray[np.int64],
    score: NDArray[np.int64],
    name: str,
) -> None:
    """Refuse to fit or score without a class that the training rows y have."""
    for label in np.unique(y):
        for part, what in ((fit, "fit"), (score, "score")):
            if label not in part:
                raise DataError(
                    f"train.search: {name} has no row of '{labels[label]}' to {what}. Use fewer "
                    "folds, another seed or more data."
                )


def _table(results: dict[str, Any], n_rows: int, keys: list[str]) -> pd.DataFrame:
    """A row for each setting and round of the search, in the order in which they were scored."""
    records = [entry["params"] for entry in results["params"]]
    n = len(records)
    table = pd.DataFrame(
        {
            "iteration": results.get("iter", np.zeros(n, int)),
            "n_rows": results.get("n_resources", np.full(n, n_rows)),
            "score": results["mean_test_score"],
            "score_std": results["std_test_score"],
            "rank": results["rank_test_score"],
        }
    )
    table.insert(0, "candidate", np.arange(n))
    for key in keys:
        table[key] = [str(getattr(record, key)) for record in records]
    return table


def _best(table: pd.DataFrame) -> int:
    """The row of the best setting: in the last round, the first of equals."""
    last = table[table["iteration"] == table["iteration"].max()]
    return int(last["score"].idxmax())
