"""Feature selection: which features the classifier gets to see."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score, make_scorer

from ferflow.aco import AntColonySelector
from ferflow.aco.checkpoint import DamagedCheckpointError
from ferflow.aco.fitness import Fitness
from ferflow.aco.folds import make_folds
from ferflow.aco.heuristic import f_values
from ferflow.aco.racing import FULL
from ferflow.core.errors import DataError
from ferflow.core.split import Split
from ferflow.core.worker_fits import fits_on_workers
from ferflow.selection.params import SelectionParams

HISTORY_COLUMNS = ["iteration", "ant", "n_features", "score", "best_score"]
SELECTED_ON_VAL = "selected_on_these_rows"

SCORERS = {
    "f1_macro": make_scorer(f1_score, average="macro", zero_division=0.0),
    "accuracy": make_scorer(accuracy_score),
}


@dataclass(frozen=True)
class Judge:
    """Scores a subset of features: a small forest, fitted on train rows, asked about val rows.

    All subsets are judged on the same rows by a forest with the same seed. The rows that are
    scored are real images: a score on synthetic rows would flatter (their parents were seen in
    fitting).

    known : scores by subset, so that none is computed twice.
    """

    train: Split
    val: Split
    params: SelectionParams
    seed: int
    known: dict[bytes, float] = field(default_factory=dict, compare=False)

    def __call__(self, mask: NDArray[np.bool_]) -> float:
        """The score on val, 0 to 1, of the features that the mask (d,) keeps."""
        return self.scores([mask])[0]

    def scores(self, masks: Iterable[NDArray[np.bool_]]) -> list[float]:
        """The scores of masks (d,), computed in threads, or by Dask where joblib is told to."""
        given = list(masks)
        keys = [_key(mask) for mask in given]
        new = {k: m for k, m in zip(keys, given, strict=True) if k not in self.known}
        with fits_on_workers(), Parallel(n_jobs=-1, prefer="threads") as pool:
            found = pool(delayed(self._fitness)(mask) for mask in new.values())
        self.known.update(zip(new, found, strict=True))
        return [self.known[key] for key in keys]

    @property
    def forest(self) -> RandomForestClassifier:
        return RandomForestClassifier(self.params.n_trees, random_state=self.seed)

    @property
    def scorer(self) -> Any:
        return SCORERS[self.params.score]

    @cached_property
    def f_values(self) -> NDArray[np.float64]:
        """(d,) ANOVA F of each feature on the train rows; 0 for one that never changes."""
        return f_values(self.train_x, self.train.y)

    @property
    def n_features(self) -> int:
        return math.prod(self.train.x.shape[1:])

    @cached_property
    def train_x(self) -> NDArray[np.float32]:
        return _flat(self.train)

    @cached_property
    def val_x(self) -> NDArray[np.float32]:
        return _flat(self.val)

    @cached_property
    def _fitness(self) -> Fitness:
        """What the colony scores its ants by in full."""
        data, val = (self.train_x, self.train.y), (self.val_x, self.val.y)
        options = {"cv": None, "groups": None, "resampler": None, "estimator": self.forest}
        folds = make_folds(data, val, **options, seed=self.seed)
        return Fitness(self.forest, self.scorer, folds, [FULL])


@dataclass(frozen=True)
class Selection:
    """mask : bool (d,), the features to keep. table : a row of HISTORY_COLUMNS for each subset
    that was scored in full. search : how the colony went, if there was one."""

    mask: NDArray[np.bool_]
    table: pd.DataFrame
    search: dict[str, Any] = field(default_factory=dict)


def make_judge(train: Split, val: Split, params: SelectionParams, seed: int) -> Judge:
    """A judge that fits on at most `max_rows` real train rows, drawn without replacement."""
    rows = np.flatnonzero(train.original)
    if len(rows) > params.max_rows:
        rows = np.random.default_rng(seed).choice(rows, params.max_rows, replace=False)
    return Judge(train.take(np.sort(rows)), val, params, seed)


def select(
    judge: Judge,
    params: SelectionParams,
    seed: int,
    *,
    checkpoint: Path | None = None,
    on_iteration: Callable[[dict[str, Any]], object] | None = None,
) -> Selection:
    """The features to keep. `checkpoint` is a folder in which a killed search is found again."""
    d = judge.n_features
    k = params.n_kept(d)
    if params.method == "ant_colony":
        return _send_colony(judge, params, seed, checkpoint, on_iteration)
    assert k is not None  # the record refuses 'auto' without ants
    rng = np.random.default_rng([seed, d])
    mask = best_k(judge.f_values, k) if params.method == "k_best" else random_k(d, k, rng)
    return Selection(mask, history([(0, 0, k, judge(mask))]))


def compare_controls(judge: Judge, mask: NDArray[np.bool_], seed: int) -> dict[str, float]:
    """The judge's scores of the chosen subset and of what it should beat at the same size.

    The ants' choice was made by this very score on these very val rows, which flatters it; no
    other subset was. Its key says so.
    """
    d, k = len(mask), int(mask.sum())
    masks = {
        SELECTED_ON_VAL if judge.params.method == "ant_colony" else "selected": mask,
        "all": np.ones(d, dtype=bool),
        "best_k_by_f": best_k(judge.f_values, k),
        "random_k": random_k(d, k, np.random.default_rng([seed, d, k])),
    }
    return dict(zip(masks, judge.scores(masks.values()), strict=True))


def history(subsets: list[tuple[int, int, int, float]]) -> pd.DataFrame:
    """A row per subset (iteration, ant, n_features, score), with the best score so far."""
    table = pd.DataFrame(subsets, columns=HISTORY_COLUMNS[:-1])
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


def _send_colony(
    judge: Judge,
    params: SelectionParams,
    seed: int,
    checkpoint: Path | None,
    on_iteration: Callable[[dict[str, Any]], object] | None,
) -> Selection:
    selector = AntColonySelector(
        judge.forest,
        n_features_to_select=params.n_features,
        n_ants=params.n_ants,
        n_iterations=params.n_iterations,
        alpha=params.alpha,
        beta=params.beta,
        q0=params.q0,
        evaporation_rate=params.rho,
        parsimony=params.parsimony,
        heuristic=judge.f_values,
        scoring=judge.scorer,
        checkpoint=checkpoint,
        callback=on_iteration,
        random_state=seed,
        n_jobs=-1,
    )
    try:
        with parallel_config(prefer="threads"):  # trees grow outside Python's lock: no copy
            selector.fit(judge.train_x, judge.train.y, X_val=judge.val_x, y_val=judge.val.y)
    except DamagedCheckpointError as error:
        raise DataError(str(error)) from None
    judge.known[_key(selector.support_)] = selector.best_score_  # by the same forest and rows
    ants, course = selector.ants_, selector.history_
    in_full = ants[ants["rung"] == len(selector.rungs_) - 1]
    *part, full = course[-1]["n_fits"]
    search = {
        "fits_in_part": sum(part),
        "fits_in_full": full,
        "diversity_first": course[0]["diversity"],
        "diversity_last": course[-1]["diversity"],
        "entropy_last": course[-1]["entropy"],
    }
    rows = in_full[HISTORY_COLUMNS[:-1]].tolist()
    return Selection(selector.support_, history(rows), search)


def _key(mask: NDArray[np.bool_]) -> bytes:
    return np.packbits(mask).tobytes()


def _flat(split: Split) -> NDArray[np.float32]:
    return split.x.reshape(len(split), math.prod(split.x.shape[1:])).astype(np.float32, copy=False)
