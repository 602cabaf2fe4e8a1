"""The colony as a scikit-learn selector."""

import os
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context, is_classifier
from sklearn.feature_selection import SelectorMixin
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from ferflow.aco import plots
from ferflow.aco.checkpoint import Checkpoint
from ferflow.aco.colony import Rule
from ferflow.aco.fitness import Fitness, Fold, accelerated, seeded, smallest_fit
from ferflow.aco.folds import Rows, make_folds
from ferflow.aco.heuristic import NAMES, heuristic_values, varying_columns
from ferflow.aco.racing import Scoreboard, plan_rungs
from ferflow.aco.search import ANT_COLUMNS, AfterIteration, Search
from ferflow.aco.sizes import candidate_sizes
from ferflow.core.worker_fits import fits_on_workers


class AntColonySelector(SelectorMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Choose the features with which an estimator scores best, by an ant colony system.

    Every ant of an iteration draws a subset, led by a heuristic and by the pheromone that the
    best subsets before it left; an estimator fitted on the subset scores it. The rule and the
    sources are in `ferflow.aco.colony`, racing in `ferflow.aco.racing`.

    Parameters
    ----------
    estimator : object
        What the subsets are scored with. Never fitted itself: copies are.
    n_features_to_select : 'auto', int, float or pair of them, default='auto'
        A count; a fraction above 0 and below 1; a pair (lowest, highest) between which the ants
        choose; 'auto' lets them choose from 10 % to 90 %.
    n_ants : int, default=20
        Subsets per iteration, from 1.
    n_iterations : int, default=10
        From 1; the search stops by count.
    alpha, beta : float, default=1.0
        Exponents of pheromone and of heuristic, from 0. With 0 the one has no say.
    evaporation_rate : float, default=0.1
        Share of the pheromone that an update replaces, 0 to 1.
    q0 : float, default=0.5
        Chance of taking the most attractive feature instead of drawing one, 0 to 1. Near 1 all
        ants take nearly the same subset.
    deposit : float, default=10.0
        Pheromone that the features of the best subset approach, in units of the start value,
        from 1. Not used with pheromone_bounds.
    pheromone_bounds : (float, float) or None, default=None
        Lowest and highest pheromone, 0 < lowest < highest: the MAX-MIN ant system.
    heuristic : {'f_classif', 'mutual_info', 'forest'}, array (d,) or callable, default='f_classif'
        What is known of each feature beforehand, from 0; a callable of (X, y) returns the array.
        It is computed on all rows given to `fit`.
    parsimony : float, default=0.01
        Taken off a score before subsets are compared, times the share of features kept, from 0.
    scoring : str, callable or None, default=None
        Any scorer of scikit-learn, higher is better; None is the estimator's own `score`.
    cv : int, splitter, iterable, None or 'oob', default=5
        How rows are split where `fit` is given no validation rows. 'oob' scores a bagged
        ensemble on the rows that its members left out.
    resampler : object or None, default=None
        Has `fit_resample`, such as imbalanced-learn's SMOTE; changes fitting rows only.
    racing : bool, default=True
        Score on a part of the rows and trees first, and only the best ants in full.
    racing_factor : int, default=4
        From 2: one of this many ants climbs to the next rung, which has this many times the rows.
    accelerate : bool, default=False
        Score with scikit-learn-intelex's version of the estimator, if there is one.
    checkpoint : path of a folder or None, default=None
        Where the search is kept after each iteration, so that a killed `fit` that is started
        again continues and ends with the same subset. Needs an integer random_state.
    callback : callable or None, default=None
        Called after each iteration with its entry of `history_`.
    random_state : int, RandomState or None, default=None
        The same integer gives the same subset, whatever n_jobs.
    n_jobs : int or None, default=None
        Ants scored at the same time, as in joblib. Inside `joblib.parallel_config(backend="dask")`
        all threads of all workers score ants, one each, whatever n_jobs.

    Attributes
    ----------
    support_ : bool array (n_features_in_,), the chosen features.
    n_features_ : int, how many they are.
    best_score_ : float, their score in full, parsimony not taken off.
    pheromone_, heuristic_ : float arrays (n_features_in_,), the trail at the end, and eta.
    history_ : list of dict, per iteration: iteration, best_score, best_n_features, mean_score (of
        the ants scored in full), diversity (mean Jaccard distance of the ants' subsets), entropy
        (of the pheromone, 1 is flat), n_fits (so far, per rung).
    ants_ : structured array, per ant: iteration, ant, n_features, rung, score. Scores of different
        rungs do not compare.
    rungs_ : list of Rung, the shares of rows and trees; the last is the full score.
    n_features_in_, feature_names_in_ : as in scikit-learn.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(["fit"])],
        "n_features_to_select": "no_validation",  # `candidate_sizes` knows the features
        "n_ants": [Interval(Integral, 1, None, closed="left")],
        "n_iterations": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "beta": [Interval(Real, 0, None, closed="left")],
        "evaporation_rate": [Interval(Real, 0, 1, closed="both")],
        "q0": [Interval(Real, 0, 1, closed="both")],
        "deposit": [Interval(Real, 1, None, closed="left")],
        "pheromone_bounds": [None, tuple, list],
        "heuristic": [StrOptions(set(NAMES)), "array-like", callable],
        "parsimony": [Interval(Real, 0, None, closed="left")],
        "scoring": [None, StrOptions(set(get_scorer_names())), callable],
        "cv": ["cv_object", StrOptions({"oob"})],
        "resampler": [None, HasMethods(["fit_resample"])],
        "racing": ["boolean"],
        "racing_factor": [Interval(Integral, 2, None, closed="left")],
        "accelerate": ["boolean"],
        "checkpoint": [None, str, os.PathLike],
        "callback": [None, callable],
        "random_state": ["random_state"],
        "n_jobs": [None, Integral],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        n_features_to_select: Any = "auto",
        n_ants: int = 20,
        n_iterations: int = 10,
        alpha: float = 1.0,
        beta: float = 1.0,
        evaporation_rate: float = 0.1,
        q0: float = 0.5,
        deposit: float = 10.0,
        pheromone_bounds: tuple[float, float] | None = None,
        heuristic: str | ArrayLike | Callable[[Any, Any], ArrayLike] = "f_classif",
        parsimony: float = 0.01,
        scoring: Any = None,
        cv: Any = 5,
        resampler: Any = None,
        racing: bool = True,
        racing_factor: int = 4,
        accelerate: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        callback: AfterIteration | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_features_to_select = n_features_to_select
        self.n_ants = n_ants
        self.n_iterations = n_iterations
        self.alpha = alpha
        self.beta = beta
        self.evaporation_rate = evaporation_rate
        self.q0 = q0
        self.deposit = deposit
        self.pheromone_bounds = pheromone_bounds
        self.heuristic = heuristic
        self.parsimony = parsimony
        self.scoring = scoring
        self.cv = cv
        self.resampler = resampler
        self.racing = racing
        self.racing_factor = racing_factor
        self.accelerate = accelerate
        self.checkpoint = checkpoint
        self.callback = callback
        self.random_state = random_state
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        groups: Any = None,
        X_val: Any = None,
        y_val: Any = None,
    ) -> "AntColonySelector":
        """Search for the best subset.

        X : array, memory-mapped or sparse matrix, or table of pandas, polars or pyarrow (n, d), of
        finite floats, integers or booleans. y : (n,). groups : (n,), for `cv`.
        X_val, y_val : (m, d) and (m,), rows to score on; then `cv` is not used. In a Pipeline
        no earlier step changes X_val.
        Raises ValueError if rows or parameters are impossible, naming them; with Dask also
        `ferflow.core.errors.FerflowError` if ants were lost with their workers.
        """
        data, val = self._checked(X, y, X_val, y_val)
        seed = self._seed()
        folds = make_folds(
            data,
            val,
            cv=self.cv,
            groups=groups,
            resampler=self.resampler,
            estimator=self.estimator,
            seed=seed,
        )
        search = self._make_search(folds, data, seed)
        saved = None
        if self.checkpoint is not None:
            inputs = [*data, *(val or ()), groups]
            saved = Checkpoint(self.checkpoint, self.get_params(deep=True), inputs)
            saved.load_into(search)
        fitness = search.board.score
        with fits_on_workers(), Parallel(n_jobs=self.n_jobs) as pool:
            search.board.map = lambda masks, rung: pool(delayed(fitness)(m, rung) for m in masks)
            for row in search.run(self.n_ants, self.n_iterations):
                if saved:
                    saved.save(search.state())
                if self.callback:
                    self.callback(row)
        if saved:
            saved.clear()
        return self._learn(search)

    def plot_convergence(self, axes: Any = None) -> Any:
        """Draw the search; see `ferflow.aco.plots.plot_convergence`."""
        check_is_fitted(self)
        return plots.plot_convergence(self.history_, axes)

    def plot_pheromone(self, shape: Sequence[int] | None = None, ax: Any = None) -> Any:
        """Draw the trail by position and channel; see `ferflow.aco.plots.plot_pheromone`."""
        check_is_fitted(self)
        return plots.plot_pheromone(self.pheromone_, shape, ax)

    def _checked(self, x: Any, y: Any, x_val: Any, y_val: Any) -> tuple[Rows, Rows | None]:
        """The rows as checked arrays, sparse ones as CSR."""
        x, y = validate_data(self, x, y, accept_sparse="csr", ensure_min_samples=2)
        type_of_target(y, input_name="y", raise_unknown=True)
        if is_classifier(self.estimator) and len(labels := np.unique(y)) < 2:
            raise ValueError(f"y must hold 2 classes or more; got 1 class: {labels.tolist()}.")
        if not varying_columns(x).any():
            raise ValueError(f"X must hold a feature that varies; all {x.shape[1]} are constant.")
        if (x_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together; got one of them.")
        if x_val is None:
            return (x, y), None
        x_val, y_val = validate_data(self, x_val, y_val, accept_sparse="csr", reset=False)
        return (x, y), (x_val, y_val)

    def _seed(self) -> int:
        if self.checkpoint is not None and not isinstance(self.random_state, Integral):
            raise ValueError(
                "random_state must be an integer where there is a checkpoint, or the search could "
                f"not be continued; got {self.random_state!r}."
            )
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _make_search(self, folds: list[Fold], data: Rows, seed: int) -> Search:
        bounds = self.pheromone_bounds
        if bounds is not None and not (len(bounds) == 2 and 0 < bounds[0] < bounds[1]):
            raise ValueError(
                f"pheromone_bounds must be None or a pair 0 < lowest < highest; got {bounds!r}."
            )
        rule = Rule(self.alpha, self.beta, self.q0, self.evaporation_rate, self.deposit, bounds)
        estimator = accelerated(self.estimator) if self.accelerate else self.estimator
        rungs = plan_rungs(smallest_fit(folds), self.racing_factor, racing=self.racing)
        scorer = check_scoring(self.estimator, scoring=self.scoring)
        fitness = Fitness(seeded(estimator, seed), scorer, folds, rungs)
        x, y = data
        kind = is_classifier(self.estimator)
        return Search(
            heuristic_values(self.heuristic, x, y, is_classifier=kind, seed=seed),
            candidate_sizes(self.n_features_to_select, x.shape[1]),
            rule,
            Scoreboard(fitness, rungs, self.racing_factor),
            self.parsimony,
            np.random.default_rng(seed),
        )

    def _learn(self, search: Search) -> "AntColonySelector":
        assert search.best is not None
        self.support_ = search.best.mask
        self.n_features_ = int(self.support_.sum())
        self.best_score_ = search.best.score
        self.pheromone_, self.heuristic_ = search.features.pheromone, search.heuristic
        self.history_, self.rungs_ = search.history, search.board.rungs
        kinds = [(name, np.float64 if name == "score" else np.int64) for name in ANT_COLUMNS]
        self.ants_ = np.array(search.ants, dtype=kinds)
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.sparse = get_tags(self.estimator).input_tags.sparse
        return tags
