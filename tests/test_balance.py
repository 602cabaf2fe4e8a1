"""Class balance: real rows stay, new rows are marked and lie where they should."""

from dataclasses import replace

import numpy as np
import pytest

from ferflow.balance.params import BalanceParams
from ferflow.balance.resample import balance
from ferflow.core.errors import ParamError

SMOTE = BalanceParams(method="smote", k_neighbors=3)
REPEAT = BalanceParams(method="random_oversampling", k_neighbors=3)
COUNTS = (30, 6, 12)


@pytest.fixture
def features(make_split):
    return make_split(y=np.repeat([0, 1, 2], COUNTS), shape=(4,))


@pytest.fixture
def images(make_split):
    """Images whose grey levels all lie in 200 to 255, so that 8 bits overflow in a difference."""
    split = make_split(y=np.repeat([0, 1, 2], COUNTS))
    return replace(split, x=split.x // 5 + 200)


def new_rows(balanced, n_old):
    return balanced.take(np.arange(n_old, len(balanced)))


@pytest.mark.parametrize("params", [SMOTE, REPEAT], ids=["smote", "repeat"])
def test_every_class_gets_the_size_of_the_largest(features, params):
    assert set(balance(features, params, seed=0).class_counts().values()) == {30}


@pytest.mark.parametrize("params", [SMOTE, REPEAT], ids=["smote", "repeat"])
@pytest.mark.parametrize("kind", ["features", "images"])
def test_the_rows_that_came_stay_first_and_unchanged(request, same_split, params, kind):
    split = request.getfixturevalue(kind)
    same_split(balance(split, params, seed=0).take(np.arange(len(split))), split)


def test_none_changes_nothing(features, same_split):
    params = BalanceParams(method="none", k_neighbors=1)
    same_split(balance(features, params, seed=0), features)


def test_synthetic_rows_are_marked_and_have_no_single_source(features):
    added = new_rows(balance(features, SMOTE, seed=0), len(features))
    assert set(added.transform) == {"smote"}
    assert set(added.source_id) == {""}
    assert added.class_counts() == {"angry": 0, "disgust": 24, "fear": 18}


def test_synthetic_rows_lie_on_a_line_between_two_rows_of_their_class(features):
    added = new_rows(balance(features, SMOTE, seed=0), len(features))
    for row, label in zip(added.x, added.y, strict=True):
        parents = features.x[features.y == label]
        to_parents = np.linalg.norm(parents - row, axis=1)
        between = np.linalg.norm(parents[:, None] - parents[None], axis=2)
        detour = to_parents[:, None] + to_parents[None] - between
        np.fill_diagonal(detour, np.inf)
        assert detour.min() < 1e-4


def test_images_do_not_wrap_around(images):
    balanced = balance(images, SMOTE, seed=0)
    added = new_rows(balanced, len(images))
    assert balanced.x.dtype == np.uint8
    assert balanced.x.shape[1:] == (48, 48)
    for label in (1, 2):
        parents = images.x[images.y == label]
        children = added.x[added.y == label]
        assert (children >= parents.min(axis=0)).all()
        assert (children <= parents.max(axis=0)).all()


def test_mixed_grey_levels_are_rounded_not_cut(make_split):
    split = make_split(y=[0] * 400 + [1, 1])
    x = np.full_like(split.x, 10)
    x[400], x[401] = 0, 1  # mixtures of these two round to either, evenly
    mixtures = balance(replace(split, x=x), BalanceParams(method="smote", k_neighbors=1), seed=0)
    assert 0.35 < mixtures.x[402:].mean() < 0.65


def test_each_class_draws_random_numbers_of_its_own(make_split):
    # Two classes of the same shape in different places: with one stream for both, as
    # imbalanced-learn draws when it is given an integer, the new rows would be the same too.
    split = make_split(y=[0] * 40 + [1] * 8 + [2] * 8, shape=(3,))
    x = split.x.copy()
    x[48:] = x[40:48] + 100
    balanced = balance(replace(split, x=x), SMOTE, seed=0)
    added = new_rows(balanced, len(split))
    first, second = added.x[added.y == 1], added.x[added.y == 2] - 100
    assert first.shape == second.shape == (32, 3)
    assert np.isclose(first, second, atol=1e-3).all(axis=1).mean() < 0.2


@pytest.mark.parametrize("params", [SMOTE, REPEAT], ids=["smote", "repeat"])
def test_the_seed_fixes_the_new_rows(features, same_split, params):
    first = balance(features, params, seed=1)
    same_split(balance(features, params, seed=1), first)
    assert not np.array_equal(balance(features, params, seed=2).x, first.x)


@pytest.mark.parametrize("k", [6, 7])
def test_too_few_rows_for_the_neighbours_names_class_and_count(features, k):
    with pytest.raises(ParamError, match=rf"6 x 'disgust'\); got {k}"):
        balance(features, BalanceParams(method="smote", k_neighbors=k), seed=0)


def test_one_neighbour_fewer_than_rows_is_enough(features):
    params = BalanceParams(method="smote", k_neighbors=5)
    assert len(balance(features, params, seed=0)) == 90


def test_a_class_without_any_row_is_left_empty(make_split):
    split = make_split(y=[0] * 9 + [2] * 5, shape=(4,))
    assert balance(split, SMOTE, seed=0).class_counts() == {"angry": 9, "disgust": 0, "fear": 9}


def test_repeated_rows_are_marked_and_keep_values_and_source(features):
    added = new_rows(balance(features, REPEAT, seed=0), len(features))
    assert set(added.transform) == {"repeated"}
    place = {source: i for i, source in enumerate(features.source_id)}
    parents = features.take(np.array([place[source] for source in added.source_id]))
    assert np.array_equal(added.x, parents.x)
    assert np.array_equal(added.y, parents.y)
    assert len(set(added.source_id[added.y == 1])) > 1
