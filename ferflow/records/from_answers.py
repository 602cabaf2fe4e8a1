"""A record of answers that no run of the chain gave: an ensemble's, or other people's."""

from datetime import UTC, datetime
from typing import Any

from ferflow.evaluation.metrics import split_metrics
from ferflow.records.compact import Answers
from ferflow.records.record import RunRecord, save_record
from ferflow.records.resampling import intervals


def record_answers(
    answers: dict[str, Answers],
    n_bins: int,
    *,
    apart: dict[str, Answers] | None = None,
    **about: Any,
) -> RunRecord:
    """Score the answers (split -> answers) and save them as a record.

    n_bins : of the calibration error. apart : parts of them that are scored as well, under names of
    their own, and not kept twice. about : the record's other fields.
    """
    scored = answers | {name: part for name, part in (apart or {}).items() if len(part.y)}
    record = RunRecord(
        seed=None,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        metrics={
            split: split_metrics(a.y, a.p, a.labels, n_bins=n_bins, twins=a.twins)
            for split, a in scored.items()
        },
        intervals={split: intervals(a) for split, a in answers.items()},
        predictions_sha256="",
        **about,
    )
    return save_record(record, answers, n_bins)
