"""Curves and areas worked out by hand, ties among them, and how many points are kept."""

import numpy as np
import pandas as pd
import pytest

from ferflow.evaluation.curves import precision_recall_table, ranking_scores, roc_table

AB = ["a", "b"]


def answers(chance_of_b):
    chance = np.asarray(chance_of_b, dtype=float)
    return np.column_stack([1 - chance, chance])


def points(table, label="b"):
    return table[table["class"] == label].iloc[:, 1:].to_numpy().tolist()


def test_curves_and_areas_by_hand():
    # Class b by falling probability: 0.9 yes, 0.6 no, 0.4 yes, 0.1 no.
    y = np.array([1, 1, 0, 0])
    chance_of_b = np.array([0.9, 0.4, 0.6, 0.1])
    p = np.column_stack([1 - chance_of_b, chance_of_b])
    roc = roc_table(y, p, AB, n_points=6)  # grid 0, 1/2, 1, two points each
    b = roc[roc["class"] == "b"]
    assert b["false_positive_rate"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert b["true_positive_rate"].tolist() == [0, 0.5, 0.5, 1, 1]
    curve = precision_recall_table(y, p, AB, n_points=3)
    b = curve[curve["class"] == "b"]
    assert b["recall"].tolist() == [0.5, 1]
    assert b["precision"].tolist() == pytest.approx([1, 2 / 3])
    # Of the four pairs (yes, no) three are in order; precision 1 and 2/3 at the two yeses.
    expected = {"roc_auc": 3 / 4, "average_precision": (1 + 2 / 3) / 2}
    assert ranking_scores(y, p, AB)["b"] == pytest.approx(expected)


def test_curves_leave_out_classes_without_rows():
    y, p = np.array([0, 0, 1]), np.eye(3)[[0, 2, 1]]
    assert list(roc_table(y, p, [*AB, "c"])["class"].unique()) == ["a", "b"]
    assert list(precision_recall_table(y, p, [*AB, "c"])["class"].unique()) == ["a", "b"]
    assert list(ranking_scores(y, p, [*AB, "c"])) == ["a", "b"]


def test_a_tie_of_all_ranks_as_chance():
    """Two of five are of b: one point of each curve, besides the ends."""
    y, p = np.array([1, 1, 0, 0, 0]), answers([0.5] * 5)
    assert ranking_scores(y, p, AB)["b"] == {"roc_auc": 0.5, "average_precision": 0.4}
    assert points(roc_table(y, p, AB)) == [[0, 0], [1, 1]]
    assert points(precision_recall_table(y, p, AB)) == [[1, 0.4]]


def test_a_tied_pair_counts_half():
    """Of the pairs yes and no: 0.9 above both, 0.5 above 0.1, 0.5 beside 0.5: 3.5 of 4."""
    y, p = np.array([1, 1, 0, 0]), answers([0.9, 0.5, 0.5, 0.1])
    found = ranking_scores(y, p, AB)["b"]
    assert found["roc_auc"] == pytest.approx(3.5 / 4)
    assert found["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert points(roc_table(y, p, AB)) == [[0, 0], [0, 0.5], [0.5, 1], [1, 1]]
    assert np.allclose(points(precision_recall_table(y, p, AB)), [[0.5, 1], [1, 2 / 3]])


def test_a_first_answer_that_is_wrong_begins_at_precision_0():
    y, p = np.array([0, 1]), answers([0.9, 0.1])
    assert points(precision_recall_table(y, p, AB)) == [[0, 0], [1, 0.5]]
    assert points(roc_table(y, p, AB)) == [[0, 0], [1, 0], [1, 1]]
    assert ranking_scores(y, p, AB)["b"]["roc_auc"] == 0


@pytest.fixture(scope="module")
def long():
    """A thousand rows whose classes alternate by rising probability: every point is a corner."""
    return np.arange(1000) % 2, answers(np.linspace(0.001, 0.999, 1000)), AB


@pytest.mark.parametrize(("curve", "n"), [(roc_table, 99), (precision_recall_table, 100)])
def test_a_hundred_points_are_kept_unless_told(long, curve, n):
    """Of a ROC curve one fewer: at 1 its last piece has but one end."""
    found = curve(*long)
    pd.testing.assert_frame_equal(found, curve(*long, n_points=100))
    assert found.groupby("class").size().tolist() == [n, n]
    assert len(curve(*long, n_points=98)) == 2 * (n - 2)


def test_the_fewest_points(long):
    """Of an even grid 0 and 1: of a ROC curve both ends of the upright pieces there."""
    y, p, labels = long
    assert points(roc_table(y, p, labels, n_points=4)) == [
        [0, 0],
        [0, 1 / 500],  # the most probable row is of b
        [1, 1],
    ]
    curve = points(precision_recall_table(y, p, labels, n_points=2))
    assert np.allclose(curve, [[1 / 500, 1], [1, 500 / 999]])  # the least probable row is of a
