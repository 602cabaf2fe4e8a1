"""Stage 6: choose the features that the classifier gets to see, judged on validation rows."""

from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ferflow.core.files import write_json
from ferflow.core.masks import save_mask
from ferflow.core.params import load_params, load_seed, repository_root
from ferflow.core.paths import SCRATCH
from ferflow.core.split import load_split
from ferflow.core.stage import run_stage
from ferflow.core.tables import write_table
from ferflow.selection.params import SelectionParams
from ferflow.selection.select import Selection, compare_controls, history, make_judge, select


def main(train: Path, val: Path, mask_file: Path, report: Path, curve: Path) -> None:
    params, seed = load_params("selection", SelectionParams), load_seed()
    train_split, val_split = load_split(train), load_split(val)
    n_features = int(np.prod(train_split.x.shape[1:]))
    selection, scores = Selection(np.ones(n_features, dtype=bool), history([])), None
    if params.method != "none":
        judge = make_judge(train_split, val_split, params, seed)
        checkpoint = repository_root() / SCRATCH / "colony"
        with tqdm(total=params.n_iterations, desc="colony", unit="iteration", disable=None) as bar:
            selection = select(
                judge, params, seed, checkpoint=checkpoint, on_iteration=lambda _: bar.update()
            )
        scores = compare_controls(judge, selection.mask, seed)
    save_mask(mask_file, selection.mask)
    write_table(curve, selection.table)
    kept = int(selection.mask.sum())
    summary: dict[str, Any] = {"method": params.method, "n_features": n_features, "n_kept": kept}
    if scores is not None:
        summary[f"val_{params.score}"] = scores
    if selection.search:
        summary["search"] = selection.search
    write_json(report, {"selection": summary})
    print(f"{params.method}: {kept:,} of {n_features:,} features kept")
    for name, score in (scores or {}).items():
        print(f"  val {params.score} of {name:<24}{score:.4f}")


if __name__ == "__main__":
    run_stage(main)
