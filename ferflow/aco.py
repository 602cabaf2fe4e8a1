"""Ant colony system for choosing a subset of features.

The rules are those of Dorigo and Gambardella (1997), "Ant colony system", carried from tours to
subsets: pheromone lies on the features themselves rather than on edges between them, since the
order in which an ant picks its features does not matter. The number of features is a choice of
the ant too: it picks one of several fractions by the same rule, with pheromone of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# the sizes that an ant may choose among with n_features "auto", as fractions of all features
SIZE_FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

Score = Callable[[NDArray[np.bool_]], float]


@dataclass(frozen=True)
class ColonyOptions:
    """n_ants, n_iterations: how many subsets are scored.

    alpha, beta: exponents of pheromone and heuristic in a feature's attraction.
    q0: chance of taking the most attractive feature instead of drawing one, 0 to 1.
    rho: share of pheromone that decays, 0 to 1.
    """

    n_ants: int
    n_iterations: int
    alpha: float
    beta: float
    q0: float
    rho: float


@dataclass(frozen=True)
class Ant:
    """One scored subset: its mask (d,), where in the search it was made, and its score."""

    iteration: int
    ant: int
    mask: NDArray[np.bool_]
    score: float


@dataclass
class Trail:
    """Pheromone and attraction over the things to choose among, features or sizes.

    heuristic : float (m,), above 0: what is known of each thing beforehand.
    """

    heuristic: NDArray[np.float64]
    options: ColonyOptions
    pheromone: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.pheromone = np.ones_like(self.heuristic)

    def attraction(self) -> NDArray[np.float64]:
        """tau^alpha * eta^beta (m,), the weight of each thing in the random proportional rule."""
        weights = self.pheromone**self.options.alpha * self.heuristic**self.options.beta
        return np.maximum(weights, np.finfo(np.float64).tiny)  # large exponents underflow to 0

    def choose(self, k: int, q0: float, rng: np.random.Generator) -> NDArray[np.intp]:
        """k different things by the pseudo-random proportional rule."""
        return choose_without_replacement(self.attraction(), k, q0, rng)

    def visit(self, chosen: NDArray[np.intp]) -> None:
        """Local update: an ant wears its trail down to the start value, so that others stray."""
        rho = self.options.rho
        self.pheromone[chosen] = (1 - rho) * self.pheromone[chosen] + rho

    def reward(self, chosen: NDArray[np.intp], amount: float) -> None:
        """Global update: the best ant's things gain `amount` as the old pheromone decays."""
        rho = self.options.rho
        self.pheromone[chosen] = (1 - rho) * self.pheromone[chosen] + rho * amount


def choose_without_replacement(
    weights: NDArray[np.float64], k: int, q0: float, rng: np.random.Generator
) -> NDArray[np.intp]:
    """k different indices; each pick is the heaviest left with chance q0, else drawn by weight.

    The draws by weight are a race: index i finishes after an exponential time of rate w_i, and
    the next finisher among those left is a draw in proportion to their weights (Efraimidis and
    Spirakis 2006). Taking an index out by weight does not look at its time, so the others' race
    goes on undisturbed, and both orders can be sorted once instead of weighing at every pick.
    """
    heaviest_first = iter(np.argsort(-weights, kind="stable"))
    race = iter(np.argsort(rng.exponential(size=len(weights)) / weights, kind="stable"))
    taken = np.zeros(len(weights), dtype=bool)
    chosen = np.empty(k, dtype=np.intp)
    for position, greedy in enumerate(rng.random(k) < q0):
        order = heaviest_first if greedy else race
        index = next(i for i in order if not taken[i])
        taken[index] = True
        chosen[position] = index
    return chosen


def search(
    score: Score,
    heuristic: NDArray[np.float64],
    n_features: int | None,
    options: ColonyOptions,
    rng: np.random.Generator,
    on_ant: Callable[[Ant], object] | None = None,
) -> list[Ant]:
    """Let the colony search for the subset with the highest score; returns every ant it sent.

    score : subset mask (d,) -> number above or equal to 0, higher is better.
    heuristic : float (d,), above 0.
    n_features : how many to keep, or None to let the ants choose among SIZE_FRACTIONS.
    on_ant : called after each ant, for progress.
    """
    d = len(heuristic)
    features = Trail(heuristic, options)
    sizes = np.unique([max(1, round(f * d)) for f in SIZE_FRACTIONS])
    sizes = sizes if n_features is None else np.array([n_features])
    size_trail = Trail(np.ones(len(sizes)), options)
    ants: list[Ant] = []
    for iteration in range(options.n_iterations):
        for number in range(options.n_ants):
            size = size_trail.choose(1, 0, rng)  # drawn: a greedy pick among equals would be blind
            chosen = features.choose(int(sizes[size[0]]), options.q0, rng)
            features.visit(chosen)
            mask = np.zeros(d, dtype=bool)
            mask[chosen] = True
            ants.append(Ant(iteration, number, mask, score(mask)))
            if on_ant:
                on_ant(ants[-1])
        best = best_of(ants)
        # The start value is 1, so the reward must exceed it for the trail to attract: the best
        # score in units of the first iteration's mean, plus one.
        first_mean = float(np.mean([ant.score for ant in ants[: options.n_ants]]))
        amount = 1 + best.score / (first_mean or 1)
        features.reward(np.flatnonzero(best.mask), amount)
        size_trail.reward(np.flatnonzero(sizes == best.mask.sum()), amount)
    return ants


def best_of(ants: list[Ant]) -> Ant:
    """The ant with the highest score, the smaller subset on ties, then the earlier."""
    return max(ants, key=lambda ant: (ant.score, -int(ant.mask.sum())))
