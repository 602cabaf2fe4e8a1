"""Precision and recall of every filter on drawn faces whose defects are known.

Measured on train, where filters act. A duplicate and its twin are interchangeable: which of the
two a filter keeps is a matter of order, so pairs are compared, not rows.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from conftest import FILTERS_OFF

from ferflow.download.drawn.defects import plant_defects
from ferflow.download.sources import draw_data_set
from ferflow.preprocess.filters import Pool, run_filters
from ferflow.preprocess.params import FilterParams


@dataclass(frozen=True)
class Planted:
    pool: Pool
    table: pd.DataFrame

    def removed(self, **switched_on):
        """The ids that a filter takes out."""
        params = FilterParams(**FILTERS_OFF | switched_on)
        alive = np.ones(len(self.pool.y), dtype=bool)
        ((_, rows),) = run_filters(self.pool, alive, params)
        return set(self.pool.source_id[rows].tolist())

    def lines(self, *defects, twin_split=None):
        """The table's lines of some defects in train, by where their twin lies."""
        lines = self.table[self.table["defect"].isin(defects) & (self.table["split"] == "train")]
        return lines if twin_split is None else lines[lines["twin_split"] == twin_split]


@pytest.fixture(scope="module")
def planted():
    splits, table = plant_defects(draw_data_set(2500, seed=3), seed=3)
    return Planted(Pool.of(splits, twin_distance=8), table)


def precision_and_recall(found, truth):
    hits = len(found & truth)
    return hits / len(found), hits / len(truth)


def pairs(lines):
    return {frozenset(pair) for pair in zip(lines["source_id"], lines["twin_of"], strict=True)}


def test_constant_images(planted):
    truth = set(planted.lines("constant")["source_id"])
    assert len(truth) >= 3
    assert planted.removed(drop_constant=True) == truth


def test_low_contrast(planted):
    truth = set(planted.lines("low_contrast", "constant")["source_id"])
    precision, recall = precision_and_recall(planted.removed(min_contrast=15), truth)
    assert recall == 1
    assert precision >= 0.9


def test_exact_duplicates(planted):
    truth = pairs(planted.lines("exact_duplicate", twin_split="train"))
    removed = planted.removed(drop_exact_duplicates=True)
    assert len(truth) > 50
    assert all(removed & pair for pair in truth)
    assert removed <= frozenset().union(*truth)


def test_contradictory_labels(planted):
    truth = pairs(planted.lines("contradictory_label", twin_split="train"))
    removed = planted.removed(drop_contradictory=True)
    assert len(truth) >= 2
    assert frozenset().union(*truth) <= removed
    copies = pairs(planted.lines("exact_duplicate", twin_split="train"))
    assert removed <= frozenset().union(*truth, *copies)  # copies of a pair share its fate


def test_twins_of_val_and_test(planted):
    table = planted.table
    outside = table[(table["split"] != "train") & (table["twin_split"] == "train")]
    removed = planted.removed(drop_twins_of_val_test=True)
    exact = set(outside[outside["defect"] == "exact_duplicate"]["twin_of"])
    near = set(outside[outside["defect"] == "near_duplicate"]["twin_of"])
    assert exact <= removed
    assert len(near & removed) / len(near) >= 0.5
    within = pairs(planted.lines("exact_duplicate", "near_duplicate", twin_split="train"))
    explained = exact | near | set().union(*(pair for pair in within if pair & (exact | near)))
    assert len(removed & explained) / len(removed) >= 0.9


def test_near_duplicates(planted):
    near = pairs(planted.lines("near_duplicate", twin_split="train"))
    exact = pairs(planted.lines("exact_duplicate", twin_split="train"))
    removed = planted.removed(drop_near_duplicates=True)
    assert sum(bool(removed & pair) for pair in near) / len(near) >= 0.5
    assert all(removed & pair for pair in exact)
    assert len(removed & frozenset().union(*near, *exact)) / len(removed) >= 0.9


def test_the_face_cascade_finds_pictures_without_a_face_and_drops_many_faces_too(planted):
    truth = set(planted.lines("non_face", "constant")["source_id"])
    precision, recall = precision_and_recall(planted.removed(drop_without_face=True), truth)
    assert recall >= 0.9
    assert precision < 0.5  # made for faces within larger pictures: see the audit
