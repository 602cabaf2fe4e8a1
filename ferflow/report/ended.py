"""Whether a recorded training had ended, or was stopped while it still learned.

An unfinished network shows what its system reaches at least, never what it cannot reach.
"""

import math
from collections.abc import Iterable

from ferflow.claims.registry import paper_of
from ferflow.records.record import RunRecord

LAST_PART = 1 / 5  # of the epochs, in which an ended training hardly moves
VAL_GAIN = 0.005  # of accuracy on val
LOSS_FALL = 0.01  # of the training loss, as a share
HALF_LENGTH_GAIN = 0.01  # of accuracy on val, over a run of half the length
ENDS_AT_ZERO = ("cosine", "one_cycle")  # schedules whose learning rate falls to 0

_EPOCHS = "train.network.epochs"
_SCORING = ("evaluate.", "data.path", "seed")  # what does not change a training, or only its draw


def is_unfinished(record: RunRecord, records: Iterable[RunRecord]) -> bool:
    """Whether a training in epochs was still learning when it stopped; False for other fits.

    It had ended if one of these holds:
    - it ran as long as its paper states (paper 3: 25 epochs);
    - its early stopping stopped it;
    - it is not at the majority class, and over the last fifth of its epochs the best accuracy on
      val rose by less than 0.5 points and the training loss fell by 1 % or less;
    - its learning rate falls to 0 at the end, and a run of half its length among `records`, alike
      otherwise, scores less than a point lower on val. Such a schedule flattens every curve, so
      that the rule before says nothing of it.
    """
    epochs = len(record.training.get("epoch", []))
    if not epochs:  # a network's curves are lost, other fits have none
        return record.params.get("train.family") == "network"
    paper = paper_of(record.preset)
    if paper is not None and paper.epochs is not None and epochs >= paper.epochs:
        return False
    wanted = record.params.get(_EPOCHS)
    stopped_early = isinstance(wanted, int) and epochs < wanted
    if stopped_early and record.params.get("train.network.patience") is not None:
        return False
    if record.params.get("train.network.schedule") in ENDS_AT_ZERO:
        return not _gained_little_over_half(record, records, epochs)
    return _at_majority(record) or not _levelled_off(record, epochs)


def _levelled_off(record: RunRecord, epochs: int) -> bool:
    """Whether val and the training loss hardly moved over the last fifth of the epochs."""
    before = epochs - math.ceil(LAST_PART * epochs)
    val = [value for value in record.training.get("val_accuracy", []) if value is not None]
    loss = [value for value in record.training.get("train_loss", []) if value is not None]
    if before < 1 or len(val) < epochs or len(loss) < epochs:
        return False
    gain = max(val) - max(val[:before])
    fall = loss[before - 1] - loss[-1]
    return gain < VAL_GAIN and fall <= LOSS_FALL * loss[before - 1]


def _at_majority(record: RunRecord) -> bool:
    """Whether val's accuracy cannot be told from that of naming its most frequent class."""
    per_class = record.metrics.get("val", {}).get("per_class")
    if not isinstance(per_class, dict):
        return False
    support = [scores.get("support", 0) for scores in per_class.values()]
    if not any(support):
        return False
    return record.score("val", "accuracy_low") <= max(support) / sum(support)


def _gained_little_over_half(record: RunRecord, records: Iterable[RunRecord], epochs: int) -> bool:
    """Whether a recorded run of half the epochs scores less than a point lower on val."""
    halves = {epochs // 2, (epochs + 1) // 2}
    mine = _training_params(record)
    found = [
        other.score("val", "accuracy")
        for other in records
        if other.preset == record.preset
        and not other.mistake
        and len(other.training.get("epoch", [])) in halves
        and _training_params(other) == mine
        and "val" in other.metrics
    ]
    if not found or "val" not in record.metrics:
        return False
    return record.score("val", "accuracy") - max(found) < HALF_LENGTH_GAIN


def _training_params(record: RunRecord) -> dict[str, object]:
    return {
        key: value
        for key, value in record.params.items()
        if key != _EPOCHS and not key.startswith(_SCORING)
    }
