"""Stage 6: choose the features that the classifier gets to see, judged on validation rows."""

from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ferflow.artifacts import load_split, write_json
from ferflow.masks import save_mask
from ferflow.params import load_params, load_seed
from ferflow.selection import SelectionParams, compare_controls, history, make_judge, select
from ferflow.stage import run_stage
from ferflow.tables import write_table


def main(train: Path, val: Path, mask_file: Path, report: Path, curve: Path) -> None:
    params, seed = load_params("selection", SelectionParams), load_seed()
    train_split, val_split = load_split(train), load_split(val)
    n_features = int(np.prod(train_split.x.shape[1:]))
    mask, table, scores = np.ones(n_features, dtype=bool), history([]), None
    if params.method != "none":
        judge = make_judge(train_split, val_split, params, seed)
        n_subsets = params.n_ants * params.n_iterations
        with tqdm(total=n_subsets, desc="ants", unit="ant", disable=None) as bar:
            mask, table = select(judge, params, seed, on_ant=lambda _: bar.update())
        scores = compare_controls(judge, mask, seed)
    save_mask(mask_file, mask)
    write_table(curve, table)
    kept = int(mask.sum())
    summary: dict[str, Any] = {"method": params.method, "n_features": n_features, "n_kept": kept}
    if scores is not None:
        summary[f"val_{params.score}"] = scores
    write_json(report, {"selection": summary})
    print(f"{params.method}: {kept:,} of {n_features:,} features kept")
    for name, score in (scores or {}).items():
        print(f"  val {params.score} of {name:<12}{score:.4f}")


if __name__ == "__main__":
    run_stage(main)
