"""Racing: cheap scores first, the promising ants in full.

Successive halving (Karnin, Koren and Somekh 2013, ICML; Jamieson and Talwalkar 2016, AISTATS).
With a factor of 4 and 20 ants: all 20 are scored with 1/16 of the rows and 1/4 of the trees, the
best 5 with 1/4 of the rows and half of the trees, the best 2 with everything. In full fits that
is 20/64 + 5/8 + 2, a seventh of the 20 fits without racing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MIN_ROWS = 100  # on fewer rows a score says nothing of a subset: such rungs are left out
_MAX_RUNGS = 3


@dataclass(frozen=True)
class Rung:
    """What a score is made of: a share of the fitting rows, and of the trees where there are."""

    rows: float
    members: float


FULL = Rung(1.0, 1.0)

Masks = Sequence[NDArray[np.bool_]]


def plan_rungs(n_rows: int, factor: int, *, racing: bool) -> list[Rung]:
    """The rungs that ants climb, from the cheapest; the last is always the full score.

    n_rows : rows of the smallest fitting set. Each rung below has 1/factor of the rows of the
    one above and 1/sqrt(factor) of its trees; at most two lie below the top.
    """
    rungs = [FULL]
    while racing and len(rungs) < _MAX_RUNGS and n_rows * rungs[0].rows / factor >= MIN_ROWS:
        rungs.insert(0, Rung(rungs[0].rows / factor, rungs[0].members / math.sqrt(factor)))
    return rungs


@dataclass
class Scoreboard:
    """Scores of subsets, each computed once.

    score : (mask, rung) -> score. map : (masks, rung) -> scores in their order; one after the
    other unless it is replaced.
    """

    score: Callable[[NDArray[np.bool_], int], float]
    rungs: list[Rung]
    factor: int
    known: dict[tuple[int, bytes], float] = field(default_factory=dict)
    map: Callable[[Masks, int], Sequence[float]] = field(init=False)
    n_fits: NDArray[np.int64] = field(init=False)  # (n_rungs,)

    def __post_init__(self) -> None:
        self.map = lambda masks, rung: [self.score(mask, rung) for mask in masks]
        self.n_fits = np.zeros(len(self.rungs), dtype=np.int64)

    @property
    def top(self) -> int:
        """The rung of the full score."""
        return len(self.rungs) - 1

    def scores(self, masks: NDArray[np.bool_], rung: int) -> NDArray[np.float64]:
        """The scores (n,) of subsets (n, d) at a rung; a subset seen before costs nothing."""
        keys = [(rung, np.packbits(mask).tobytes()) for mask in masks]
        new = {k: m for k, m in zip(keys, masks, strict=True) if k not in self.known}
        found = self.map(list(new.values()), rung) if new else []
        self.known.update(zip(new, found, strict=True))
        self.n_fits[rung] += len(new)
        return np.array([self.known[key] for key in keys])

    def race(
        self, masks: NDArray[np.bool_], penalty: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Scores (n,) of subsets (n, d), each at the highest rung (n,) that it reached.

        penalty : (n,) is taken off a score before it is compared. From every rung the best
        1/factor climb on, rounded up; equals in the order smaller, then earlier.
        """
        scores, reached = np.full(len(masks), np.nan), np.zeros(len(masks), dtype=np.int64)
        ants = np.arange(len(masks))
        for rung in range(len(self.rungs)):
            scores[ants] = self.scores(masks[ants], rung)
            reached[ants] = rung
            ranking = np.lexsort((ants, masks[ants].sum(axis=1), penalty[ants] - scores[ants]))
            ants = np.sort(ants[ranking[: math.ceil(len(ants) / self.factor)]])
        return scores, reached
