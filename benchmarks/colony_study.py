"""Is the colony worth it? Selectors compared at one subset size and one budget of evaluations.

usage: python -m benchmarks.colony_study [--seeds 3] [--share 0.1] [--out docs/ant-colony]
                                         [--cluster tcp://host:8786]

Start it in the root, after `dvc repro`: it selects among the features that the chain made.
The validation rows are cut in two by class: searches see the first half, and every subset is
reported on the second, which none of them saw. So a search gains nothing from its luck.
With --cluster, or where DASK_SCHEDULER_ADDRESS is set, Dask's workers score the subsets, with the
same results; seconds are then those of the cluster.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import parallel_config
from numpy.typing import NDArray
from sklearn.feature_selection import RFE
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from benchmarks.colony_study_figures import draw_diversity, draw_effects, draw_methods, draw_sizes
from ferflow.aco import AntColonySelector
from ferflow.aco.heuristic import heuristic_values
from ferflow.core.cluster import VARIABLE, connect
from ferflow.core.errors import FerflowError, printable
from ferflow.core.split import Split, load_split
from ferflow.core.tables import write_table
from ferflow.selection.params import SelectionParams
from ferflow.selection.select import Judge, best_k, make_judge, random_k

Mask = NDArray[np.bool_]

PAPER = {"alpha": 1.1, "beta": 1.5, "q0": 0.9, "evaporation_rate": 0.2}
# drawn and not greedy, bounded pheromone without local update, more and smaller iterations: what
# should help by the reasoning in docs/ant-colony.md, not the winner of a search
OTHER = {"alpha": 1.0, "beta": 0.5, "q0": 0.0, "evaporation_rate": 0.3}
OTHER_BOUNDS = (0.2, 5.0)
SIZES = (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
EFFECTS: dict[str, tuple[Any, ...]] = {
    "alpha": (0.0, 1.0, 4.0),
    "beta": (0.0, 1.0, 4.0),
    "q0": (0.0, 0.5, 0.9),
    "evaporation_rate": (0.05, 0.2, 0.8),
    "pheromone_bounds": (None, (0.2, 5.0), (0.01, 5.0)),
}


@dataclass(frozen=True)
class StudyOptions:
    """n_seeds : repetitions. share : of the features that every selector keeps, 0 to 1.

    n_ants, n_iterations : their product is the budget of a search. n_trees, max_rows : the judge.
    """

    n_seeds: int = 3
    share: float = 0.1
    n_ants: int = 20
    n_iterations: int = 3
    n_trees: int = 20
    max_rows: int = 2000


@dataclass(frozen=True)
class Trial:
    """One seed: the judge that searches ask, and the one that reports, on other rows."""

    judge: Judge
    reporter: Judge
    options: StudyOptions
    seed: int

    @property
    def k(self) -> int:
        return max(1, round(self.options.share * self.judge.n_features))

    @cached_property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng([self.seed, 1])

    def rank(self, name: str) -> NDArray[np.float64]:
        """Values (d,) of a named heuristic."""
        x, y = self.judge.train_x, self.judge.train.y
        return heuristic_values(name, x, y, is_classifier=True, seed=self.seed)

    def colony(self, n_iterations: int | None = None, **changes: Any) -> AntColonySelector:
        """A fitted colony that scores every ant in full, so that budgets are equal."""
        o, judge = self.options, self.judge
        given = {"n_ants": o.n_ants, "n_features_to_select": self.k} | PAPER | changes
        selector = AntColonySelector(
            judge.forest,
            n_iterations=n_iterations or o.n_iterations,
            heuristic=judge.f_values,
            scoring=judge.scorer,
            racing=False,
            random_state=self.seed,
            n_jobs=-1,
            **given,
        )
        with parallel_config(prefer="threads"):
            selector.fit(judge.train_x, judge.train.y, X_val=judge.val_x, y_val=judge.val.y)
        return selector


def run_study(train: Path, val: Path, folder: Path, options: StudyOptions) -> str:
    """Write tables and pictures into the folder; returns the comparison as markdown."""
    trials = [make_trial(load_split(train), load_split(val), options, s) for s in seeds(options)]
    rows = [
        compare(name, method, trial)
        for trial in tqdm(trials, desc="seeds", disable=None)
        for name, method in methods(options).items()
    ]
    table = pd.DataFrame(rows)
    summary = summarise(table)
    sizes = pd.DataFrame(row for trial in trials for row in by_size(trial))
    diversity = pd.DataFrame(row for trial in trials for row in diversity_curves(trial))
    effects = pd.DataFrame(parameter_effects(trials[0]))
    for name, content in (
        ("methods", table),
        ("sizes", sizes),
        ("diversity", diversity),
        ("effects", effects),
    ):
        write_table(folder / f"{name}.csv", content)
    draw_methods(table, folder / "methods.png")
    draw_sizes(sizes, folder / "sizes.png")
    draw_diversity(diversity, folder / "diversity.png")
    draw_effects(effects, folder / "effects.png")
    text = markdown(summary)
    (folder / "methods.md").write_text(text, encoding="utf-8")
    return text


def seeds(options: StudyOptions) -> range:
    return range(options.n_seeds)


def make_trial(train: Split, val: Split, options: StudyOptions, seed: int) -> Trial:
    """Judges that are fitted on rows drawn by the seed; the halves of val are always the same."""
    params = SelectionParams(
        method="ant_colony",
        n_features="auto",
        n_ants=options.n_ants,
        n_iterations=options.n_iterations,
        alpha=1.0,
        beta=1.0,
        q0=0.0,
        rho=0.1,
        parsimony=0.0,
        score="f1_macro",
        n_trees=options.n_trees,
        max_rows=options.max_rows,
    )
    seen, unseen = train_test_split(
        np.arange(len(val)), test_size=0.5, stratify=val.y, random_state=0
    )
    judge = make_judge(train, val.take(np.sort(seen)), params, seed)
    more_trees = params.model_copy(update={"n_trees": 4 * options.n_trees})
    reporter = replace(
        judge, val=val.take(np.sort(unseen)), params=more_trees, seed=seed + 1_000_000
    )
    return Trial(judge, reporter, options, seed)


def methods(options: StudyOptions) -> dict[str, Callable[[Trial], Mask]]:
    """Name -> selector; those with a number spend the whole budget."""
    budget = options.n_ants * options.n_iterations
    half = max(1, options.n_ants // 2)
    chosen: dict[str, Callable[[Trial], Mask]] = {
        "all features": lambda t: np.ones(t.judge.n_features, dtype=bool),
        "one random subset": lambda t: random_k(t.judge.n_features, t.k, t.rng),
        f"best of {budget} random subsets": lambda t: best_random(t, budget),
        "best k by F": lambda t: best_k(t.judge.f_values, t.k),
        "best k by mutual information": lambda t: best_k(t.rank("mutual_info"), t.k),
        "best k by forest importance": lambda t: best_k(t.rank("forest"), t.k),
        "recursive elimination": eliminate,
        f"colony, paper's parameters ({budget})": lambda t: t.colony().support_,
        f"colony, no greed, bounds ({budget})": lambda t: (
            t.colony(budget // half, n_ants=half, pheromone_bounds=OTHER_BOUNDS, **OTHER).support_
        ),
    }
    if find_spec("mealpy"):
        chosen[f"genetic algorithm, mealpy ({budget})"] = genetic
    return chosen


def best_random(trial: Trial, n: int) -> Mask:
    """The best by the judge of n subsets drawn without any guidance."""
    masks = [random_k(trial.judge.n_features, trial.k, trial.rng) for _ in range(n)]
    return masks[int(np.argmax(trial.judge.scores(masks)))]


def eliminate(trial: Trial) -> Mask:
    """Recursive elimination by a forest's importance (Guyon et al. 2002), a fifth at a time."""
    judge = trial.judge
    forest = judge.forest.set_params(n_jobs=-1)
    rfe = RFE(forest, n_features_to_select=trial.k, step=0.2)
    with parallel_config(backend="threading"):  # each step is one forest, and waits for the last
        mask: Mask = rfe.fit(judge.train_x, judge.train.y).support_
    return mask


def genetic(trial: Trial) -> Mask:
    """mealpy's genetic algorithm on random keys (Bean 1994): the k largest keys are the subset."""
    from mealpy import GA, FloatVar

    d, o = trial.judge.n_features, trial.options

    def subset(keys: Any) -> Mask:
        return best_k(np.asarray(keys, dtype=np.float64), trial.k)

    problem = {
        "obj_func": lambda keys: trial.judge(subset(keys)),
        "bounds": FloatVar(lb=[0.0] * d, ub=[1.0] * d),
        "minmax": "max",
        "log_to": None,
    }
    algorithm = GA.BaseGA(epoch=max(1, o.n_iterations - 1), pop_size=max(5, o.n_ants))
    return subset(algorithm.solve(problem, seed=trial.seed).solution)


def compare(name: str, method: Callable[[Trial], Mask], trial: Trial) -> dict[str, Any]:
    """One selector on one seed: its subset's scores and its seconds."""
    started = time.perf_counter()
    mask = method(trial)
    seconds = time.perf_counter() - started
    return {
        "method": name,
        "seed": trial.seed,
        "n_features": int(mask.sum()),
        "searched": trial.judge.scores([mask])[0],
        "reported": trial.reporter.scores([mask])[0],
        "seconds": seconds,
    }


def by_size(trial: Trial) -> Iterator[dict[str, Any]]:
    """The reported score of the best by F, and of a random subset, at several sizes."""
    d = trial.judge.n_features
    rows, masks = [], []
    for share in SIZES:
        k = max(1, round(share * d))
        for name, mask in (
            ("best k by F", best_k(trial.judge.f_values, k)),
            ("random", random_k(d, k, trial.rng)),
        ):
            rows.append({"method": name, "seed": trial.seed, "n_features": k})
            masks.append(mask)
    for row, score in zip(rows, trial.reporter.scores(masks), strict=True):
        yield row | {"reported": score}


def diversity_curves(trial: Trial) -> Iterator[dict[str, Any]]:
    """How far apart the ants' subsets are: the paper's parameters, and without greed."""
    for name, q0 in (("paper's parameters, q0 = 0.9", 0.9), ("the same with q0 = 0", 0.0)):
        for row in trial.colony(q0=q0).history_:
            yield {"colony": name, "seed": trial.seed} | _curve(row)


def parameter_effects(trial: Trial) -> Iterator[dict[str, Any]]:
    """Diversity and entropy by iteration, one parameter changed at a time from mild ones."""
    mild: dict[str, Any] = {"alpha": 1.0, "beta": 1.0, "q0": 0.3, "evaporation_rate": 0.2}
    quick = replace(trial, judge=replace(trial.judge, params=_quick(trial.judge.params)))
    for parameter, values in EFFECTS.items():
        for value in values:
            for row in quick.colony(8, **mild | {"n_ants": 10, parameter: value}).history_:
                yield {"parameter": parameter, "value": str(value)} | _curve(row)


def _quick(params: SelectionParams) -> SelectionParams:
    """Five trees: the shape of the search does not need a fine judge."""
    return params.model_copy(update={"n_trees": 5})


def _curve(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("iteration", "best_score", "diversity", "entropy")}


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over the seeds, the best on unseen rows first."""
    groups = table.groupby("method", sort=False)
    summary = groups[["searched", "reported", "seconds", "n_features"]].mean()
    summary["sd"] = groups["reported"].std(ddof=1).fillna(0.0)
    return summary.sort_values("reported", ascending=False)


def markdown(summary: pd.DataFrame) -> str:
    """The summary as a table."""
    lines = [
        "| selector | features | macro F1, rows searched | macro F1, unseen rows | seconds |",
        "|---|---|---|---|---|",
    ]
    for name, row in summary.iterrows():
        lines.append(
            f"| {name} | {row['n_features']:.0f} | {row['searched']:.4f} | "
            f"{row['reported']:.4f} ± {row['sd']:.4f} | {row['seconds']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write tables and pictures, print the table of the methods."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, default=Path("data/balanced/train.safetensors"))
    parser.add_argument("--val", type=Path, default=Path("data/features/val.safetensors"))
    parser.add_argument("--out", type=Path, default=Path("docs/ant-colony"))
    parser.add_argument("--seeds", type=int, default=3, help="repetitions")
    parser.add_argument("--share", type=float, default=0.1, help="of the features to keep")
    parser.add_argument("--max-rows", type=int, default=2000, help="that the judge is fitted on")
    parser.add_argument("--n-trees", type=int, default=20, help="trees of the judge")
    parser.add_argument("--cluster", help="address of a Dask scheduler, such as tcp://host:8786")
    o = parser.parse_args()
    options = StudyOptions(n_seeds=o.seeds, share=o.share, n_trees=o.n_trees, max_rows=o.max_rows)
    try:
        with spread_over(o.cluster):
            print(run_study(o.train, o.val, o.out, options))
    except FerflowError as error:
        sys.exit(f"error: {printable(str(error))}")


@contextmanager
def spread_over(address: str | None) -> Iterator[None]:
    """Inside, joblib computes on the workers of a Dask scheduler, if one is named."""
    if not (address or os.environ.get(VARIABLE)):
        yield
        return
    with connect(address) as client, parallel_config(backend="dask", client=client):
        yield


if __name__ == "__main__":
    main()
