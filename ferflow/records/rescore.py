"""`ferflow rescore`: intervals of recorded runs again, from their stored probabilities.

Records made before twins within a split were known take every image for independent. The data
set that the last run read tells which images are twins; scores stay as they were measured, their
intervals and the floor of the calibration error are made again.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferflow.core.errors import FerflowError
from ferflow.core.hashing import sha256_of
from ferflow.core.paths import PREPROCESSED
from ferflow.core.pipeline import Pipeline
from ferflow.core.ties import read_twins_of, read_twins_within
from ferflow.evaluation.metrics import calibration_floor, wilson_interval
from ferflow.evaluation.predictions import TTA_SUFFIX
from ferflow.evaluation.without_twins import SUFFIX
from ferflow.records.compact import Answers, first_rows, image_number, rewrite_twins
from ferflow.records.ensemble import N_BINS
from ferflow.records.record import RunRecord, Scores, load_records, save_figures
from ferflow.records.resampling import intervals

DISTANCE = "preprocess.twin_distance"
_SPLITS = ("val", "test")

Numbers = NDArray[np.int64]


def rescore() -> list[tuple[str, str]]:
    """Make the intervals of every record of the present data set again; (record, what was done).

    Raises FerflowError where the last run's images are not here.
    """
    pipeline = Pipeline()
    if "preprocess" not in pipeline.lock or not (PREPROCESSED / "twins.csv").exists():
        raise FerflowError("the images are not here. Run `dvc repro preprocess` first.")
    data = pipeline.data_fingerprint()
    within = {
        name: _numbers(read_twins_within(PREPROCESSED / f"{name}_twins.csv")) for name in _SPLITS
    }
    seen = _seen(read_twins_of(PREPROCESSED / "twins.csv"))
    done = []
    for record in load_records():
        if record.mistake or record.members:
            continue
        if record.data != data:
            done.append((record.name, "left as it is: of another data set"))
        elif record.params.get(DISTANCE) != pipeline.params["preprocess"]["twin_distance"]:
            done.append((record.name, f"left as it is: of another {DISTANCE}"))
        else:
            done.append((record.name, _rescore(record, within, seen)))
    return done


def _rescore(record: RunRecord, within: dict[str, dict[int, int]], seen: dict[str, Numbers]) -> str:
    answers = {
        name: replace(split, twins=_twins(split, within[name]))
        for name, split in record.answers().items()
    }
    metrics, kept = dict(record.metrics), list[str]()
    for name, split in answers.items():
        apart = split.take(np.flatnonzero(~np.isin(split.image, seen[name])))
        views = (("", split), (SUFFIX, apart), (TTA_SUFFIX, split), (TTA_SUFFIX + SUFFIX, apart))
        for ending, rows in views:
            scores = metrics.get(name + ending)
            if scores is None:
                continue
            if scores["n"] != len(rows.y):
                kept.append(name + ending)
                continue
            of_one_view = not ending.startswith(TTA_SUFFIX)
            accuracy = record.score(name + ending, "accuracy")
            metrics[name + ending] = scores | _again(accuracy, rows, of_one_view, record)
    path = record.file("parquet")
    rewrite_twins(path, answers)
    save_figures(
        record.model_copy(
            update={
                "metrics": metrics,
                "intervals": record.intervals | {n: intervals(a) for n, a in answers.items()},
                "predictions_sha256": sha256_of(path),
            }
        )
    )
    groups = {name: _n_twins(split) for name, split in answers.items()}
    text = ", ".join(f"{name}: {n} images with an earlier twin" for name, n in groups.items())
    return f"{text}; left as they were: {', '.join(kept)}" if kept else text


def _again(accuracy: float, rows: Answers, of_one_view: bool, record: RunRecord) -> Scores:
    """The bounds of the accuracy, and of one view the floor of the calibration error."""
    low, high = wilson_interval(accuracy * rows.n_independent, rows.n_independent)
    again: Scores = {"accuracy_low": low, "accuracy_high": high}
    if of_one_view:
        n_bins = int(record.params.get("evaluate.calibration_bins", N_BINS))
        again["ece_floor"] = calibration_floor(rows.p, n_bins, rows.twins)
    return again


def _numbers(twins: pd.DataFrame) -> dict[int, int]:
    """Image -> the first of its twins in the split, both as records number them."""
    return {
        image_number(image): image_number(first)
        for image, first in zip(twins["source_id"], twins["twin_of"], strict=True)
    }


def _seen(twins: pd.DataFrame) -> dict[str, Numbers]:
    """Split -> the images that have a twin in train."""
    return {
        name: np.array(
            [image_number(image) for image in twins.loc[twins["split"] == name, "source_id"]],
            dtype=np.int64,
        )
        for name in _SPLITS
    }


def _twins(split: Answers, first: dict[int, int]) -> Numbers | None:
    return first_rows(np.array([first.get(int(k), int(k)) for k in split.image], dtype=np.int64))


def _n_twins(split: Answers) -> int:
    return 0 if split.twins is None else int((split.twins != np.arange(len(split.y))).sum())
