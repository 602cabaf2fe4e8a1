"""Stage 8: score the classifier. The only stage that looks at test labels."""

from pathlib import Path
from typing import Any

from ferflow.core.files import write_json
from ferflow.core.params import load_params, load_seed
from ferflow.core.split import Split, load_split
from ferflow.core.stage import run_stage
from ferflow.core.ties import read_twins_of, read_twins_within
from ferflow.evaluation.outputs import (
    draw_class_counts,
    draw_colony,
    draw_mistakes,
    draw_pictures,
    draw_search,
    draw_training,
    predict,
    split_scores,
    write_tables,
)
from ferflow.evaluation.params import EvaluateParams
from ferflow.evaluation.predictions import (
    read_predictions,
    tta_predictions,
    with_twins,
    write_predictions,
)
from ferflow.evaluation.protocol import describe, protocol
from ferflow.evaluation.without_twins import count_relatives, count_twins, without_either
from ferflow.training.shared.classifier import load_classifier


def main(model: Path, features: Path, images: Path, evaluation: Path, metrics: Path) -> None:
    params, seed = load_params("evaluate", EvaluateParams), load_seed()
    classifier = load_classifier(model)
    scored = params.scored(classifier.meta["trained_on"])
    splits = {name: load_split(features / f"{name}.safetensors") for name in scored}
    frames = [
        with_twins(
            predict(classifier, name, split, params, seed),
            read_twins_within(images / f"{name}_twins.csv"),
        )
        for name, split in splits.items()
    ]
    write_predictions(evaluation / "predictions.parquet", frames)

    # From here on everything comes from what was stored, so that anyone can compute it again.
    predictions = read_predictions(evaluation / "predictions.parquet")
    twins = read_twins_of(images / "twins.csv")
    relatives = read_twins_of(images / "relatives.csv")
    trained_on = classifier.meta["trained_on"]
    scores: dict[str, dict[str, Any]] = {}
    for rows in (predictions, tta_predictions(predictions)):
        for part in (rows, *without_either(rows, twins, relatives, trained_on)):
            scores |= split_scores(part, params.calibration_bins)
    about = protocol(
        next(iter(splits.values())),
        scored,
        trained_on,
        count_twins(predictions, twins),
        count_relatives(predictions, relatives),
    )
    write_json(metrics / "metrics.json", scores | {"protocol": about})
    write_tables(predictions, params.calibration_bins, metrics / "plots")
    pictures = evaluation / "pictures"
    draw_pictures(predictions, params.calibration_bins, pictures)
    draw_colony(metrics / "plots" / "colony.csv", pictures / "colony.png")
    curves = metrics / "plots" / "training.csv"
    draw_training(curves, metrics / "train.json", pictures / "training.png")
    draw_search(metrics / "plots" / "search.csv", pictures / "search.png")
    draw_class_counts(metrics / "balance.json", pictures / "class_counts.png")
    faces: dict[str, Split] = {name: load_split(images / f"{name}.safetensors") for name in scored}
    draw_mistakes(predictions, faces, params.gallery_size, pictures / "mistakes.png")
    for name, score in scores.items():
        print(f"{name:<27}accuracy {score['accuracy']:.4f}  macro F1 {score['f1_macro']:.4f}")
    print(describe(about))


if __name__ == "__main__":
    run_stage(main)
