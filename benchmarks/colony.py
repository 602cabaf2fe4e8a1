"""What the colony costs, and whether its shortcuts cost score: one command on real features.

    python -m benchmarks.colony data/balanced/train.safetensors data/features/val.safetensors

The ways, each in a process of its own, all with half of the features, 20 ants, 3 iterations:
  plain       the loop of paper 1: every ant is a forest of 90 trees on all (SMOTE'd) rows. Only
              a few ants are sent; seconds and fits are multiplied up to 60.
  racing off  our judge (30 trees, 6,000 real rows), every ant in full
  racing on   the same with most ants scored on a part
  mealpy      a genetic algorithm with as many evaluations by our judge, where it is installed
Whatever subset comes out is then scored by one yardstick, a forest of 90 trees with another seed
on all rows, on val; with `--seeds` it is a mean over searches that differ in their seed, for the
ways that are cheap enough (all but plain). CPU seconds are those of all threads: they tell more on
a busy machine. The test split is not touched.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score

from ferflow.aco import AntColonySelector
from ferflow.aco.colony import draw_subsets
from ferflow.core.masks import load_mask, save_mask, select_columns
from ferflow.core.split import load_split
from ferflow.selection.params import SelectionParams
from ferflow.selection.select import Judge, make_judge

N_ANTS, N_ITERATIONS, SHARE = 20, 3, 0.5
N_SUBSETS = N_ANTS * N_ITERATIONS
PAPER = {"alpha": 1.1, "beta": 1.5, "q0": 0.9, "rho": 0.2}
WAYS = ("plain", "racing off", "racing on", "mealpy")


def judge_of(train: Path, val: Path, seed: int = 0) -> Judge:
    params = SelectionParams(
        method="ant_colony",
        n_features=SHARE,
        n_ants=N_ANTS,
        n_iterations=N_ITERATIONS,
        parsimony=0.0,
        score="f1_macro",
        n_trees=30,
        max_rows=6000,
        **PAPER,
    )
    return make_judge(load_split(train), load_split(val), params, seed)


def full_score(train: Path, val: Path, mask: Any, seed: int) -> dict[str, float]:
    """Scores on val of a forest of 90 trees on all rows of the training file."""
    rows, held_out = load_split(train), load_split(val)
    forest = RandomForestClassifier(90, random_state=seed, n_jobs=-1)
    predicted = forest.fit(select_columns(rows.x, mask), rows.y).predict(
        select_columns(held_out.x, mask)
    )
    f1 = f1_score(held_out.y, predicted, average="macro", zero_division=0.0)
    return {"f1_macro": float(f1), "accuracy": float(accuracy_score(held_out.y, predicted))}


def plain(train: Path, val: Path, n_ants: int) -> tuple[Any, dict[str, Any]]:
    heuristic = np.maximum((f := judge_of(train, val).f_values) / f.max(), 1e-6)
    d = len(heuristic)
    sizes = np.full(n_ants, round(SHARE * d))
    log_weights = PAPER["beta"] * np.log(heuristic)
    masks = draw_subsets(log_weights, sizes, PAPER["q0"], np.random.default_rng(0))
    scores = [full_score(train, val, mask, seed=0)["f1_macro"] for mask in masks]
    return masks[int(np.argmax(scores))], {"fits": n_ants, "factor": N_SUBSETS / n_ants}


def colony(train: Path, val: Path, seed: int, *, racing: bool) -> tuple[Any, dict[str, Any]]:
    judge = judge_of(train, val, seed)
    selector = AntColonySelector(
        judge.forest,
        n_features_to_select=SHARE,
        n_ants=N_ANTS,
        n_iterations=N_ITERATIONS,
        alpha=PAPER["alpha"],
        beta=PAPER["beta"],
        q0=PAPER["q0"],
        evaporation_rate=PAPER["rho"],
        heuristic=judge.f_values,
        scoring=judge.scorer,
        racing=racing,
        random_state=seed,
        n_jobs=-1,
    )
    with parallel_config(backend="threading"):
        selector.fit(judge.train_x, judge.train.y, X_val=judge.val_x, y_val=judge.val.y)
    return selector.support_, {"fits": selector.history_[-1]["n_fits"], "factor": 1}


def genetic(train: Path, val: Path, seed: int) -> tuple[Any, dict[str, Any]]:
    from mealpy import GA, BinaryVar

    judge = judge_of(train, val, seed)
    d, k = judge.n_features, round(SHARE * judge.n_features)

    def score(bits: Any) -> float:
        """The judge's score; another number of features than half costs what it is away."""
        mask = np.asarray(bits, dtype=bool)
        return judge(mask) - abs(int(mask.sum()) - k) / d if mask.any() else 0.0

    problem = {
        "obj_func": score,
        "bounds": BinaryVar(n_vars=d),
        "minmax": "max",
        "log_to": None,
    }
    best = GA.BaseGA(epoch=N_ITERATIONS - 1, pop_size=N_ANTS).solve(problem, seed=seed)
    return np.asarray(best.solution, dtype=bool), {"fits": N_SUBSETS, "factor": 1}


def run_way(
    way: str, train: Path, val: Path, n_ants: int, mask_file: Path, seed: int
) -> dict[str, Any]:
    """Seconds, CPU seconds, peak memory and fits of one way; its subset goes into `mask_file`."""
    started, cpu = time.perf_counter(), time.process_time()
    if way == "plain":
        mask, facts = plain(train, val, n_ants)
    elif way == "mealpy":
        mask, facts = genetic(train, val, seed)
    else:
        mask, facts = colony(train, val, seed, racing=way == "racing on")
    factor = facts["factor"]
    save_mask(mask_file, mask)
    return {
        "seconds": (time.perf_counter() - started) * factor,
        "cpu_seconds": (time.process_time() - cpu) * factor,
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "fits": facts["fits"],
        "extrapolated": factor != 1,
    }


def in_new_process(words: list[str]) -> dict[str, Any]:
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def run_seeds(way: str, words: list[str], n_seeds: int, folder: Path) -> dict[str, Any]:
    """The costs of a way's first search, and its mean scores (and f1_macro's spread) over seeds."""
    searches = []
    for seed in range(1 if way == "plain" else n_seeds):
        mask_file = folder / f"{way.replace(' ', '_')}-{seed}.npy"
        chosen = [*words, "--mask", str(mask_file), "--seed", str(seed)]
        found = in_new_process([*chosen, "--way", way])
        searches.append(found | in_new_process([*chosen, "--way", "yardstick"]))
        print(way, json.dumps(searches[-1]), file=sys.stderr, flush=True)
    scores = {
        name: float(np.mean([search[name] for search in searches]))
        for name in ("f1_macro", "accuracy")
    }
    spread = float(
        np.std([search["f1_macro"] for search in searches], ddof=min(1, len(searches) - 1))
    )
    return searches[0] | scores | {"f1_macro_sd": spread, "seeds": len(searches)}


def report(results: dict[str, dict[str, Any]]) -> str:
    """A markdown table; the ratios are to the plain way."""
    head = (
        "| way | seconds | CPU s | ratio (CPU) | peak GB | fits | f1_macro (sd, seeds) | accuracy |"
    )
    lines = [head, "|" + "---|" * 8]
    base = results["plain"]["cpu_seconds"]
    for way, r in results.items():
        name = f"{way} (extrapolated to {N_SUBSETS})" if r["extrapolated"] else way
        lines.append(
            f"| {name} | {r['seconds']:.0f} | {r['cpu_seconds']:.0f} | 1/"
            f"{base / r['cpu_seconds']:.1f} | {r['peak_memory_gb']:.1f} | {r['fits']} | "
            f"{r['f1_macro']:.4f} ({r['f1_macro_sd']:.4f}, {r['seeds']}) | {r['accuracy']:.4f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("train", type=Path, help="features of balance, .safetensors")
    parser.add_argument("val", type=Path, help="features of the validation rows, .safetensors")
    parser.add_argument("--plain-ants", type=int, default=3, help="ants of the plain way, from 1")
    parser.add_argument("--seeds", type=int, default=1, help="searches of each cheap way, from 1")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/colony"), help="folder")
    parser.add_argument("--way", choices=[*WAYS, "yardstick"], help=argparse.SUPPRESS)
    parser.add_argument("--mask", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    files = [str(options.train), str(options.val)]
    if options.way == "yardstick":
        mask = load_mask(options.mask)
        print(json.dumps(full_score(options.train, options.val, mask, seed=1)))
        return
    if options.way:
        args = (options.way, options.train, options.val, options.plain_ants, options.mask)
        print(json.dumps(run_way(*args, options.seed)))
        return
    results = {}
    for way in WAYS:
        if way == "mealpy" and find_spec("mealpy") is None:
            continue
        words = [*files, "--plain-ants", str(options.plain_ants)]
        results[way] = run_seeds(way, words, options.seeds, options.out)
    (options.out / "colony.json").write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    (options.out / "colony.md").write_text(report(results) + "\n", "utf-8")
    print(report(results))


if __name__ == "__main__":
    main()
