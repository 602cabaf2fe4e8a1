"""The ant colony takes what scikit-learn's selectors take: types, sparse matrices, tables."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse as sp
from sklearn.feature_selection import SelectKBest
from sklearn.tree import DecisionTreeClassifier
from test_aco_sklearn import colony

from ferflow.aco.heuristic import varying_columns


def small_integers():
    """Six columns of 60 rows; 1 and 4 tell three classes apart, but for a row each.

    Their values are further apart than an int8 can count.
    """
    y = np.arange(60) % 3
    x = np.random.default_rng(0).integers(0, 2, (60, 6))
    x[:, [1, 4]] = y[:, None] == [0, 1]
    x[[0, 1], [1, 4]] = 0
    return (x * 200 - 100).astype(np.int8), y


def frame(x):
    return pd.DataFrame(x, columns=[f"f{i}" for i in range(x.shape[1])])


def table(x):
    return pa.table({f"f{i}": x[:, i] for i in range(x.shape[1])})


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.float32])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix, sp.csc_array, frame, table])
def test_it_takes_what_select_k_best_takes(container, dtype):
    x, y = small_integers()
    x = container((x > 0) if dtype is np.bool_ else x.astype(dtype))
    best = SelectKBest(k=2).fit(x, y)
    tree = DecisionTreeClassifier(max_depth=2)
    selector = colony(tree, n_features_to_select=2, cv=3).fit(x, y)
    assert selector.get_support(indices=True).tolist() == [1, 4]
    assert selector.get_feature_names_out().tolist() == best.get_feature_names_out().tolist()
    ours, theirs = (fitted.transform(x) for fitted in (selector, best))
    assert (type(ours), ours.dtype) == (type(theirs), theirs.dtype)
    back, known = (fitted.inverse_transform(ours) for fitted in (selector, best))
    assert type(back) is type(known) and back.shape == (60, 6)
    if container in (frame, table):
        out, known = (fitted.set_output(transform="pandas") for fitted in (selector, best))
        pd.testing.assert_frame_equal(out.transform(x), known.transform(x))


@pytest.mark.parametrize("heuristic", ["mutual_info", "forest"])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_every_heuristic_takes_booleans(heuristic, container):
    x, y = small_integers()
    tree = DecisionTreeClassifier(max_depth=2)
    options = {"n_features_to_select": 2, "cv": 3, "heuristic": heuristic}
    selector = colony(tree, **options).fit(container(x > 0), y)
    assert selector.get_support(indices=True).tolist() == [1, 4]
    assert set(np.argsort(selector.heuristic_)[-2:]) == {1, 4}


def test_a_feature_that_varies_by_more_than_its_type_can_count_is_seen():
    x = np.array([[-100, 5, 0], [100, 5, 1]], dtype=np.int8)
    for kind in (x, sp.csr_matrix(x)):
        assert varying_columns(kind).tolist() == [True, False, True]
    bits = np.array([[True, True, False], [False, True, True]])
    for kind in (bits, sp.csc_array(bits)):
        assert varying_columns(kind).tolist() == [True, False, True]


def test_validation_rows_may_be_a_frame_of_booleans():
    x, y = small_integers()
    bits = frame(x > 0)
    tree = DecisionTreeClassifier(max_depth=2)
    selector = colony(tree, n_features_to_select=2).fit(
        bits[:45], y[:45], X_val=bits[45:], y_val=y[45:]
    )
    assert selector.get_feature_names_out().tolist() == ["f1", "f4"]
    assert selector.best_score_ > 0.9
