"""`ferflow rescore`: recorded runs again, from their stored probabilities.

The images that `download` made tell, with each record's own filters, which images are twins and
relatives. Scores of all images and without twins stay as they were measured; their intervals and
the floor of the calibration error are made again, for images of one photograph count once. Scores
without relatives are made from the stored probabilities, which agree with what was measured to
`compact.TOLERANCE`. Of several views there are none: records keep no probabilities of those.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from ferflow.core.errors import FerflowError
from ferflow.core.hashing import image_number, sha256_of
from ferflow.core.paths import RAW
from ferflow.core.pipeline import Pipeline
from ferflow.core.progress import progress
from ferflow.core.split import SPLITS, load_split
from ferflow.evaluation.intervals import wilson_interval
from ferflow.evaluation.metrics import calibration_floor, split_metrics
from ferflow.evaluation.predictions import TTA_SUFFIX
from ferflow.evaluation.without_twins import RELATIVE_KINDS, RELATIVES_SUFFIX, SUFFIX
from ferflow.preprocess.clean import Cleaned, preprocess
from ferflow.preprocess.params import PreprocessParams
from ferflow.records.compact import KEPT_SPLITS, Answers, first_rows, rewrite_twins
from ferflow.records.ensemble import N_BINS
from ferflow.records.record import RunRecord, Scores, load_records, save_figures
from ferflow.records.resampling import intervals

SECTION = "preprocess."

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Ties:
    """Split -> images, as records number them, of one set of filters.

    within : image -> the first of its twins in the split. twins, relatives : the images with one
    in train. n_relatives : split -> kind -> images.
    """

    within: dict[str, dict[int, int]]
    twins: dict[str, Numbers]
    relatives: dict[str, Numbers]
    n_relatives: dict[str, dict[str, int]]


def rescore() -> list[tuple[str, str]]:
    """Score every record of the present data set again; (record, what was done).

    Raises FerflowError if the images are not here.
    """
    pipeline = Pipeline()
    files = {name: RAW / f"{name}.safetensors" for name in SPLITS}
    if "download" not in pipeline.lock or not all(file.exists() for file in files.values()):
        raise FerflowError("the images are not here. Run `dvc repro download` first.")
    splits = {name: load_split(file) for name, file in files.items()}
    data = pipeline.data_fingerprint()

    @cache
    def ties(params: str) -> Ties:
        return _ties(preprocess(splits, PreprocessParams.model_validate_json(params)))

    done = []
    for record in progress(load_records(), "rescoring", unit="record"):
        if record.mistake or record.members:
            continue
        ours = record.data == data
        what = _rescore(record, ties) if ours else "left as it is: of another data set"
        done.append((record.name, what))
    return done


def _rescore(record: RunRecord, ties: Callable[[str], Ties]) -> str:
    own = {
        key.removeprefix(SECTION): value
        for key, value in record.params.items()
        if key.startswith(SECTION)
    }
    try:
        known = ties(PreprocessParams.model_validate(own).model_dump_json())
    except ValidationError as error:
        return f"left as it is: its {SECTION}{error.errors()[0]['loc'][0]} is not of today"
    answers = {
        name: replace(split, twins=_twins(split, known.within[name]))
        for name, split in record.answers().items()
    }
    metrics, kept = dict(record.metrics), list[str]()
    n_bins = int(record.params.get("evaluate.calibration_bins", N_BINS))
    for name, split in answers.items():
        apart = _without(split, known.twins[name])
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
            metrics[name + ending] = scores | _again(accuracy, rows, of_one_view, n_bins)
        wide = _without(split, known.relatives[name])
        if len(wide.y) and "val" not in record.protocol.get("trained_on", ()):
            metrics[name + RELATIVES_SUFFIX] = split_metrics(
                wide.y, wide.p, wide.labels, n_bins=n_bins, twins=wide.twins
            )
    path = record.file("parquet")
    rewrite_twins(path, answers)
    left_out = {name: known.n_relatives[name] for name in answers}
    save_figures(
        record.model_copy(
            update={
                "metrics": metrics,
                "intervals": record.intervals | {n: intervals(a) for n, a in answers.items()},
                "protocol": record.protocol | {"left_out_without_relatives": left_out},
                "predictions_sha256": sha256_of(path),
            }
        )
    )
    text = ", ".join(
        f"{name}: {_n_twins(split)} images with an earlier twin, "
        f"{sum(left_out[name].values())} with a relative in train"
        for name, split in answers.items()
    )
    return f"{text}; left as they were: {', '.join(kept)}" if kept else text


def _again(accuracy: float, rows: Answers, of_one_view: bool, n_bins: int) -> Scores:
    """The bounds of the accuracy, and of one view the floor of the calibration error."""
    low, high = wilson_interval(accuracy * rows.n_independent, rows.n_independent)
    again: Scores = {"accuracy_low": low, "accuracy_high": high}
    if of_one_view:
        again["ece_floor"] = calibration_floor(rows.p, n_bins, rows.twins)
    return again


def _ties(cleaned: Cleaned) -> Ties:
    relatives = cleaned.relatives
    return Ties(
        within={name: _numbers(cleaned.split_twins[name]) for name in KEPT_SPLITS},
        twins={name: _images(cleaned.twins, name) for name in KEPT_SPLITS},
        relatives={name: _images(relatives, name) for name in KEPT_SPLITS},
        n_relatives={
            name: {
                kind: int(((relatives["split"] == name) & (relatives["kind"] == kind)).sum())
                for kind in RELATIVE_KINDS
            }
            for name in KEPT_SPLITS
        },
    )


def _numbers(twins: pd.DataFrame) -> dict[int, int]:
    """Image -> the first of its twins in the split, both as records number them."""
    return {
        image_number(image): image_number(first)
        for image, first in zip(twins["source_id"], twins["twin_of"], strict=True)
    }


def _images(table: pd.DataFrame, split: str) -> Numbers:
    """The images of a split in a table."""
    names: list[Any] = table.loc[table["split"] == split, "source_id"].tolist()
    return np.array([image_number(name) for name in names], dtype=np.int64)


def _without(split: Answers, images: Numbers) -> Answers:
    return split.take(np.flatnonzero(~np.isin(split.image, images)))


def _twins(split: Answers, first: dict[int, int]) -> Numbers | None:
    return first_rows(np.array([first.get(int(k), int(k)) for k in split.image], dtype=np.int64))


def _n_twins(split: Answers) -> int:
    return 0 if split.twins is None else int((split.twins != np.arange(len(split.y))).sum())
