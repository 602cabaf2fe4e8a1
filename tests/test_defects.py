"""Planted defects: as many as said, what they are said to be, and nothing else."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest

from ferflow.core.split import SPLITS
from ferflow.download.drawn.blemishes import MOST_CONTRAST
from ferflow.download.drawn.defects import (
    COLUMNS,
    KEPT_CLEAN,
    KINDS,
    LEAST,
    PLAN,
    no_defects,
    plant_defects,
)
from ferflow.download.sources import draw_data_set

COPIES = ["exact_duplicate", "near_duplicate", "contradictory_label"]


@pytest.fixture(scope="module")
def faces():
    return draw_data_set(200, seed=4)


@pytest.fixture(scope="module", params=[1, 8], ids=["smallest", "larger"])
def planted(request, faces):
    """(drawn, planted, table) of the smallest set and of a larger one."""
    drawn = {name: repeat(split, request.param) for name, split in faces.items()}
    return drawn, *plant_defects(drawn, seed=4)


def repeat(split, times):
    """Every face so many times, with grain of its own: far sooner than drawing as many."""
    many = split.take(np.tile(np.arange(len(split)), times))
    grain = np.random.default_rng(0).integers(0, 4, many.x.shape, dtype=np.uint8)
    names = np.array([f"{name}_{i}" for i, name in enumerate(many.source_id)])
    return replace(many, x=many.x // 2 + 60 + grain, source_id=names)


def row_of(splits, split, source_id):
    (row,) = np.flatnonzero(splits[split].source_id == source_id)
    return int(row)


def images(splits, table):
    """The listed images, as they are now."""
    rows = zip(table["split"], table["source_id"], strict=True)
    return np.stack([splits[split].x[row_of(splits, split, name)] for split, name in rows])


def twins(splits, table):
    """The images that the listed ones were copied from, as they are now."""
    names = {"split": table["twin_split"], "source_id": table["twin_of"]}
    return images(splits, pd.DataFrame(names))


def labels(splits, table, split="split", name="source_id"):
    rows = zip(table[split], table[name], strict=True)
    return np.array([splits[s].y[row_of(splits, s, i)] for s, i in rows])


def contrast(pictures):
    return pictures.std(axis=(1, 2))


def test_rows_labels_and_ids_stay(planted):
    drawn, now, _ = planted
    for name in SPLITS:
        for words in ("y", "source_id", "transform"):
            assert np.array_equal(getattr(now[name], words), getattr(drawn[name], words))
        assert now[name].meta["data_set"] == "synthetic faces with planted defects"


def test_the_images_that_changed_are_exactly_those_in_the_table(planted):
    drawn, now, table = planted
    for name in SPLITS:
        changed = (now[name].x != drawn[name].x).any(axis=(1, 2))
        listed = table.loc[table["split"] == name, "source_id"]
        assert set(now[name].source_id[changed]) == set(listed)


def test_every_defect_is_there_as_often_as_in_fer2013(planted):
    drawn, _, table = planted
    n_images = sum(map(len, drawn.values()))
    single = table[~table.duplicated(["split", "source_id"])]  # the defect planted, listed first
    for planting in PLAN:
        found = single[
            (single["defect"] == planting.defect)
            & (single["split"] == planting.split)
            & (single["twin_split"] == (planting.twin_split or ""))
        ]
        expected = max(LEAST[planting.split], round(planting.count * n_images / 35_887))
        assert len(found) == expected, planting
    assert set(table["defect"]) == set(KINDS)


def test_the_plan_adds_up_to_what_was_counted_in_fer2013():
    counts = {name: sum(p.count for p in PLAN if p.defect == name) for name in KINDS}
    assert counts["constant"] == 13
    assert counts["contradictory_label"] == 51 - 1  # without the black images,
    assert counts["exact_duplicate"] + counts["contradictory_label"] == 1780 - 11
    assert counts["near_duplicate"] == 1857 - 1780


def test_no_row_gets_two_defects_and_no_copied_row_gets_any(planted):
    _, _, table = planted
    rows = table.groupby(["split", "source_id"])["defect"].agg(set)
    assert all(len(few) == 1 or few == {"contradictory_label", "exact_duplicate"} for few in rows)
    assert not set(table["twin_of"]) & set(table["source_id"])


def test_each_class_keeps_clean_rows(planted):
    _, now, table = planted
    touched = set(table["source_id"]) | set(table["twin_of"])
    for name, least in KEPT_CLEAN.items():
        clean = now[name].take(~np.isin(now[name].source_id, list(touched)))
        assert min(clean.class_counts().values()) >= least


def test_constant_images_have_one_grey_level_and_each_another(planted):
    _, now, table = planted
    found = images(now, table[table["defect"] == "constant"])
    assert np.ptp(found, axis=(1, 2)).max() == 0
    assert len(set(found[:, 0, 0])) == len(found)


def test_equal_images_are_exactly_the_pairs_in_the_table(planted):
    _, now, table = planted
    found = table[table["defect"] == "exact_duplicate"]
    assert np.array_equal(images(now, found), twins(now, found))
    groups = {}
    for name, split in now.items():
        for image, source in zip(split.x, split.source_id, strict=True):
            groups.setdefault(image.tobytes(), set()).add((name, str(source)))
    equal = {place for places in groups.values() if len(places) > 1 for place in places}
    listed = set(zip(found["split"], found["source_id"], strict=True))
    listed |= set(zip(found["twin_split"], found["twin_of"], strict=True))
    assert equal == listed


def test_only_contradictory_copies_have_another_label_than_their_twin(planted):
    _, now, table = planted
    found = table[table["defect"].isin(COPIES)]
    differ = labels(now, found) != labels(now, found, "twin_split", "twin_of")
    contradictory = table.loc[table["defect"] == "contradictory_label", "source_id"]
    assert set(found["source_id"][differ]) == set(contradictory)


def test_some_groups_of_equal_images_hold_three(planted):
    _, _, table = planted
    exact = table[table["defect"] == "exact_duplicate"]
    within = exact[exact["twin_split"] == exact["split"]]
    assert within["twin_of"].value_counts().max() == 2


def test_near_duplicates_differ_a_little_in_three_ways(planted):
    _, now, table = planted
    found = table[table["defect"] == "near_duplicate"]
    assert set(found["detail"]) == {"shift", "reencode", "relight"}
    copies, sources = images(now, found), twins(now, found)
    assert (copies != sources).any(axis=(1, 2)).all()
    for copy, source in zip(copies, sources, strict=True):
        small = [cv2.resize(x, (12, 12), interpolation=cv2.INTER_AREA) for x in (copy, source)]
        assert np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1] > 0.9


def test_low_contrast_is_below_what_any_drawn_face_has(planted, faces):
    _, now, table = planted
    found = contrast(images(now, table[table["defect"] == "low_contrast"]))
    assert found.min() > 0 and found.max() < MOST_CONTRAST + 1
    assert min(contrast(split.x).min() for split in faces.values()) > MOST_CONTRAST + 1


def test_pictures_without_a_face_have_contrast_and_nothing_of_the_face(planted):
    drawn, now, table = planted
    found = table[table["defect"] == "non_face"]
    assert set(found["detail"]) == {"texture", "text", "gradient"}
    pictures, before = images(now, found), images(drawn, found)
    assert contrast(pictures).min() > MOST_CONTRAST + 1
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(pictures, before, strict=True)]
    assert abs(np.mean(alike)) < 0.3


def test_an_occlusion_hides_a_good_part_of_the_face_and_leaves_the_rest(planted):
    drawn, now, table = planted
    found = table[table["defect"] == "occluded"]
    assert set(found["detail"]) == {"eyes", "mouth", "half"}
    hidden = (images(now, found) != images(drawn, found)).mean(axis=(1, 2))
    assert hidden.min() > 0.25 and hidden.max() < 0.7


def test_the_seed_fixes_everything(faces):
    (first, table), (again, same), (_, other) = (plant_defects(faces, seed) for seed in (1, 1, 2))
    assert table.equals(same)
    assert all(np.array_equal(first[name].x, again[name].x) for name in SPLITS)
    assert not table.equals(other)


def test_the_given_splits_are_left_alone(faces):
    before = {name: split.x.copy() for name, split in faces.items()}
    plant_defects(faces, seed=0)
    assert all(np.array_equal(faces[name].x, before[name]) for name in SPLITS)


def test_a_set_without_defects_has_the_same_table_without_lines():
    assert list(no_defects().columns) == COLUMNS
    assert no_defects().empty
