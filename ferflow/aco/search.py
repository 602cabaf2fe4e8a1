"""The search of the colony: iterations of drawing, scoring and learning."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.aco.colony import Rule, Trail, draw_subsets
from ferflow.aco.racing import Scoreboard
from ferflow.aco.stability import mean_jaccard_distance

ANT_COLUMNS = ("iteration", "ant", "n_features", "rung", "score")


@dataclass(frozen=True)
class Best:
    """The best subset that was scored in full: its mask (d,), score, and score less parsimony."""

    mask: NDArray[np.bool_]
    score: float
    fitness: float


@dataclass
class Search:
    """All that the next iteration depends on; a checkpoint holds no more than this.

    sizes : the sizes that ants choose among (m,).
    parsimony : taken off a score, times the share of the features that are kept.
    history : a mapping per iteration; ants : a row of ANT_COLUMNS per ant.
    """

    heuristic: NDArray[np.float64]
    sizes: NDArray[np.int64]
    rule: Rule
    board: Scoreboard
    parsimony: float
    rng: np.random.Generator
    features: Trail = field(init=False)
    size_trail: Trail = field(init=False)
    best: Best | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    ants: list[tuple[int | float, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.features = Trail(self.heuristic, self.rule)
        self.size_trail = Trail(np.ones(len(self.sizes)), self.rule)

    def run(self, n_ants: int, n_iterations: int) -> Iterator[dict[str, Any]]:
        """The history of each iteration, from where the search stands to the last."""
        while len(self.history) < n_iterations:
            yield self._iterate(n_ants)

    def _iterate(self, n_ants: int) -> dict[str, Any]:
        masks = self._send(n_ants)
        kept = masks.sum(axis=1)
        penalty = self.parsimony * kept / masks.shape[1]
        scores, rungs = self.board.race(masks, penalty)
        iteration = len(self.history)
        self.ants += [
            (iteration, ant, int(kept[ant]), int(rungs[ant]), float(scores[ant]))
            for ant in range(n_ants)
        ]
        in_full = np.flatnonzero(rungs == self.board.top)
        for ant in in_full:
            self._compare(Best(masks[ant], float(scores[ant]), float((scores - penalty)[ant])))
        assert self.best is not None
        self.features.reward(self.best.mask)
        self.size_trail.reward(self.sizes == self.best.mask.sum())
        row = {
            "iteration": iteration,
            "best_score": self.best.score,
            "best_n_features": int(self.best.mask.sum()),
            "mean_score": float(scores[in_full].mean()),
            "diversity": mean_jaccard_distance(masks) if n_ants > 1 else 0.0,
            "entropy": self.features.entropy,
            "n_fits": self.board.n_fits.tolist(),
        }
        self.history.append(row)
        return row

    def _send(self, n_ants: int) -> NDArray[np.bool_]:
        """The ants' subsets (n_ants, d), and the local update of both trails.

        Sizes are drawn, never taken greedily: among equals a greedy pick would be blind.
        """
        weights = np.exp(self.size_trail.log_attraction)
        picked = self.rng.choice(len(self.sizes), size=n_ants, p=weights / weights.sum())
        rule = self.rule
        masks = draw_subsets(self.features.log_attraction, self.sizes[picked], rule.q0, self.rng)
        self.features.wear(masks.sum(axis=0))
        self.size_trail.wear(np.bincount(picked, minlength=len(self.sizes)))
        return masks

    def _compare(self, other: Best) -> None:
        """Keep the better of the two; equals in the order smaller, then earlier."""
        best = self.best
        if best is None or (other.fitness, -other.mask.sum()) > (best.fitness, -best.mask.sum()):
            self.best = other

    def state(self) -> dict[str, NDArray[Any]]:
        """The search as arrays that need no pickle."""
        assert self.best is not None
        known = self.board.known
        words = {
            "rng": self.rng.bit_generator.state,
            "history": self.history,
            "score": self.best.score,
            "fitness": self.best.fitness,
        }
        keys = np.array([list(key) for _, key in known], dtype=np.uint8)
        return {
            "words": np.array(json.dumps(words)),
            "ants": np.array(self.ants, dtype=np.float64),
            "pheromone": self.features.pheromone,
            "size_pheromone": self.size_trail.pheromone,
            "best": self.best.mask,
            "n_fits": self.board.n_fits,
            "known_rungs": np.array([rung for rung, _ in known]),
            "known_subsets": keys,
            "known_scores": np.array(list(known.values())),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue where `state` was taken; json keeps floating-point numbers exactly."""
        ours = {"pheromone": self.features.pheromone, "size_pheromone": self.size_trail.pheromone}
        for name, mine in (ours | {"best": self.features.pheromone > 0}).items():
            if (state[name].shape, state[name].dtype) != (mine.shape, mine.dtype):
                raise ValueError(f"{name} is not of these features")
        words = json.loads(str(state["words"]))
        self.rng.bit_generator.state = words["rng"]
        self.history = words["history"]
        self.ants = [(*map(int, row[:-1]), row[-1]) for row in state["ants"].tolist()]
        self.features.pheromone = state["pheromone"]
        self.size_trail.pheromone = state["size_pheromone"]
        self.best = Best(state["best"], words["score"], words["fitness"])
        self.board.n_fits = state["n_fits"]
        rungs, subsets = state["known_rungs"].tolist(), state["known_subsets"]
        keys = [(rung, key.tobytes()) for rung, key in zip(rungs, subsets, strict=True)]
        self.board.known = dict(zip(keys, state["known_scores"].tolist(), strict=True))


AfterIteration = Callable[[dict[str, Any]], object]
