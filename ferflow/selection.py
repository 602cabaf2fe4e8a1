"""Feature selection: which features the classifier gets to see."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import f_classif
from sklearn.metrics import accuracy_score, f1_score

from ferflow.aco import Ant, ColonyOptions, best_of, search
from ferflow.artifacts import Split
from ferflow.errors import ParamError
from ferflow.params import Record

HISTORY_COLUMNS = ["iteration", "ant", "n_features", "score", "best_score"]

_LARGEST_F = 1e6  # of a feature that separates the classes, where F is infinite


class SelectionParams(Record):
    """The section `selection`."""

    method: Literal["none", "ant_colony", "k_best", "random"]
    n_features: Any
    n_ants: int = Field(ge=1)
    n_iterations: int = Field(ge=1)
    alpha: float = Field(ge=0)
    beta: float = Field(ge=0)
    q0: float = Field(ge=0, le=1)
    rho: float = Field(ge=0, le=1)
    score: Literal["f1_macro", "accuracy"]
    n_trees: int = Field(ge=1)
    max_rows: int = Field(ge=10)

    @field_validator("n_features")
    @classmethod
    def _size(cls, value: Any) -> Any:
        count = type(value) is int and value >= 1
        fraction = type(value) is float and 0 < value < 1
        if not (count or fraction or value == "auto"):
            raise ValueError(
                f"must be 'auto', a count from 1, or a fraction between 0 and 1; got {value!r}."
            )
        return value

    @model_validator(mode="after")
    def _auto_needs_ants(self) -> "SelectionParams":
        if self.method in ("k_best", "random") and self.n_features == "auto":
            raise ValueError(f"n_features: 'auto' needs ants; with {self.method} give a number.")
        return self

    def n_kept(self, n_features: int) -> int | None:
        """How many of n_features to keep, or None where the ants choose."""
        match self.n_features:
            case "auto":
                return None
            case int(count) if count > n_features:
                raise ParamError(f"selection.n_features: asked {count}, there are {n_features}.")
            case int(count):
                return int(count)
            case fraction:
                return max(1, round(float(fraction) * n_features))


@dataclass(frozen=True)
class Judge:
    """Scores a subset of features: a small forest, fitted on train rows, asked about val rows.

    All subsets are judged on the same rows by a forest with the same seed, and every row is a
    real image: a score on synthetic rows would flatter (their parents were seen in fitting).
    """

    train: Split
    val: Split
    params: SelectionParams
    seed: int

    def __call__(self, mask: NDArray[np.bool_]) -> float:
        """The score on val, 0 to 1, of the features that the mask (d,) keeps."""
        forest = RandomForestClassifier(self.params.n_trees, random_state=self.seed, n_jobs=-1)
        forest.fit(self._train_x[:, mask], self.train.y)
        forest.set_params(n_jobs=1)  # one thread sums the trees in the same order each time
        predicted = forest.predict(self._val_x[:, mask])
        if self.params.score == "accuracy":
            return float(accuracy_score(self.val.y, predicted))
        return float(f1_score(self.val.y, predicted, average="macro", zero_division=0.0))

    @cached_property
    def f_values(self) -> NDArray[np.float64]:
        """(d,) ANOVA F of each feature on the train rows; 0 for one that never changes."""
        varying = self._train_x[:, self._varying].astype(np.float64)  # squares of tiny values
        with np.errstate(divide="ignore", invalid="ignore"):
            f, _ = f_classif(varying, self.train.y)
        values = np.zeros(self.n_features)
        values[self._varying] = np.nan_to_num(np.asarray(f), nan=0, posinf=_LARGEST_F)
        return values

    @property
    def n_features(self) -> int:
        return math.prod(self.train.x.shape[1:])

    @cached_property
    def _varying(self) -> NDArray[np.bool_]:
        return np.asarray(np.ptp(self._train_x, axis=0) > 0)

    @cached_property
    def _train_x(self) -> NDArray[np.float32]:
        return _flat(self.train)

    @cached_property
    def _val_x(self) -> NDArray[np.float32]:
        return _flat(self.val)


def make_judge(train: Split, val: Split, params: SelectionParams, seed: int) -> Judge:
    """A judge that fits on at most `max_rows` real train rows, drawn without replacement."""
    rows = np.flatnonzero(train.original)
    if len(rows) > params.max_rows:
        rows = np.random.default_rng(seed).choice(rows, params.max_rows, replace=False)
    return Judge(train.take(np.sort(rows)), val, params, seed)


def select(
    judge: Judge, params: SelectionParams, seed: int, on_ant: Callable[[Ant], object]
) -> tuple[NDArray[np.bool_], pd.DataFrame]:
    """The mask of features to keep (d,), and the history of all scored subsets."""
    d = judge.n_features
    k = params.n_kept(d)
    rng = np.random.default_rng([seed, d])
    if params.method == "k_best" and k:
        ants = [_ant(judge, best_k(judge.f_values, k))]
    elif params.method == "random" and k:
        ants = [_ant(judge, random_k(d, k, rng))]
    else:
        options = ColonyOptions(
            params.n_ants, params.n_iterations, params.alpha, params.beta, params.q0, params.rho
        )
        ants = search(judge, _heuristic(judge.f_values), k, options, rng, on_ant)
    return best_of(ants).mask, history(ants)


def compare_controls(judge: Judge, mask: NDArray[np.bool_], seed: int) -> dict[str, float]:
    """The judge's scores of the chosen subset and of what it should beat at the same size."""
    d, k = len(mask), int(mask.sum())
    return {
        "selected": judge(mask),
        "all": judge(np.ones(d, dtype=bool)),
        "best_k_by_f": judge(best_k(judge.f_values, k)),
        "random_k": judge(random_k(d, k, np.random.default_rng([seed, d, k]))),
    }


def history(ants: list[Ant]) -> pd.DataFrame:
    """A row per scored subset, with the best score so far."""
    rows = [(ant.iteration, ant.ant, int(ant.mask.sum()), ant.score) for ant in ants]
    table = pd.DataFrame(rows, columns=HISTORY_COLUMNS[:-1])
    return table.assign(best_score=table["score"].cummax())


def best_k(values: NDArray[np.float64], k: int) -> NDArray[np.bool_]:
    """The mask of the k highest values, the earlier ones on ties."""
    mask = np.zeros(len(values), dtype=bool)
    mask[np.argsort(-values, kind="stable")[:k]] = True
    return mask


def random_k(d: int, k: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """The mask of k features drawn without replacement."""
    mask = np.zeros(d, dtype=bool)
    mask[rng.choice(d, k, replace=False)] = True
    return mask


def _heuristic(f_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """ANOVA F scaled to a largest value of 1 and kept above 0, so that any feature can be drawn."""
    top = f_values.max()
    return np.maximum(f_values / top if top > 0 else np.ones_like(f_values), 1e-6)


def _ant(judge: Judge, mask: NDArray[np.bool_]) -> Ant:
    return Ant(0, 0, mask, judge(mask))


def _flat(split: Split) -> NDArray[np.float32]:
    return split.x.reshape(len(split), math.prod(split.x.shape[1:])).astype(np.float32, copy=False)
