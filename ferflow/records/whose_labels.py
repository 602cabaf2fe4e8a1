"""Records on FER-2013 by other people's labels: nothing is run again.

A record's images are found in the table of FER-2013's images by their numbers, its stored
probabilities are scored by FER-2013's label, by the clear majority of FER+'s ten votes, and by the
former where both agree and where they differ. Only images that FER+ voted on count.
"""

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import FerflowError
from ferflow.core.hashing import image_number
from ferflow.evaluation.protocol import OWN_LABELS
from ferflow.evaluation.without_twins import SUFFIX
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.fer2013.table import UNKNOWN, clear_majority, load_table
from ferflow.records.compact import Answers
from ferflow.records.record import RunRecord

FER2013, FERPLUS = "FER-2013's label", "FER+'s clear majority"
BOTH, DIFFER = "where both agree", "where they differ"
TRUTHS = (FER2013, FERPLUS, BOTH, DIFFER)


def whose_labels(record: RunRecord) -> str:
    """Whose labels a record was scored by, in words."""
    return str(record.protocol.get("labels", OWN_LABELS))


def check_same_labels(records: list[RunRecord]) -> None:
    """Refuse records that were scored by different people's labels: another protocol."""
    for record in records[1:]:
        if whose_labels(record) != whose_labels(records[0]):
            raise FerflowError(
                f"{records[0].name} is scored by {whose_labels(records[0])} and {record.name} by "
                f"{whose_labels(record)}: their scores cannot be compared. Name records with the "
                "same labels."
            )


def by_labels(answers: Answers) -> dict[str, Answers]:
    """Each of TRUTHS -> the answers with that truth, on the images that have it.

    Nothing if no image is FER-2013's, or a class is not one of its seven.
    """
    if not set(answers.labels) <= set(FER2013_LABELS):
        return {}
    table = load_table()
    entries = entries_of(answers.image)
    own = _renumbered(table.label[entries], answers.labels)
    majority = _renumbered(clear_majority(table.votes)[entries], answers.labels)
    voted = (entries != UNKNOWN) & (own != UNKNOWN) & (table.votes[entries].sum(axis=1) > 0)
    found = {
        FER2013: (own, voted),
        FERPLUS: (majority, voted & (majority != UNKNOWN)),
        BOTH: (own, voted & (own == majority)),
        DIFFER: (own, voted & (majority != UNKNOWN) & (own != majority)),
    }
    return {
        name: replace(answers, y=y).take(np.flatnonzero(rows))
        for name, (y, rows) in found.items()
        if rows.any()
    }


def entries_of(image: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) the table's entries of images (n,), UNKNOWN if there is none."""
    numbers, entries = _numbered()
    place = np.searchsorted(numbers, image).clip(max=len(numbers) - 1)
    return np.where(numbers[place] == image, entries[place], UNKNOWN)


def without_known_twins(
    answers: dict[str, Answers], twins: NDArray[np.int64]
) -> dict[str, Answers]:
    """'<split>_without_twins' -> the answers to a split's images without a twin in Training.

    twins : (n,) the group of each of the table's entries, in one of the two editions. A split with
    images that the table does not know is left out.
    """
    trained = np.unique(twins[load_table().usage == 0])
    found = {}
    for split, each in answers.items():
        entries = entries_of(each.image)
        if (entries != UNKNOWN).all():
            found[f"{split}{SUFFIX}"] = each.take(np.flatnonzero(~np.isin(twins[entries], trained)))
    return found


@cache
def _numbered() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers under which records may know the table's images, rising, and their entries."""
    table = load_table()
    names = (table.source_ids(), table.row_ids())
    pairs = [(image_number(name), k) for ids in names for k, name in enumerate(ids) if name]
    found = np.array(sorted(pairs), dtype=np.int64)
    return found[:, 0], found[:, 1]


def _renumbered(y: NDArray[np.integer], labels: list[str]) -> NDArray[np.int64]:
    """Indices into FER2013_LABELS (UNKNOWN: none) as indices into `labels`, UNKNOWN outside."""
    new = [labels.index(name) if name in labels else UNKNOWN for name in FER2013_LABELS]
    return np.asarray(np.array([*new, UNKNOWN])[y], dtype=np.int64)
