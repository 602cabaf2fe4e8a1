"""Scores and tables against values worked out by hand, and against what must always hold."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from ferflow.evaluation.curves import precision_recall_table, ranking_scores, roc_table
from ferflow.evaluation.intervals import wilson_interval
from ferflow.evaluation.metrics import (
    calibration_floor,
    confusion_table,
    reliability_table,
    split_metrics,
)

pytestmark = pytest.mark.filterwarnings("error")

ABC = ["a", "b", "c"]
EMOTIONS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


def decided(classes: list[int], n_classes: int) -> np.ndarray:
    """Probabilities (n, c) that are 1 for the class decided on."""
    return np.eye(n_classes)[classes]


def random_predictions(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """400 rows of seven classes, right more often than chance."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 7, 400)
    scores = rng.normal(size=(400, 7)) + 1.5 * np.eye(7)[y]
    p = np.exp(scores)
    return y, p / p.sum(axis=1, keepdims=True)


def test_scores_of_two_classes_by_hand():
    # Class a: 2 of 3 found, 2 of 2 calls right. Class b: 1 of 1 found, 1 of 2 calls right.
    scores = split_metrics(np.array([0, 0, 0, 1]), decided([0, 0, 1, 1], 2), ["a", "b"])
    f1_a, f1_b = 4 / 5, 2 / 3  # 2 tp / (2 tp + fp + fn): 4/(4+0+1) and 2/(2+1+0)
    assert scores["n"] == 4
    assert scores["accuracy"] == 3 / 4
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["precision_macro"] == pytest.approx((1 + 1 / 2) / 2)
    assert scores["recall_macro"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["f1_macro"] == pytest.approx((f1_a + f1_b) / 2)
    assert scores["precision_weighted"] == pytest.approx((3 * 1 + 1 * 1 / 2) / 4)
    assert scores["recall_weighted"] == pytest.approx((3 * 2 / 3 + 1 * 1) / 4)
    assert scores["f1_weighted"] == pytest.approx((3 * f1_a + 1 * f1_b) / 4)
    # tp 1, tn 2, fp 1, fn 0: (tp tn - fp fn) / sqrt((tp+fp)(tp+fn)(tn+fp)(tn+fn))
    assert scores["mcc"] == pytest.approx(2 / math.sqrt(2 * 1 * 3 * 2))
    assert scores["one_vs_rest_accuracy"] == pytest.approx(3 / 4)
    names = ("precision", "recall", "f1", "support")
    a, b = (1, 2 / 3, f1_a, 3), (1 / 2, 1, f1_b, 1)
    assert scores["per_class"]["a"] == pytest.approx(dict(zip(names, a, strict=True)))
    assert scores["per_class"]["b"] == pytest.approx(dict(zip(names, b, strict=True)))


def test_one_vs_rest_accuracy_by_hand():
    # Truth a b c, decided a c c. Is it a: 3 of 3 right; is it b: 2 of 3; is it c: 2 of 3.
    scores = split_metrics(np.array([0, 1, 2]), decided([0, 2, 2], 3), ABC)
    assert scores["one_vs_rest_accuracy"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)


def test_log_loss_is_the_mean_of_minus_ln_of_the_true_class():
    p = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    loss = split_metrics(np.array([0, 2]), p, ABC)["log_loss"]
    assert loss == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_a_probability_of_zero_costs_36_nats_not_infinity():
    loss = split_metrics(np.array([0]), decided([1], 2), ["a", "b"])["log_loss"]
    assert loss == pytest.approx(52 * math.log(2))  # the floor is 2 ** -52


@pytest.mark.parametrize(
    ("n_correct", "n", "low", "high"),
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_against_published_values(n_correct, n, low, high):
    assert wilson_interval(n_correct, n) == pytest.approx((low, high), abs=5e-5)


def test_calibration_by_hand():
    # Five bins. (0.4, 0.6]: 0.6, right. (0.6, 0.8]: 0.7 right, 0.8 wrong. (0.8, 1]: 0.9, right.
    # 0.6 and 0.8 lie on an edge and belong to the bin below it.
    p = np.array([[0.6, 0.4], [0.7, 0.3], [0.8, 0.2], [0.9, 0.1]])
    y = np.array([0, 0, 1, 0])
    table = reliability_table(y, p, 5)
    assert table["n"].tolist() == [0, 0, 1, 2, 1]
    assert table["confidence_low"].tolist() == [0, 0.2, 0.4, 0.6, 0.8]
    assert table["confidence_high"].tolist() == [0.2, 0.4, 0.6, 0.8, 1]
    np.testing.assert_allclose(table["confidence"], [np.nan, np.nan, 0.6, 0.75, 0.9])
    np.testing.assert_allclose(table["accuracy"], [np.nan, np.nan, 1, 0.5, 1])
    # Gaps 0.4 (one row), 0.25 (two rows), 0.1 (one row), over four rows.
    expected = (1 * 0.4 + 2 * 0.25 + 1 * 0.1) / 4
    assert split_metrics(y, p, ["a", "b"], n_bins=5)["ece"] == pytest.approx(expected)
    # In one bin the mean confidence 0.75 meets the accuracy 3 / 4.
    assert split_metrics(y, p, ["a", "b"], n_bins=1)["ece"] == pytest.approx(0, abs=1e-12)


def test_confusion_by_hand():
    # Truth a a b, decided a c b; nothing is truly c.
    table = confusion_table(np.array([0, 0, 1]), decided([0, 2, 1], 3), ABC)
    assert list(table.columns) == ["actual", "predicted", "count", "share"]
    assert table["actual"].tolist() == list("aaabbbccc")
    assert table["predicted"].tolist() == list("abcabcabc")
    assert table["count"].tolist() == [1, 0, 1, 0, 1, 0, 0, 0, 0]
    assert table["share"].tolist() == [0.5, 0, 0.5, 0, 1, 0, 0, 0, 0]


def test_ties_go_to_the_first_class_in_label_order():
    p = np.array([[0.4, 0.4, 0.2]] * 2)
    assert confusion_table(np.array([0, 1]), p, ABC)["predicted"][0] == "a"
    assert split_metrics(np.array([0, 1]), p, ABC)["accuracy"] == 0.5  # both decided as a


def test_ties_for_the_second_place_go_to_the_first_class_in_label_order():
    p = np.array([[0.5, 0.25, 0.25]] * 3)  # the two choices are a and b
    assert split_metrics(np.array([0, 1, 2]), p, ABC)["top2_accuracy"] == pytest.approx(2 / 3)
    even = np.full((3, 3), 1 / 3)
    assert split_metrics(np.array([0, 1, 2]), even, ABC)["top2_accuracy"] == pytest.approx(2 / 3)


def test_a_class_without_support_counts_in_macro_averages_only():
    # Truth a a b, decided a c b: recalls 1/2, 1, and 0 for c, which no row belongs to.
    scores = split_metrics(np.array([0, 0, 1]), decided([0, 2, 1], 3), ABC)
    assert scores["per_class"]["c"] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}
    assert scores["recall_macro"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert scores["balanced_accuracy"] == pytest.approx((1 / 2 + 1) / 2)
    assert scores["recall_weighted"] == pytest.approx((2 * 1 / 2 + 1 * 1) / 3)


def test_one_class_only_gives_scores_and_empty_curves():
    y, p = np.array([0, 0]), decided([0, 0], 2)
    scores = split_metrics(y, p, ["a", "b"])
    assert (scores["accuracy"], scores["mcc"], scores["balanced_accuracy"]) == (1, 0, 1)
    assert roc_table(y, p, ["a", "b"]).empty
    assert list(precision_recall_table(y, p, ["a", "b"]).columns) == [
        "class",
        "recall",
        "precision",
    ]
    assert ranking_scores(y, p, ["a", "b"]) == {}


@pytest.mark.parametrize("seed", range(5))
def test_scores_agree_with_scikit_learn(seed):
    y, p = random_predictions(seed)
    predicted = p.argmax(axis=1)
    scores = split_metrics(y, p, EMOTIONS)
    for name, expected in {
        "accuracy": sklearn_metrics.accuracy_score(y, predicted),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(y, predicted),
        "precision_macro": sklearn_metrics.precision_score(y, predicted, average="macro"),
        "recall_weighted": sklearn_metrics.recall_score(y, predicted, average="weighted"),
        "f1_macro": sklearn_metrics.f1_score(y, predicted, average="macro"),
        "f1_weighted": sklearn_metrics.f1_score(y, predicted, average="weighted"),
        "log_loss": sklearn_metrics.log_loss(y, p),
        "top2_accuracy": sklearn_metrics.top_k_accuracy_score(y, p, k=2),
    }.items():
        assert scores[name] == pytest.approx(expected, rel=1e-12), name


@pytest.mark.parametrize("seed", range(5))
def test_what_always_holds(seed):
    y, p = random_predictions(seed)
    scores = split_metrics(y, p, EMOTIONS)
    accuracy = scores["accuracy"]
    assert scores["one_vs_rest_accuracy"] == pytest.approx(1 - 2 * (1 - accuracy) / 7)
    assert scores["recall_weighted"] == pytest.approx(accuracy)
    bounds = (scores["accuracy_low"], scores["accuracy_high"])
    assert bounds == wilson_interval(round(400 * accuracy), 400)
    assert 0 <= bounds[0] < accuracy < bounds[1] <= 1
    assert accuracy <= scores["top2_accuracy"] <= 1
    assert 0 <= scores["ece"] <= 1
    assert sum(row["support"] for row in scores["per_class"].values()) == scores["n"] == 400
    shuffled = np.random.default_rng(seed).permutation(400)
    again = split_metrics(y[shuffled], p[shuffled], EMOTIONS)
    assert again["per_class"] == scores["per_class"]
    assert again["ece"] == pytest.approx(scores["ece"])


@pytest.mark.parametrize("seed", range(5))
def test_tables_always_hold_together(seed):
    y, p = random_predictions(seed)
    table = confusion_table(y, p, EMOTIONS)
    assert len(table) == 49
    assert table["count"].sum() == 400
    assert table.groupby("actual")["share"].sum().to_numpy() == pytest.approx(np.ones(7))
    assert reliability_table(y, p)["n"].sum() == 400
    roc = roc_table(y, p, EMOTIONS, n_points=20)
    for _, curve in roc.groupby("class"):
        assert len(curve) <= 20
        points = curve[["false_positive_rate", "true_positive_rate"]].to_numpy()
        assert points[0].tolist() == [0, 0]
        assert points[-1].tolist() == [1, 1]
        assert (np.diff(points, axis=0) >= 0).all()
    for _, curve in precision_recall_table(y, p, EMOTIONS, n_points=20).groupby("class"):
        assert len(curve) <= 20
        assert curve["recall"].is_monotonic_increasing
        assert curve["recall"].iloc[-1] == 1
        assert curve["precision"].between(0, 1).all()


@pytest.mark.parametrize(("n_points", "tolerance"), [(2000, 1e-12), (100, 2e-3)])
def test_the_area_under_a_thinned_curve_is_nearly_the_area(n_points, tolerance):
    y, p = random_predictions(0)
    scores = ranking_scores(y, p, EMOTIONS)
    for name, curve in roc_table(y, p, EMOTIONS, n_points=n_points).groupby("class"):
        area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
        assert area == pytest.approx(scores[name]["roc_auc"], abs=tolerance)


def test_scores_are_plain_json_values():
    scores = split_metrics(*random_predictions(0), EMOTIONS)
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    flat = [*scores.values(), *(v for row in scores["per_class"].values() for v in row.values())]
    assert {type(value) for value in flat} == {int, float, dict}
    assert type(scores["n"]) is type(scores["per_class"]["sad"]["support"]) is int


GOOD_Y = np.array([0, 1])
GOOD_P = np.array([[0.6, 0.4], [0.3, 0.7]])


@pytest.mark.parametrize(
    ("y", "p", "labels", "message"),
    [
        (np.array([], int), np.empty((0, 2)), ["a", "b"], r"non-empty.*\(0,\)"),
        (GOOD_Y[:, None], GOOD_P, ["a", "b"], r"got int64 \(2, 1\)"),
        (GOOD_Y.astype(float), GOOD_P, ["a", "b"], "got float64"),
        (GOOD_Y.astype(bool), GOOD_P, ["a", "b"], "got bool"),
        (GOOD_Y, GOOD_P[:1], ["a", "b"], r"\(2, 2 labels\); got float64 \(1, 2\)"),
        (GOOD_Y, GOOD_P[0], ["a", "b"], r"got float64 \(2,\)"),
        (GOOD_Y, GOOD_P, ABC, r"3 labels\); got float64 \(2, 2\)"),
        (GOOD_Y, GOOD_P.astype(str), ["a", "b"], r"got <U"),
        (GOOD_Y, GOOD_P, ["a", "a"], r"different names; got \['a', 'a'\]"),
        (GOOD_Y, np.ones((2, 1)), ["a"], "at least two"),
        (np.array([0, 2]), GOOD_P, ["a", "b"], r"0\.\.1; got 0\.\.2"),
        (np.array([-1, 1]), GOOD_P, ["a", "b"], r"got -1\.\.1"),
        (GOOD_Y, np.array([[0.6, 0.4], [0.3, 0.71]]), ["a", "b"], r"0\.71\] in row 1"),
        (GOOD_Y, np.array([[0.6, np.nan], [0.3, 0.7]]), ["a", "b"], r"nan\] in row 0"),
        (GOOD_Y, np.array([[np.inf, -np.inf], [0.3, 0.7]]), ["a", "b"], "inf"),
        (GOOD_Y, np.array([[0.6, 0.4], [1.5, -0.5]]), ["a", "b"], r"-0\.5\] in row 1"),
    ],
)
def test_wrong_input_is_refused_by_name(y, p, labels, message):
    curves = (roc_table, precision_recall_table, ranking_scores)
    for function in (split_metrics, confusion_table, *curves):
        with pytest.raises(ValueError, match=message):
            function(y, p, labels)


def test_the_reliability_table_refuses_wrong_input_too():
    with pytest.raises(ValueError, match=r"shape \(2, number of labels\); got float64 \(2,\)"):
        reliability_table(GOOD_Y, GOOD_P[0])
    with pytest.raises(ValueError, match="in row 0"):
        reliability_table(GOOD_Y, 2 * GOOD_P)
    with pytest.raises(ValueError, match="n_bins must be at least 1; got 0"):
        reliability_table(GOOD_Y, GOOD_P, 0)


def test_sums_within_the_tolerance_are_accepted():
    off = GOOD_P + np.array([[5e-7, 0], [0, -5e-7]])
    assert split_metrics(GOOD_Y, off, ["a", "b"])["accuracy"] == 1
    assert split_metrics(GOOD_Y, GOOD_P.astype(np.float32), ["a", "b"])["accuracy"] == 1


def test_other_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match="n_points must be at least 4; got 3"):
        roc_table(GOOD_Y, GOOD_P, ["a", "b"], n_points=3)
    with pytest.raises(ValueError, match="n_points must be at least 2; got 1"):
        precision_recall_table(GOOD_Y, GOOD_P, ["a", "b"], n_points=1)
    for n_correct, n in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match=f"got {n_correct} of {n}"):
            wilson_interval(n_correct, n)


def test_calibration_has_fifteen_bins_unless_told():
    """0.62 and 0.65 share the bin (9/15, 10/15]; of 14 or 16 bins each would have its own."""
    y, p = np.array([0, 1]), np.array([[0.62, 0.38], [0.65, 0.35]])
    scores = split_metrics(y, p, ["a", "b"])
    assert scores["ece"] == pytest.approx(0.635 - 0.5)
    floor = math.sqrt(2 * (0.62 * 0.38 + 0.65 * 0.35) / math.pi) / 2
    assert scores["ece_floor"] == pytest.approx(floor)
    assert calibration_floor(p) == pytest.approx(floor)
    assert len(reliability_table(y, p)) == 15


@pytest.mark.parametrize(("y", "right"), [(0, True), (1, False)])
def test_one_image(y, right):
    scores = split_metrics(np.array([y]), np.array([[0.8, 0.2]]), ["a", "b"])
    bound = 1 / (1 + 1.959963984540054**2)  # Wilson's at 1 of 1, and mirrored at 0 of 1
    low, high = (bound, 1.0) if right else (0.0, 1 - bound)
    assert (scores["n"], scores["accuracy"], scores["mcc"]) == (1, float(right), 0.0)
    assert (scores["accuracy_low"], scores["accuracy_high"]) == pytest.approx((low, high))
    assert (low if not right else high) in (scores["accuracy_low"], scores["accuracy_high"])
    assert scores["ece"] == pytest.approx(0.2 if right else 0.8)
    assert scores["balanced_accuracy"] == float(right)
    assert scores["f1_macro"] == (0.5 if right else 0.0)
    assert scores["precision_weighted"] == scores["f1_weighted"] == float(right)
    assert scores["one_vs_rest_accuracy"] == float(right)
    assert scores["top2_accuracy"] == 1


def test_wilson_interval_of_another_confidence():
    """15 of 148 at z = 2.5758, worked out from Wilson's formula."""
    found = wilson_interval(15, 148, confidence=0.99)
    assert found == pytest.approx((0.05364487, 0.18326735), abs=1e-8)


def test_a_probability_beyond_one_by_rounding_costs_nothing():
    assert split_metrics(np.array([0]), np.array([[1 + 5e-7, 0]]), ["a", "b"])["log_loss"] == 0


def test_whole_numbers_of_any_kind_are_taken():
    y = np.array([0, 1], np.uint8)
    assert split_metrics(y, np.eye(2, dtype=int), ["a", "b"])["log_loss"] == 0


def test_refusals_in_full():
    told = {
        "y must be a non-empty 1-d integer array; got float64 (2,)": ([0.0, 1.0], GOOD_P, "ab"),
        "labels must be at least two different names; got ['a']": ([0, 1], np.ones((2, 1)), "a"),
        "p must be floats of shape (2, 2 labels); got float64 (1, 2)": ([0, 1], GOOD_P[:1], "ab"),
        "y must lie in 0..1; got 0..2": ([0, 2], GOOD_P, "ab"),
        "each row of p must be finite, not negative and sum to 1 (within 1e-06); got "
        "[0.3, 0.700002] in row 1": ([0, 1], np.array([[0.6, 0.4], [0.3, 0.700002]]), "ab"),
    }
    for message, (y, p, labels) in told.items():
        with pytest.raises(ValueError, match="got") as error:
            split_metrics(np.array(y), p, list(labels))
        assert str(error.value) == message
