"""Records: what is kept of a run in Git, under metrics/papers/<preset>/.

A record is a JSON file and its predictions (see `ferflow.records.compact`). It is dated and does
not go stale by itself. Runs that differ in the seed or the fold alone are a group, with a summary
beside them. A mistake's record holds its figures alone, under the split `mistake`.
"""

import math
import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from scipy.stats import t as student_t

from ferflow.core.errors import DataError, FerflowError
from ferflow.core.files import read_bounded, write_json
from ferflow.core.hashing import sha256_of
from ferflow.core.image_steps import in_units
from ferflow.core.params import Record, nearest
from ferflow.core.paths import METRICS
from ferflow.records.compact import Answers, read_answers, write_answers
from ferflow.records.resampling import SCORES

FOLDER = METRICS / "papers"
ENSEMBLES = "ensembles"  # the folder of records that are not runs
SCORED = "scored"  # the folder of records that are answers of others
SUMMARY = "summary"
SUPERSEDED = "as-of-"  # how the variant of a record begins whose preset has changed since
MISTAKE = "mistake"  # the one "split" of a mistake's record
WORD = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_RESERVED = re.compile(r"(summary|mistake-|seed-|fold-).*|.*-fold-\d+")  # see `RunRecord.stem`

MAX_BYTES = 1 << 20

_NEEDED = {*SCORES, "accuracy_low", "accuracy_high", "n", "one_vs_rest_accuracy"}

Word = Annotated[str, Field(pattern=f"^{WORD.pattern}$")]
Number = Annotated[int, Field(ge=-(2**53), le=2**53)] | float  # what a float holds exactly
Curves = dict[str, list[Number | None]]
Scores = dict[str, Number | dict[str, dict[str, Number]]]
Interval = tuple[float, float]


class RunRecord(Record):
    """What is known of one run, or of an ensemble of them.

    variant : what tells it from the preset as it is: a name, or a hash of the edited parameters.
    fold : which of `n_folds` was the test split; None if the splits are not folds.
    mistake : the mistake with which it was evaluated, on purpose; None for an honest record.
    members : weights of an ensemble's records, by their names.
    metrics : split (and 'test_without_twins') -> scores. intervals : split -> score -> 95 %.
    params : dotted key -> value, without places on the machine; steps of augmentation under today's
    names, whatever build made the record. stages : what they say themselves.
    training : column of metrics/plots/training.csv -> its values, None if there is none.
    data, code, run : fingerprints of the images, of the code and of everything together.
    same_code : fingerprints of other code that was seen to make the same bytes.
    costs : stage -> seconds, peak_memory_mb; stages whose run was not timed are absent.
    """

    version: Literal[1] = 1
    preset: Word
    variant: Word | None
    seed: int | None
    date: str
    metrics: dict[str, Scores]
    intervals: dict[str, dict[str, Interval]]
    protocol: dict[str, Any]
    predictions_sha256: str
    fold: int | None = None
    n_folds: Annotated[int, Field(ge=3)] | None = None
    mistake: Word | None = None
    members: dict[str, float] | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    stages: dict[str, dict[str, Any]] = Field(default_factory=dict)
    training: Curves = Field(default_factory=dict)
    data: str | None = None
    code: str | None = None
    same_code: list[str] = Field(default_factory=list)
    run: str | None = None
    commit: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    hardware: dict[str, str | Number] = Field(default_factory=dict)
    costs: dict[str, dict[str, float]] = Field(default_factory=dict)

    @field_validator("metrics")
    @classmethod
    def _whole(cls, metrics: dict[str, Scores]) -> dict[str, Scores]:
        for split, scores in metrics.items():
            numbers = {name for name, value in scores.items() if not isinstance(value, dict)}
            if lacking := _NEEDED - numbers:
                raise ValueError(f"{split} lacks the score {min(lacking)}")
        return metrics

    @field_validator("params")
    @classmethod
    def _in_units(cls, params: dict[str, Any]) -> dict[str, Any]:
        return in_units(params)

    @field_validator("training")
    @classmethod
    def _even(cls, training: Curves) -> Curves:
        if len({len(values) for values in training.values()}) > 1:
            raise ValueError("its columns differ in length")
        return training

    @field_validator("costs")
    @classmethod
    def _timed(cls, costs: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        if not all("seconds" in cost for cost in costs.values()):
            raise ValueError("a stage's cost lacks its seconds")
        return costs

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        seed = None if self.seed is None else f"seed-{self.seed}"
        fold = None if self.fold is None else f"fold-{self.fold}"
        mistake = f"mistake-{self.mistake}" if self.mistake else None
        return "-".join(word for word in (mistake, seed, self.variant, fold) if word)

    @property
    def name(self) -> str:
        """What the commands call it: preset/stem."""
        return f"{self.preset}/{self.stem}"

    @property
    def group(self) -> tuple[str, str, str]:
        """What it shares with the same run of another seed or fold; preset, mistake, variant."""
        return self.preset, self.mistake or "", self.variant or ""

    @property
    def is_superseded(self) -> bool:
        """Whether its preset has changed since: it is kept, but appears in no table."""
        return (self.variant or "").startswith(SUPERSEDED)

    @property
    def seconds(self) -> float | None:
        """What the run took, or None if no stage of it was timed."""
        return sum(cost["seconds"] for cost in self.costs.values()) if self.costs else None

    def is_of(self, code: str) -> bool:
        """Whether code of this fingerprint made it, or would make the same."""
        return code in (self.code, *self.same_code)

    def score(self, split: str, name: str) -> float:
        """One of a split's scores."""
        value = self.metrics[split][name]
        if isinstance(value, dict):
            raise KeyError(f"{name} is a table of scores")
        return float(value)

    def file(self, ending: str) -> Path:
        """Its file in metrics/papers."""
        return FOLDER / self.preset / f"{self.stem}.{ending}"

    def answers(self) -> dict[str, Answers]:
        """Its predictions; DataError if they are missing or not those that it was saved with."""
        if self.mistake:
            raise FerflowError(
                f"{self.name} is a mistake's record: it has figures but no predictions."
            )
        path = self.file("parquet")
        answers = read_answers(path)
        if sha256_of(path) != self.predictions_sha256:
            raise DataError(f"{path} is not what its record was saved with. Record the run again.")
        return answers


def check_name(name: str) -> None:
    """Refuse a name for a record whose file would be unreadable or taken for another's."""
    if not WORD.fullmatch(name) or _RESERVED.fullmatch(name):
        raise FerflowError(
            "a record's name must be 1 to 60 of a-z, 0-9, '.', '-' and '_', and begin with a "
            "letter or a digit. It must not begin with 'summary', 'mistake-', 'seed-' or 'fold-', "
            f"or end in '-fold-' and a number: other files have such names. Got {name!r}."
        )


def save_record(record: RunRecord, answers: dict[str, Answers], n_bins: int) -> RunRecord:
    """Write a record (its `predictions_sha256` is filled in) and its group's summary."""
    path = record.file("parquet")
    write_answers(path, answers, n_bins)
    return save_figures(record.model_copy(update={"predictions_sha256": sha256_of(path)}))


def save_figures(record: RunRecord) -> RunRecord:
    """Write a record's JSON and its group's summary."""
    write_json(record.file("json"), record.model_dump(mode="json"))
    group = [other for other in load_records() if other.group == record.group]
    if len(group) > 1:
        write_json(summary_file(record), summarise(group))
    return record


def summary_file(record: RunRecord) -> Path:
    """Where the summary of a record's group lies."""
    mistake = f"mistake-{record.mistake}" if record.mistake else None
    words = [word for word in (SUMMARY, mistake, record.variant) if word]
    return FOLDER / record.preset / f"{'-'.join(words)}.json"


def load_records(folder: Path = FOLDER) -> list[RunRecord]:
    """All records in order of preset, mistake, variant, seed and fold; no summaries."""
    paths = [p for p in sorted(folder.glob("*/*.json")) if not p.name.startswith(SUMMARY)]
    records = [read_record(path) for path in paths]
    return sorted(records, key=lambda r: (*r.group, _rank(r.seed), _rank(r.fold)))


def read_record(path: Path) -> RunRecord:
    """The record in a file; DataError if it is missing, too large or not one of ours."""
    try:
        record = RunRecord.model_validate_json(read_bounded(path, MAX_BYTES))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise DataError(f"{path} is not a record: {place} {fault['msg']}.") from None
    if (record.preset, record.stem) != (path.parent.name, path.stem):
        raise DataError(
            f"{path} is the record of {record.name}: it was moved or renamed. Move it back."
        )
    return record


def find_records(reference: str, records: Iterable[RunRecord]) -> list[RunRecord]:
    """A record by its name (preset/seed-0), or a group: preset, or preset/variant.

    Raises FerflowError if there is none, with the nearest name.
    """
    records = list(records)
    preset, _, rest = reference.partition("/")
    found = [r for r in records if r.name == reference]
    found = found or [r for r in records if r.group == (preset, "", rest)]
    if not found:
        legal = sorted({r.name for r in records} | {group_name(r) for r in records})
        raise FerflowError(
            f"there is no record '{reference}'.{nearest(reference, legal)} "
            f"Recorded: {', '.join(legal) or 'nothing yet (ferflow record)'}."
        )
    return found


def summarise(group: list[RunRecord]) -> dict[str, Any]:
    """Mean, standard deviation and 95 % t-interval over seeds or folds, per split and score."""
    splits = [name for name in group[0].metrics if all(name in r.metrics for r in group)]
    return {
        "preset": group[0].preset,
        "variant": group[0].variant,
        "seeds": [record.seed for record in group],
        "folds": [record.fold for record in group] if group[0].n_folds else None,
        "same_code_and_data": _are_alike(group),
        "scores": {
            split: {
                score: over_runs(group, [record.score(split, score) for record in group])
                for score in SCORES
            }
            for split in splits
        },
    }


def _are_alike(group: list[RunRecord]) -> bool:
    """Whether one data set and, as far as was seen, code of one behaviour made all of a group."""
    codes = [{record.code, *record.same_code} for record in group]
    return len({record.data for record in group}) == 1 and bool(set.intersection(*codes))


def over_runs(group: list[RunRecord], values: list[float]) -> dict[str, float | int]:
    """mean, sd (of n - 1) and the bounds of the mean's 95 % t-interval, of two runs or more.

    Seeds are independent: the mean's variance is sd**2 / n. Folds share most of their training
    rows; theirs is sd**2 (1 / n + n_test / n_train), Nadeau and Bengio, Inference for the
    generalization error, Machine Learning 52 (2003). Of k folds, k - 2 train and one tests.
    """
    n, mean, deviation = len(values), fmean(values), stdev(values)
    shared, n_folds = 0.0, group[0].n_folds
    if n_folds and are_folds(group):
        shared = 1 / (n_folds - 2)
    margin = student_t_975(n) * deviation * math.sqrt(1 / n + shared)
    return {"n": n, "mean": mean, "sd": deviation, "low": mean - margin, "high": mean + margin}


def are_folds(group: Iterable[RunRecord]) -> bool:
    """Whether runs differ in their fold."""
    return len({record.fold for record in group}) > 1


def student_t_975(n: int) -> float:
    """Student's 97.5 % quantile for n values."""
    return float(student_t.ppf(0.975, n - 1))


def groups(records: Iterable[RunRecord]) -> list[list[RunRecord]]:
    """Records that differ in seed or fold alone, together; in the order of `load_records`."""
    return [list(group) for _, group in groupby(records, key=lambda record: record.group)]


def _rank(number: int | None) -> int:
    return -1 if number is None else number


def group_name(record: RunRecord) -> str:
    """What the commands call its group: preset, or preset/variant. A mistake has its own name."""
    if record.mistake:
        return record.name
    return f"{record.preset}/{record.variant}" if record.variant else record.preset
