"""A machine of several classes from one machine for each pair of them.

libsvm, and so scikit-learn, fits a machine of k classes as k (k - 1) / 2 machines of two. Fitted
one by one here, they show how far the work is, use all cores, and may come from
scikit-learn-intelex, of which nothing but row numbers and coefficients is taken over. What comes
out is scikit-learn's own SVC, with the arrays that its `fit` would have made.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_class_weight

from ferflow.core.errors import FerflowError

_ROWS_AT_ONCE = 256  # when predicting; a block of the kernel is that many x support vectors
_STEPS_PER_ROW = 10  # of libsvm, two rows each, that do about what the other's round does
_N_COMPARED = 64  # rows on which a converted machine must agree with its original ...
_TOLERANCE = 1e-2  # ... to this, relative for decision values above 1, ...
_ROUNDING = 16 * np.finfo(np.float32).eps  # ... and this share of what the terms add up to in size


@dataclass(frozen=True)
class Pair:
    """A machine that tells the classes at positions first < second apart.

    support : int64 (m,), row numbers. coefficients : (m,), alpha y with y = 1 for the first class
    and -1 for the second. n_iter : the solver's steps.
    compared : decision values, above 0 for the first class, of the rows given to compare.
    """

    first: int
    second: int
    support: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    intercept: float
    n_iter: int
    compared: NDArray[np.float64]


def fit_pairs(
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    machine: SVC,
    limits: list[int],
    *,
    accelerate: Callable[[Any], Any] | None,
    on_pair: Callable[[int], object],
) -> SVC:
    """`machine`, fitted to rows x (n, d) of classes y (n,), two or more of them.

    limits : the most steps of the solver for each pair, as `step_limits` has them; where they are
        not enough, `n_iter_` reaches them and the pair's machine is what was found until then.
    accelerate : makes another package's version of a machine; it uses all cores by itself.
    on_pair : called with the number of rows of each pair that is done.
    Raises FerflowError if the other package's decisions are not those of what was made of it.
    """
    classes = np.unique(y)
    weights = dict(zip(classes, _class_weights(machine, classes, y), strict=True))
    gamma = _gamma(machine, x)
    some = x[np.linspace(0, len(x) - 1, min(len(x), _N_COMPARED), dtype=int)]

    def fit(pair: tuple[int, int], limit: int) -> Pair:
        first, second = pair
        rows = np.concatenate([np.flatnonzero(y == classes[place]) for place in pair])
        two = SVC(**machine.get_params()).set_params(
            gamma=gamma,
            class_weight={classes[place]: weights[classes[place]] for place in pair},
            max_iter=limit,
        )
        two = accelerate(two) if accelerate else two
        two.fit(x[rows], y[rows])
        # of two classes, scikit-learn counts the second as positive; of more, the first of a pair
        found = Pair(
            first,
            second,
            rows[np.asarray(two.support_)],
            -np.asarray(two.dual_coef_, np.float64)[0],
            -float(np.ravel(two.intercept_)[0]),
            int(np.max(two.n_iter_)),
            -np.asarray(two.decision_function(some), np.float64),
        )
        on_pair(len(rows))
        return found

    two_of_all = combinations(range(len(classes)), 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # `n_iter_` says it
        if accelerate:  # that package warns when it is called from a thread of ours
            pairs = list(map(fit, two_of_all, limits))
        else:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                pairs = list(pool.map(fit, two_of_all, limits))
    fitted = _joined(machine, pairs, x, y, gamma, np.array(list(weights.values())))
    _compare(fitted, some, pairs)
    return fitted


def decision_scores(machine: SVC, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """What `machine.decision_function` says, (n, k), of rows (n, d), through matrix products.

    libsvm's own way takes one support vector after another: ten times as long and more.
    The sum of votes (one for each pair won) with a bounded part that orders equal votes; for two
    classes half of the decision value, and its negative.
    """
    n_classes = len(machine.classes_)
    parts = (x[i : i + _ROWS_AT_ONCE] for i in range(0, len(x), _ROWS_AT_ONCE))
    values = [pair_values(machine, part) for part in parts]
    if not values:
        return np.zeros((0, n_classes))
    pairs = np.concatenate(values)
    if n_classes == 2:
        return pairs * [0.5, -0.5]
    votes, sums = np.zeros((2, len(pairs), n_classes))
    for column, (first, second) in enumerate(combinations(range(n_classes), 2)):
        value = pairs[:, column]
        won = value >= 0
        votes[:, first] += won
        votes[:, second] += ~won
        sums[:, first] += value
        sums[:, second] -= value
    return np.asarray(votes + sums / (3 * (np.abs(sums) + 1)))


def pair_values(machine: SVC, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Decision values (n, pairs), above 0 if the pair's first class is the nearer one."""
    return np.asarray(_kernel(machine, x) @ _pair_weights(machine) + machine._intercept_)


def _kernel(machine: SVC, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, support vectors) the kernel's values."""
    values = pairwise_kernels(
        x.astype(np.float64),
        machine.support_vectors_,
        metric=machine.kernel,
        filter_params=True,
        gamma=machine._gamma,
        degree=machine.degree,
        coef0=machine.coef0,
    )
    return np.asarray(values)


def _pair_weights(machine: SVC) -> NDArray[np.float64]:
    """(support vectors, pairs): a column holds the coefficients of one pair, 0 for the others."""
    ends = np.cumsum([0, *machine._n_support])
    pairs = list(combinations(range(len(machine.classes_)), 2))
    weights = np.zeros((ends[-1], len(pairs)))
    for column, (first, second) in enumerate(pairs):
        for own, place in ((first, second - 1), (second, first)):
            rows = slice(ends[own], ends[own + 1])
            weights[rows, column] = machine._dual_coef_[place, rows]
    return weights


def _joined(
    machine: SVC,
    pairs: list[Pair],
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    gamma: float,
    weights: NDArray[np.float64],
) -> SVC:
    """The SVC of all classes, its arrays laid out as libsvm does: support vectors class by class,
    a row of coefficients for each of the other classes."""
    classes, one_each = np.unique(y, return_index=True)
    machine = machine.fit(x[one_each], y[one_each])  # makes every attribute; the arrays follow
    used = np.unique(np.concatenate([pair.support for pair in pairs]))
    support = used[np.argsort(y[used], kind="stable")]
    place = np.full(len(x), -1)
    place[support] = np.arange(len(support))
    coefficients = np.zeros((len(classes) - 1, len(support)))
    for pair in pairs:
        is_first = y[pair.support] == classes[pair.first]
        row = np.where(is_first, pair.second - 1, pair.first)
        coefficients[row, place[pair.support]] = pair.coefficients
    intercepts = np.array([pair.intercept for pair in pairs])
    sign = -1 if len(classes) == 2 else 1
    steps = np.array([pair.n_iter for pair in pairs], np.int32)
    arrays = {
        "support_": support.astype(np.int32),
        "support_vectors_": x[support].astype(np.float64),
        "_n_support": np.array([(y[support] == c).sum() for c in classes], np.int32),
        "_dual_coef_": coefficients,
        "dual_coef_": sign * coefficients,
        "_intercept_": intercepts,
        "intercept_": sign * intercepts,
        "_gamma": gamma,
        "class_weight_": weights,
        "shape_fit_": x.shape,
        "n_iter_": steps,
        "_num_iter": steps,
    }
    vars(machine).update(arrays)
    return machine


def _compare(machine: SVC, rows: NDArray[np.float32], pairs: list[Pair]) -> None:
    """Refuse a machine that decides otherwise than those that it was made of.

    The other package adds up thousands of float32 terms of both signs, the larger the larger C.
    """
    ours = pair_values(machine, rows)
    theirs = np.stack([pair.compared for pair in pairs], axis=1)
    terms = np.abs(_kernel(machine, rows)) @ np.abs(_pair_weights(machine))
    allowed = _TOLERANCE * np.maximum(1, np.abs(theirs)) + _ROUNDING * terms
    apart = np.abs(ours - theirs)
    if (apart > allowed).any():
        raise FerflowError(
            f"the support vector machine that was put together differs by {apart.max():.2g} "
            "from those of its pairs of classes. Set compute.accelerate to off."
        )


def _class_weights(
    machine: SVC, classes: NDArray[np.int64], y: NDArray[np.int64]
) -> NDArray[np.float64]:
    return np.asarray(compute_class_weight(machine.class_weight, classes=classes, y=y))


def _gamma(machine: SVC, x: NDArray[np.float32]) -> float:
    """The kernel's width as a number; 'scale' is 1 / (d variance of x), 'auto' 1 / d."""
    if not isinstance(machine.gamma, str):
        return float(machine.gamma)
    variance = float(x.var(dtype=np.float64)) if machine.gamma == "scale" else 1.0
    return 1 / (x.shape[1] * variance) if variance else 1.0


def step_limits(y: NDArray[np.int64], rounds: int, *, accelerated: bool) -> list[int]:
    """The most steps of the solver for each pair of classes: as many as there are rounds, or
    without scikit-learn-intelex, whose steps are long, a number for each row."""
    return [rounds if accelerated else rounds * _STEPS_PER_ROW * n for n in count_rows(y)]


def count_rows(y: NDArray[np.int64]) -> Iterator[int]:
    """The rows of each pair of classes."""
    counts = np.unique(y, return_counts=True)[1].tolist()
    return (a + b for a, b in combinations(counts, 2))
