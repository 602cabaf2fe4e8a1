"""Stage 7: fit the classifier; validation rows choose what there is to choose."""

from dataclasses import replace
from pathlib import Path

from ferflow.artifacts import Split, load_split, write_json
from ferflow.classifier import Classifier, save_classifier
from ferflow.costs import SCRATCH
from ferflow.families import family_module, load_family
from ferflow.fitting import TrainingData
from ferflow.masks import load_mask, select_columns
from ferflow.params import load_seed, repository_root
from ferflow.stage import run_stage
from ferflow.tables import write_table


def main(train: Path, val: Path, mask_file: Path, target: Path, report: Path, curve: Path) -> float:
    shared, params = load_family()
    mask = load_mask(mask_file)

    def selected(path: Path) -> Split:
        split = load_split(path)
        return replace(split, x=select_columns(split.x, mask))

    data = TrainingData(selected(train), selected(val), repository_root() / SCRATCH / "training")
    if shared.add_validation:
        data = data.with_validation_added()
    rows = data.train
    print(f"{shared.family}: fitting on {len(rows):,} rows of {rows.x.shape[1]:,} features")
    fitted = family_module(shared.family).fit(data, params, load_seed())
    meta = rows.meta | {"trained_on": ["train", "val"] if shared.add_validation else ["train"]}
    save_classifier(target, Classifier(shared.family, fitted.model, mask, rows.labels, meta))
    write_table(curve, fitted.curve)
    about = {"family": shared.family, "n_rows": len(rows), "n_features": rows.x.shape[1]}
    write_json(report, {"train": about | fitted.about})
    return fitted.earlier_seconds


if __name__ == "__main__":
    run_stage(main)
