"""Splits: shares and classes as asked, and nobody on two sides."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from ferflow.core.errors import DataError, ParamError
from ferflow.core.split import SPLITS
from ferflow.download.collection import Collection
from ferflow.download.splitting import deal, groups_of, reorder, split_collection

LABELS = ("angry", "disgust", "fear")


@pytest.fixture
def make_collection(make_split):
    """Noise of three uneven classes; every tenth image is there twice.

    With `persons`, every hundredth: enough to tie some of them together, too few to tie all.
    """

    def make(n=600, persons=0, seed=0):
        rng = np.random.default_rng(seed)
        rows = make_split(y=rng.choice(3, n, p=[0.6, 0.1, 0.3]), labels=LABELS, seed=seed)
        step = 100 if persons else 10
        rows.x[1::step] = rows.x[::step]
        group = np.array(
            [f"S{i:03d}" for i in rng.integers(0, persons, n)] if persons else [""] * n
        )
        source_id = np.array([f"image_{i:04d}" for i in range(n)])
        return Collection(replace(rows, group=group, source_id=source_id), np.full(n, ""))

    return make


@pytest.fixture
def split(data_params):
    def run(collection, seed=0, **changes):
        return split_collection(collection, data_params(**changes), seed)

    return run


def sides(splits, key):
    """Value of a column -> the splits in which it stands."""
    found = {}
    for name, split in splits.items():
        for value in key(split):
            found.setdefault(value, set()).add(name)
    return found


def pixels(split):
    return [image.tobytes() for image in split.x]


@pytest.mark.parametrize("rule", [{"split": "fraction"}, {"split": "kfold", "fold": 4}])
@pytest.mark.parametrize("persons", [0, 40])
@pytest.mark.parametrize("seed", range(3))
def test_no_picture_and_no_person_is_on_two_sides(make_collection, split, rule, persons, seed):
    splits = split(make_collection(persons=persons, seed=seed), seed=seed, **rule)
    assert all(len(where) == 1 for where in sides(splits, pixels).values())
    if persons:
        subjects = sides(splits, lambda part: part.group)
        assert len(subjects) == persons
        assert all(len(where) == 1 for where in subjects.values())


@pytest.mark.parametrize("rule", [{"split": "fraction"}, {"split": "kfold"}])
def test_every_row_is_in_one_split_with_its_own_pixels_class_and_person(
    make_collection, split, rule
):
    before = make_collection(persons=60).rows
    splits = split(make_collection(persons=60), **rule)
    rows = [
        row
        for part in splits.values()
        for row in zip(
            part.source_id, pixels(part), part.y, part.group, part.transform, strict=True
        )
    ]
    expected = zip(
        before.source_id, pixels(before), before.y, before.group, before.transform, strict=True
    )
    assert sorted(rows) == sorted(expected)


@pytest.mark.parametrize(("val", "test"), [(0.2, 0.2), (0.1, 0.35), (0.5, 0.05)])
def test_fractions_and_classes_are_as_asked(make_collection, split, val, test):
    splits = split(make_collection(), split="fraction", val_fraction=val, test_fraction=test)
    shares = [(1 - test) * (1 - val), (1 - test) * val, test]
    in_all = Counter()
    for part in splits.values():
        in_all.update(part.class_counts())
    for part, share in zip(splits.values(), shares, strict=True):
        for label, n in part.class_counts().items():
            assert abs(n - share * in_all[label]) <= 2
    assert splits["val"].meta["split"] == (
        f"test is {test:g} of all, val {val:g} of the rest, stratified, twins on one side"
    )


def test_the_folds_tile_the_data_and_val_is_the_next_fold(make_collection, split):
    runs = [split(make_collection(), split="kfold", n_folds=4, fold=fold) for fold in range(4)]
    tests = [set(run["test"].source_id) for run in runs]
    assert sum(map(len, tests)) == len(set.union(*tests)) == 600
    for fold, run in enumerate(runs):
        assert set(run["val"].source_id) == tests[(fold + 1) % 4]
    assert max(map(len, tests)) - min(map(len, tests)) <= 2
    assert runs[3]["train"].meta["split"] == (
        "test is fold 3 of 4, val fold 0, stratified, twins on one side"
    )


def test_the_seed_draws_the_split_and_nothing_else_does(make_collection, split, same_split):
    first, again = (split(make_collection(), split="fraction", seed=3) for _ in range(2))
    other = split(make_collection(), split="fraction", seed=4)
    for name in SPLITS:
        same_split(first[name], again[name])
    assert set(first["test"].source_id) != set(other["test"].source_id)


def test_subjects_are_named_in_the_rule_where_they_are_known(make_collection, split):
    splits = split(make_collection(persons=60), split="fraction")
    assert splits["test"].meta["split"].endswith("twins and subjects on one side")


def test_a_chain_of_twins_and_subjects_is_one_group(make_split):
    rows = replace(make_split(y=[0] * 6), group=np.array(["a", "b", "b", "", "", "c"]))
    rows.x[1] = rows.x[0]  # a and b share a picture, 2 is b's too
    rows.x[4] = rows.x[3]  # twins of unknown persons
    groups = groups_of(rows)
    assert groups[0] == groups[1] == groups[2]
    assert groups[3] == groups[4]
    assert len(set(groups)) == 3


def test_rows_of_unknown_persons_are_not_one_group(make_split):
    assert len(set(groups_of(make_split(y=[0] * 6)))) == 6


@pytest.mark.parametrize("n_groups", [30, 300])
@pytest.mark.parametrize("k", [3, 5])
def test_folds_are_as_even_as_those_of_scikit_learn(n_groups, k):
    rng = np.random.default_rng(n_groups)
    y, groups = rng.choice(3, 900, p=[0.7, 0.1, 0.2]), rng.integers(0, n_groups, 900)
    ours = deal(groups, y, np.full(k, 1 / k), np.random.default_rng(0))
    theirs = np.empty(900, np.int64)
    splitter = StratifiedGroupKFold(k, shuffle=True, random_state=0)
    for fold, (_, rows) in enumerate(splitter.split(y, y, groups)):
        theirs[rows] = fold

    def spread(folds):
        counts = [np.bincount(y[folds == fold], minlength=3) for fold in range(k)]
        return (np.std(counts, axis=0) / np.bincount(y)).mean()

    assert spread(ours) <= 1.2 * spread(theirs) + 0.002


def test_a_class_that_cannot_be_in_every_split_is_named(make_collection, split):
    collection = make_collection(n=60)
    collection.rows.y[:] = 0
    collection.rows.y[:2] = 1  # rows 0 and 1 are twins
    with pytest.raises(DataError, match=r"no image of 'disgust' is left for .* its 2 images"):
        split(collection, split="fraction")


def test_a_class_without_any_image_is_no_obstacle(make_collection, split):
    collection = make_collection()
    collection.rows.y[collection.rows.y == 1] = 0
    assert split(collection, split="kfold")["val"].class_counts()["disgust"] == 0


def test_official_splits_are_left_as_they_are_twins_and_all(make_collection, split):
    collection = make_collection(n=60)
    usage = np.array(["b", "a", "c"] * 20)
    collection = replace(collection, usage=usage, splits={"a": "train", "b": "val", "c": "test"})
    splits = split(collection)
    assert splits["val"].source_id.tolist() == [f"image_{i:04d}" for i in range(0, 60, 3)]
    assert splits["val"].meta["split"] == "official (a, b, c)"


def test_without_official_splits_the_cure_is_named(make_collection, split):
    with pytest.raises(ParamError, match=r"no official splits. Set data\.split to fraction or"):
        split(make_collection())


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 2, 3, 0], [2, 0, 1, 3]])
def test_reordering_in_place_is_indexing(order):
    array = np.arange(8, dtype=np.uint8).reshape(4, 2)
    expected = array[order].copy()
    reorder(array, np.array(order))
    assert np.array_equal(array, expected)


def test_reordering_many_rows_in_place_is_indexing():
    rng = np.random.default_rng(0)
    array, order = rng.integers(0, 256, (500, 3), dtype=np.uint8), rng.permutation(500)
    expected = array[order].copy()
    reorder(array, order)
    assert np.array_equal(array, expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"split": "random"},
        {"val_fraction": 0.0},
        {"test_fraction": 0.6},
        {"n_folds": 2},
        {"fold": -1},
        {"fold": 5, "n_folds": 5},
    ],
    ids=str,
)
def test_impossible_splits_are_refused(data_params, changes):
    with pytest.raises(ValueError, match="|".join(changes)):
        data_params(**changes)
