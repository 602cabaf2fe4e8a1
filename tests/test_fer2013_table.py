"""The table of FER-2013's images: what it holds, and whom it calls a clear majority."""

import numpy as np
import pytest

from ferflow.fer2013.labels import FER2013_COUNTS, FER2013_LABELS, FERPLUS_COLUMNS
from ferflow.fer2013.table import (
    FILE,
    N_ROWS,
    UNKNOWN,
    USAGES,
    clear_majority,
    load_table,
    shares,
)

TABLE = load_table()
WITH_FILE = TABLE.number != UNKNOWN


def votes(**counts):
    return np.array([[counts.get(name, 0) for name in FERPLUS_COLUMNS]], np.uint8)


def test_the_file_is_small_and_its_entries_are_the_rows_and_the_files_without_one():
    assert FILE.stat().st_size < 1 << 20
    assert (len(TABLE), int(WITH_FILE.sum())) == (N_ROWS + 177, 35_887)
    assert int(WITH_FILE[:N_ROWS].sum()) == 35_710
    assert WITH_FILE[N_ROWS:].all() and (TABLE.row[N_ROWS:] == UNKNOWN).all()


def test_files_have_the_official_counts_and_rows_the_official_order():
    for number, usage in enumerate(USAGES):
        labels = TABLE.label[WITH_FILE & (TABLE.usage == number)]
        assert tuple(np.bincount(labels)) == FER2013_COUNTS[usage]
    starts = [int((TABLE.usage[:N_ROWS] == number).argmax()) for number in range(3)]
    assert starts == [0, 28_709, 32_298] and (np.diff(TABLE.usage[:N_ROWS].astype(int)) >= 0).all()


def test_known_rows_stand_where_they_do_in_fer2013_csv():
    ids, rows = TABLE.source_ids(), TABLE.row_ids()
    assert (ids[0], rows[0]) == ("angry/Training_1426440", "Training_00000")
    assert TABLE.votes[0].tolist() == votes(neutral=4, sadness=1, anger=3, disgust=2)[0].tolist()
    assert TABLE.ferplus_name[[0, 17, 59, 61]].tolist() == [0, -1, -1, 60]
    assert len({name for name in ids if name}) == 35_887
    assert ids[17] == "" and TABLE.label[17] == UNKNOWN and rows[N_ROWS] == ""


def test_hashes_are_known_where_pixels_were_and_twins_are_the_counted_ones():
    assert (TABLE.folder_hash[WITH_FILE] != 0).all() and (TABLE.folder_hash[~WITH_FILE] == 0).all()
    assert np.array_equal(TABLE.csv_hash != 0, WITH_FILE & (TABLE.row != UNKNOWN))
    assert not np.isin(TABLE.csv_hash[TABLE.csv_hash != 0], TABLE.folder_hash).all()
    figures = []
    for twins in (TABLE.csv_twins, TABLE.folder_twins):
        assert (twins[twins] == twins).all() and (twins <= np.arange(len(TABLE))).all()
        seen = np.isin(twins, twins[TABLE.usage == 0])
        figures.append(
            [int((twins != np.arange(len(TABLE))).sum())]
            + [int((seen & WITH_FILE & (TABLE.usage == k)).sum()) for k in (1, 2)]
        )
    assert figures == [[3162, 456, 473], [3148, 452, 469]]


@pytest.mark.parametrize(
    ("counts", "seven", "eight"),
    [
        ({"anger": 4, "neutral": 3, "fear": 3}, "angry", "angry"),
        ({"anger": 4, "neutral": 4}, None, None),
        ({"contempt": 5, "neutral": 4}, None, "contempt"),
        ({"contempt": 4, "neutral": 4}, None, None),
        ({"unknown": 6, "sadness": 4}, None, None),
        ({"NF": 5, "sadness": 4}, None, None),
        ({}, None, None),
    ],
)
def test_a_clear_majority_leads_alone_and_is_a_class(counts, seven, eight):
    names = (*FER2013_LABELS, "contempt", None)  # None: -1
    found = [int(clear_majority(votes(**counts), contempt=c)[0]) for c in (False, True)]
    assert [names[k] for k in found] == [seven, eight]


def test_shares_are_of_the_votes_for_a_class():
    some = votes(anger=3, neutral=1, contempt=4, unknown=2)
    assert shares(some)[0].tolist() == [0.75, 0, 0, 0, 0, 0, 0.25]
    assert shares(some, contempt=True)[0].tolist() == [0.375, 0, 0, 0, 0, 0, 0.125, 0.5]
    assert shares(votes(NF=10)).sum() == 0


def test_the_majority_agrees_with_fer2013_as_often_as_was_measured():
    test = (TABLE.usage == 2) & (TABLE.votes.sum(axis=1) > 0) & WITH_FILE
    clear = clear_majority(TABLE.votes)
    assert int(test.sum()) == 3573
    assert int((test & (clear != UNKNOWN)).sum()) == 3349
    assert int((test & (clear == TABLE.label)).sum()) == 2196
    own = TABLE.votes[test, TABLE.label[test]]
    assert np.mean(own == TABLE.votes[test].max(axis=1)) == pytest.approx(0.643, abs=5e-4)
    joined = (TABLE.votes.sum(axis=1) > 0) & WITH_FILE
    assert np.mean(TABLE.votes[joined, TABLE.label[joined]] == 0) == pytest.approx(0.16, abs=5e-3)
