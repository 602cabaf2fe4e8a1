"""Records on FER-2013 by FER-2013's labels and by FER+'s, from their stored probabilities."""

from pathlib import Path

import numpy as np
import pytest

from ferflow.core.errors import FerflowError
from ferflow.core.hashing import image_number
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.fer2013.perfect import perfect_score
from ferflow.fer2013.table import N_ROWS, UNKNOWN, clear_majority, load_table
from ferflow.records.compact import Answers
from ferflow.records.compare import compare
from ferflow.records.compare_labels import compare_by_labels
from ferflow.records.ensemble import make_ensemble
from ferflow.records.record import load_records
from ferflow.records.whose_labels import BOTH, DIFFER, FER2013, FERPLUS, TRUTHS, by_labels
from ferflow.report.whose_labels import labels_table
from ferflow.report.write import report_texts

TABLE = load_table()
TEST = np.flatnonzero((TABLE.usage == 2) & (TABLE.label != UNKNOWN))
CLEAR = clear_majority(TABLE.votes)
LABELS = list(FER2013_LABELS)


def answers_of(names, entries, said, labels=LABELS):
    """Answers that say `said` of the table's entries, their images under these names."""
    image = np.array([image_number(names[k]) for k in entries])
    order = np.argsort(image)
    y = np.array([labels.index(LABELS[k]) for k in TABLE.label[entries]])
    p = np.full((len(entries), len(labels)), 0.4 / (len(labels) - 1))
    p[np.arange(len(entries)), said] = 0.6
    return Answers(image[order], y[order], p[order], labels)


@pytest.fixture
def majority():
    """A model that says what most people say, and 'angry' where nothing is said most."""
    said = np.where(CLEAR[TEST] == UNKNOWN, 0, CLEAR[TEST])
    return answers_of(TABLE.source_ids(), TEST, said)


@pytest.fixture
def own():
    """A model that says what FER-2013 says."""
    return answers_of(TABLE.source_ids(), TEST, TABLE.label[TEST])


def accuracies(answers):
    return {
        name: (len(a.y), float((a.p.argmax(axis=1) == a.y).mean()))
        for name, a in by_labels(answers).items()
    }


def test_who_says_what_most_people_say_is_right_by_their_labels(majority, own):
    found = accuracies(majority)
    voted = TEST[TABLE.votes[TEST].sum(axis=1) > 0]
    said = np.where(CLEAR[voted] == UNKNOWN, 0, CLEAR[voted])
    assert found[FER2013] == (3573, np.mean(said == TABLE.label[voted]))
    assert found[FERPLUS] == (3349, 1.0)
    assert found[BOTH] == (2196, 1.0)
    assert found[DIFFER] == (1153, 0.0)
    assert accuracies(own) == {
        FER2013: (3573, 1.0),
        FERPLUS: (3349, 2196 / 3349),
        BOTH: (2196, 1.0),
        DIFFER: (1153, 1.0),
    }


def test_rows_of_fer2013_csv_are_found_as_well(own):
    entries = TEST[TEST < N_ROWS]
    by_row = answers_of(TABLE.row_ids(), entries, TABLE.label[entries])
    assert accuracies(by_row) == accuracies(own)


def test_other_images_and_other_classes_have_no_such_scores(make_answers):
    assert by_labels(make_answers(labels=tuple(LABELS))) == {}
    assert by_labels(make_answers(labels=("anger", "fear"))) == {}


def test_a_system_of_fewer_classes_is_scored_by_votes_for_these():
    kept = ["happy", "sad", "neutral"]
    entries = TEST[np.isin(TABLE.label[TEST], [LABELS.index(name) for name in kept])]
    said = [kept.index(LABELS[k]) for k in TABLE.label[entries]]
    found = accuracies(answers_of(TABLE.source_ids(), entries, said, kept))
    both = CLEAR[entries] == TABLE.label[entries]
    clear = np.isin(CLEAR[entries], [LABELS.index(name) for name in kept])
    assert found[FERPLUS] == (clear.sum(), both.sum() / clear.sum())
    assert found[BOTH] == (both.sum(), 1.0)


def test_the_order_of_two_records_may_depend_on_the_labels(make_record, majority, own):
    a = make_record("mobilenet-aco-rf", answers={"test": own})
    b = make_record("svm", answers={"test": majority})
    found = compare_by_labels([a], [b])
    assert list(found) == ["test"]
    ahead = {
        c.split: next(d.difference for d in c.differences if d.score == "accuracy")
        for c in found["test"]
    }
    assert ahead[FER2013] < -0.3 and ahead[FERPLUS] > 0.3 and ahead[BOTH] == 0
    table = labels_table(load_records())
    assert table is not None and table.header == ["record", *TRUTHS]
    first, second = table.rows
    assert first[:2] == ["`mobilenet-aco-rf`", "1.000 (0.999 to 1.000) of 3,573"]
    assert second[2:4] == ["1.000 (0.999 to 1.000) of 3,349", "1.000 (0.998 to 1.000) of 2,196"]


@pytest.mark.usefixtures("readme")
def test_the_report_has_a_section_where_a_record_is_on_fer2013(make_record, own):
    make_record("svm", answers={"test": own})
    text = report_texts()[Path("reports/papers.md")]
    section = text.split("## Whose labels count")[1]
    assert "would contradict the clear majority on 34 % of these" in section
    assert (
        "| `svm` | 1.000 (0.999 to 1.000) of 3,573 | 0.656 (0.639 to 0.672) of 3,349 |" in section
    )


def test_records_on_other_images_have_no_row(make_record):
    make_record()
    assert labels_table(load_records()) is None


def test_records_by_different_labels_are_two_protocols(make_record, own):
    a = make_record("mobilenet-aco-rf", answers={"test": own})
    about = {"data_set": "FER-2013", "labels": "FER+, clear majority of ten votes"}
    b = make_record("svm", answers={"test": own}, protocol=about)
    for action in (lambda: compare([a], [b]), lambda: make_ensemble([a, b])):
        with pytest.raises(FerflowError, match=r"by the data set's own and svm/seed-0 by FER\+"):
            action()


def test_what_a_perfect_score_would_mean():
    assert perfect_score() == {
        "n": "3,573",
        "in_lead": "64 %",
        "n_clear": "3,349",
        "equal": "66 %",
        "against": "34 %",
    }
