"""The rule of the colony: how ants draw subsets, and how the trail learns from them.

Ant colony system (Dorigo and Gambardella 1997, "Ant colony system", IEEE Trans. Evolutionary
Computation 1) carried from tours to subsets. Pheromone lies on the features themselves and not
on pairs of them: the order in which an ant picks does not matter, and 5,120 features would make
26 million pairs. The optional bounds are those of the MAX-MIN ant system (Stützle and Hoos 2000,
Future Generation Computer Systems 16).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

START = 1.0  # tau_0; the pheromone is told in units of it


@dataclass(frozen=True)
class Rule:
    """alpha, beta : exponents of pheromone and heuristic in the attraction, from 0.

    q0 : chance of taking the most attractive feature instead of drawing one, 0 to 1.
    evaporation_rate : rho, the share of pheromone that an update replaces, 0 to 1.
    deposit : what the trail of the best subset approaches, in units of the start value, above 1.
        Dorigo and Gambardella's 1/L beside a start of 1/(n L) makes it about n.
    bounds : (lowest, highest) pheromone of the MAX-MIN ant system, or None for ant colony system.
    """

    alpha: float
    beta: float
    q0: float
    evaporation_rate: float
    deposit: float
    bounds: tuple[float, float] | None = None


@dataclass
class Trail:
    """Pheromone on the things that an ant chooses among: features, or sizes of the subset.

    heuristic : float (m,), above 0: what is known of each thing beforehand.
    """

    heuristic: NDArray[np.float64]
    rule: Rule
    pheromone: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        start = self.rule.bounds[1] if self.rule.bounds else START
        self.pheromone = np.full(len(self.heuristic), start)

    @property
    def log_attraction(self) -> NDArray[np.float64]:
        """log(tau^alpha eta^beta) (m,): as logarithms, large exponents cannot underflow."""
        rule = self.rule
        return rule.alpha * np.log(self.pheromone) + rule.beta * np.log(self.heuristic)

    def wear(self, visits: NDArray[np.int64]) -> None:
        """Local update: each visit moves the pheromone by rho towards the start value.

        visits : (m,) how many ants of the iteration took each thing. One ant after the other
        would have made tau <- (1 - rho) tau + rho tau_0 that many times, in any order, so
            tau <- tau_0 + (1 - rho)^visits (tau - tau_0).
        What the batch gives up is that an ant strays from the ants of its own iteration.
        The MAX-MIN ant system has no local update.
        """
        if self.rule.bounds is None:
            kept = (1 - self.rule.evaporation_rate) ** visits
            self.pheromone = START + kept * (self.pheromone - START)

    def reward(self, best: NDArray[np.bool_]) -> None:
        """Global update by the best subset so far (m,).

        Ant colony system, on the things of the best subset alone:
            tau <- (1 - rho) tau + rho * deposit.
        MAX-MIN: everything evaporates, the best subset is drawn to the highest value, and all
        stays within the bounds. The amount does not depend on the score, so that any scorer
        will do, negative ones too; only which subset is the best matters.
        """
        rho, bounds = self.rule.evaporation_rate, self.rule.bounds
        if bounds is None:
            self.pheromone[best] = (1 - rho) * self.pheromone[best] + rho * self.rule.deposit
        else:
            moved = (1 - rho) * self.pheromone + rho * bounds[1] * best
            self.pheromone = np.clip(moved, *bounds)

    @property
    def entropy(self) -> float:
        """Shannon entropy of the pheromone's shares over its largest, 0 to 1; 1 is a flat trail."""
        if len(self.pheromone) == 1:
            return 1.0
        shares = self.pheromone / self.pheromone.sum()
        return float(-(shares * np.log(shares)).sum() / np.log(len(shares)))


def draw_subsets(
    log_weights: NDArray[np.float64],
    sizes: NDArray[np.int64],
    q0: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """A subset (n_ants, d) for each ant by the pseudo-random proportional rule.

    At each pick an ant takes the most attractive of the features that it has left with chance
    q0, and otherwise draws one of them in proportion to the weights (d,), until it has its
    `sizes` (n_ants,), 1 to d. All ants pick at the same time, without replacement.

    The draws by weight are a race: feature i arrives at an exponential time E_i / w_i, and the
    first to arrive among those left is a draw in proportion to their weights (Efraimidis and
    Spirakis 2006). -log E_i follows the Gumbel distribution, so the race is won in the order of
    log w_i + Gumbel_i, and one sort gives all draws of an ant. A feature that is taken for its
    weight leaves the race without a look at its time, so the race of the others goes on
    undisturbed. Each ant thus has two lists, by attraction (equals in random order) and by
    arrival; a pick is the head of one of them and is struck from both. The lists are linked, so
    a pick costs the same wherever the feature stands, and numpy does it for all ants at once.
    """
    n_ants, d = len(sizes), len(log_weights)
    arrival = np.argsort(-(log_weights + rng.gumbel(size=(n_ants, d))), axis=1)
    equals = rng.random((n_ants, d))
    attraction = np.lexsort((equals, np.broadcast_to(-log_weights, (n_ants, d))), axis=1)
    greedy = rng.random((n_ants, int(sizes.max()))) < q0
    taken = np.zeros((n_ants, d), dtype=bool)
    if greedy.all() or not greedy.any():  # one list alone: no need to go through it
        order = attraction if greedy.all() else arrival
        np.put_along_axis(taken, order, np.arange(d) < sizes[:, None], axis=1)
        return taken
    after, before = _link(np.stack([arrival, attraction]))
    both = np.array([[0], [1]])
    for pick in range(greedy.shape[1]):
        ants = np.flatnonzero(sizes > pick)
        feature = after[greedy[ants, pick].astype(np.intp), ants, d]
        taken[ants, feature] = True
        previous, following = before[both, ants, feature], after[both, ants, feature]
        after[both, ants, previous] = following
        before[both, ants, following] = previous
    return taken


def _link(orders: NDArray[np.intp]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Orders (..., d) as linked lists (..., d + 1): what follows and precedes each feature.

    Index d stands for both ends: after[d] is the head of the list.
    """
    ends = np.full((*orders.shape[:-1], 1), orders.shape[-1])
    ring = np.concatenate([ends, orders, ends], axis=-1).astype(np.int32)
    after = np.empty_like(ring[..., 1:])
    before = np.empty_like(after)
    np.put_along_axis(after, ring[..., :-1].astype(np.intp), ring[..., 1:], axis=-1)
    np.put_along_axis(before, ring[..., 1:].astype(np.intp), ring[..., :-1], axis=-1)
    return after, before
