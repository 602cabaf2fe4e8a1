"""SMOTE on a sample of the rows: what is mixed, that all rows stay, and what the seed decides."""

import numpy as np
import pytest

from ferflow.balance import sampled
from ferflow.balance.params import BalanceParams
from ferflow.balance.resample import balance


@pytest.fixture(params=["features", "images"])
def split(request, make_split):
    """Three classes in mixed order, of six features or of 2x3 pixels."""
    y = np.random.default_rng(5).permutation(np.repeat([0, 1, 2], (120, 25, 60)))
    return make_split(y=y, shape=(6,) if request.param == "features" else (2, 3))


@pytest.mark.parametrize("at_once", [7, 4096])
def test_smote_on_a_sample_mixes_only_rows_of_the_sample(split, monkeypatch, at_once):
    monkeypatch.setattr(sampled, "_NEW_AT_ONCE", at_once)
    params = BalanceParams(method="smote", k_neighbors=1, max_rows=2)  # of a class: one segment
    balanced = balance(split, params, seed=0)
    assert set(balanced.class_counts().values()) == {120}
    assert np.array_equal(balanced.x[: len(split)], split.x)
    assert balanced.x.dtype == split.x.dtype
    for label in (1, 2):
        new = balanced.take(np.arange(len(split), len(balanced)))
        assert set(new.transform) == {"smote"}
        rows = new.x[new.y == label].reshape(-1, 6).astype(float)
        tolerance = 0.51 if split.x.dtype == np.uint8 else 1e-5
        spread = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
        assert spread[0] > 1
        assert spread[1] <= tolerance * np.sqrt(rows.size)
        assert len(np.unique(rows, axis=0)) > len(rows) / 2  # each round draws its own


def test_a_sample_of_all_rows_is_smote(split, same_split):
    whole = balance(split, BalanceParams(method="smote", k_neighbors=3), seed=3)
    some = BalanceParams(method="smote", k_neighbors=3, max_rows=120)
    same_split(balance(split, some, seed=3), whole)


def test_the_seed_draws_the_sample(split, same_split):
    params = BalanceParams(method="smote", k_neighbors=3, max_rows=10)
    first = balance(split, params, seed=1)
    same_split(balance(split, params, seed=1), first)
    assert not np.array_equal(balance(split, params, seed=2).x, first.x)


def test_cleaning_sees_all_rows_after_smote_on_a_sample(split):
    params = BalanceParams(method="smote_tomek", k_neighbors=3, max_rows=10)
    filled = balance(split, params.model_copy(update={"method": "smote"}), seed=1)
    assert len(split) < len(balance(split, params, seed=1)) < len(filled)


def test_a_sample_must_hold_the_neighbours():
    with pytest.raises(ValueError, match=r"max_rows must be above k_neighbors \(3\).*got 3"):
        BalanceParams(method="smote", k_neighbors=3, max_rows=3)
    assert BalanceParams(method="smote", k_neighbors=3).max_rows is None
