"""Stage 7: fit the classifier; validation rows choose what there is to choose."""

from dataclasses import replace
from pathlib import Path

from ferflow.core.files import write_json
from ferflow.core.masks import load_mask, select_columns
from ferflow.core.own_rank import rank
from ferflow.core.params import load_params, load_seed, repository_root
from ferflow.core.paths import SCRATCH
from ferflow.core.split import Split, load_split
from ferflow.core.stage import run_stage
from ferflow.core.system import hold_memory
from ferflow.core.tables import write_table
from ferflow.training.shared.classifier import Classifier, save_classifier
from ferflow.training.shared.compute_params import ComputeParams
from ferflow.training.shared.family import family_module
from ferflow.training.shared.fitting import TrainingData
from ferflow.training.shared.launch import joined, start_ranks
from ferflow.training.shared.params import check_soft, load_family
from ferflow.training.shared.search import no_search, read_twins, search


def main(
    train: Path,
    val: Path,
    mask_file: Path,
    twins: Path,
    train_twins: Path,
    target: Path,
    report: Path,
    curve: Path,
    settings: Path,
) -> float:
    shared, params = load_family()
    if shared.family == "network":
        hold_memory()
    start_ranks(shared.family)
    compute = load_params("compute", ComputeParams)
    accelerate = compute.checked()
    mask = load_mask(mask_file)

    def selected(path: Path) -> Split:
        split = load_split(path)
        return replace(split, x=select_columns(split.x, mask))

    scratch = repository_root() / SCRATCH / "training"
    data = TrainingData(
        selected(train), selected(val), scratch, accelerate, compute.allow_local_batch_norm
    )
    if shared.add_validation:
        data = data.with_validation_added()
    rows = data.train
    if rows.is_soft:
        check_soft(shared.family)
    about = {"family": shared.family, "n_rows": len(rows), "n_features": rows.x.shape[1]}
    if "features_by" in rows.meta:
        about["features_by"] = rows.meta["features_by"]
    table, family = no_search(), family_module(shared.family)
    print(f"{shared.family}: {len(rows):,} training rows of {rows.x.shape[1]:,} features")
    with joined(shared.family, getattr(params, "device", "cpu")):
        if shared.search.method != "none":
            lists = read_twins(twins, train_twins)
            found = search(data, shared.family, params, shared.search, load_seed(), lists)
            params, table, about["search"] = found.params, found.table, found.about
            print(f"search: {found.about['best']} scores {found.about['best_score']:.4f}")
        fitted = family.fit(data, params, load_seed())
    if rank():
        return 0.0  # rank 0 writes
    trained_on = ["train", "val"] if shared.add_validation else ["train"]
    meta = rows.meta | {"trained_on": trained_on if getattr(family, "FITS", True) else []}
    save_classifier(target, Classifier(shared.family, fitted.model, mask, rows.labels, meta))
    write_table(curve, fitted.curve)
    write_table(settings, table)
    write_json(report, {"train": about | fitted.about})
    return fitted.earlier_seconds


if __name__ == "__main__":
    run_stage(main)
