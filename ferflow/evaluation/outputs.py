"""What `evaluate` writes: predictions, metrics, tables and pictures of a classifier."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferflow.core.files import read_json
from ferflow.core.rows import Rows, Taken
from ferflow.core.split import Split
from ferflow.core.tables import read_table, write_table
from ferflow.evaluation import curves, figures, metrics, training_figures
from ferflow.evaluation.params import EvaluateParams
from ferflow.evaluation.predictions import prediction_frame, split_predictions, twin_numbers
from ferflow.evaluation.tta import tta_proba
from ferflow.training.shared.classifier import Classifier
from ferflow.training.shared.fitting import check_labels
from ferflow.training.shared.policy import check_policy

_PART = 1 << 25  # bytes of the rows that are predicted at a time, or
_BATCH = 1024  # rows: what a thread takes, and a multiple of a network's 64

DRAWN_SPLITS = ("val", "test")  # a forest's curves on its own training rows are all perfect


def predict(
    classifier: Classifier, name: str, split: Split, params: EvaluateParams, seed: int
) -> pd.DataFrame:
    """The stored predictions for a split's real images: copies and synthetic rows are left out.

    Of val and test also those of test-time augmentation, if it is asked for.
    Raises DataError if the split's classes are not those of the classifier.
    """
    check_labels(split, classifier.labels, name, "the classifier")
    original = np.flatnonzero(split.original)
    x: Any = Taken(split.x, original)
    rows, tta = split.take(original, x=x), None
    if params.tta != "none" and name != "train":
        policy = check_policy(params.tta_policy)
        n = params.tta_draws
        tta = tta_proba(classifier, rows.x, params.tta, policy=policy, n=n, seed=seed)
    p = _predict_in_parts(classifier, x)
    return prediction_frame(rows.source_id, name, rows.y, p, rows.labels, tta)


def _predict_in_parts(classifier: Classifier, x: Rows) -> NDArray[np.float64]:
    """Probabilities (n, n_classes) of rows (n, ...), some of which are in memory at a time.

    Parts are whole batches of every family, so that the last bits are those of one part.
    """
    row_bytes = x.dtype.itemsize * math.prod(x.shape[1:])
    step = max(1, _PART // max(1, row_bytes * _BATCH)) * _BATCH
    starts = range(0, max(1, len(x)), step)
    return np.concatenate([classifier.predict_proba(x[i : i + step]) for i in starts])


def split_scores(predictions: pd.DataFrame, n_bins: int) -> dict[str, dict[str, Any]]:
    """The metrics of each split among the stored predictions."""
    scores = {}
    for name in predictions["split"].unique():
        y, p, labels = split_predictions(predictions, name)
        twins = twin_numbers(predictions, name)
        scores[name] = metrics.split_metrics(y, p, labels, n_bins=n_bins, twins=twins)
    return scores


def write_tables(predictions: pd.DataFrame, n_bins: int, folder: Path) -> None:
    """CSV tables for val and test; of a split that is not scored, the header alone."""
    for name in DRAWN_SPLITS:
        for kind, table in _tables(predictions, name, n_bins).items():
            filled = table.dropna()  # a bin of the reliability diagram may be empty
            write_table(folder / f"{kind}_{name}.csv", filled)


def draw_pictures(predictions: pd.DataFrame, n_bins: int, folder: Path) -> None:
    """PNG pictures for those of val and test that are scored."""
    for name in DRAWN_SPLITS:
        if name not in set(predictions["split"]):
            continue
        tables = _tables(predictions, name, n_bins)
        areas = curves.ranking_scores(*split_predictions(predictions, name))
        figures.plot_confusion(
            tables["confusion"],
            folder / f"confusion_{name}.png",
            title=f"Confusion matrix, {name}",
        )
        figures.plot_roc(
            tables["roc"],
            folder / f"roc_{name}.png",
            title=f"ROC, one class against the rest, {name}",
            areas={label: area["roc_auc"] for label, area in areas.items()},
        )
        figures.plot_precision_recall(
            tables["precision_recall"],
            folder / f"precision_recall_{name}.png",
            title=f"Precision and recall, {name}",
            areas={label: area["average_precision"] for label, area in areas.items()},
        )
        figures.plot_reliability(
            tables["reliability"],
            folder / f"reliability_{name}.png",
            title=f"Reliability, {name}",
        )


def draw_mistakes(
    predictions: pd.DataFrame, images: Mapping[str, Split], n: int, path: Path
) -> None:
    """The n images of a split that the classifier named wrongly with the most confidence."""
    name = "val" if "val" in images else next(iter(images))
    y, p, labels = split_predictions(predictions, name)
    wrong = np.flatnonzero(p.argmax(axis=1) != y)
    rows = wrong[np.argsort(-p[wrong].max(axis=1), kind="stable")][:n]
    captions = [
        figures.mistake_caption(labels[y[row]], labels[p[row].argmax()], float(p[row].max()))
        for row in rows
    ]
    pictures: NDArray[np.uint8] = images[name].x[np.flatnonzero(images[name].original)[rows]]
    figures.plot_gallery(pictures, captions, path, title=f"Confident mistakes, {name}")


def draw_colony(table_file: Path, path: Path) -> None:
    """The search of `select_features`, if there was one."""
    table = read_table(table_file)
    if not table.empty:
        training_figures.plot_convergence(table, path, score_name="Score on val")


def draw_training(table_file: Path, report_file: Path, path: Path) -> None:
    """The curves of a classifier that learnt in epochs, and which epoch `train` chose."""
    table = read_table(table_file)
    if not table.empty:
        chosen = read_json(report_file)["train"].get("epoch_chosen")
        training_figures.plot_training(table, path, chosen=chosen)


def draw_search(table_file: Path, path: Path) -> None:
    """The settings among which `train` chose, where it did."""
    table = read_table(table_file)
    if not table.empty:
        training_figures.plot_search(table, path)


def draw_class_counts(counts_file: Path, path: Path) -> None:
    """Training rows per class before and after `balance`, from the counts that it wrote."""
    counts = read_json(counts_file)["balance"]
    title = f"Training rows per class, balanced by {counts['method']}"
    training_figures.plot_class_counts(counts["before"], counts["after"], path, title=title)


def _tables(predictions: pd.DataFrame, name: str, n_bins: int) -> dict[str, pd.DataFrame]:
    """Kind -> table for one split, without rows where the split is not among the predictions."""
    scored = name in set(predictions["split"])
    y, p, labels = split_predictions(predictions, name if scored else predictions["split"].iloc[0])
    tables = {
        "confusion": metrics.confusion_table(y, p, labels),
        "roc": curves.roc_table(y, p, labels),
        "precision_recall": curves.precision_recall_table(y, p, labels),
        "reliability": metrics.reliability_table(y, p, n_bins),
    }
    return tables if scored else {kind: table.iloc[:0] for kind, table in tables.items()}
