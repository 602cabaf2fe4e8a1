"""Two records, or groups of seeds, on FER-2013 by whose labels: does their order depend on it?"""

from ferflow.records.compact import KEPT_SPLITS
from ferflow.records.compare import Comparison, compare_split
from ferflow.records.record import RunRecord, are_folds
from ferflow.records.whose_labels import TRUTHS, by_labels


def compare_by_labels(a: list[RunRecord], b: list[RunRecord]) -> dict[str, list[Comparison]]:
    """Split -> comparisons by each of TRUTHS.

    The field `split` of a comparison says which. Nothing if a record's images are not
    FER-2013's, or where groups are of folds, whose images differ.
    """
    if are_folds(a) or are_folds(b):
        return {}
    answers = [record.answers() for record in (*a, *b)]
    found = {}
    for split in KEPT_SPLITS:
        judged = [by_labels(each[split]) if split in each else {} for each in answers]
        found[split] = [
            compare_split(
                a, b, by, [each[by] for each in judged[: len(a)]], [e[by] for e in judged[len(a) :]]
            )
            for by in TRUTHS
            if all(by in each for each in judged)
        ]
    return {split: comparisons for split, comparisons in found.items() if comparisons}
