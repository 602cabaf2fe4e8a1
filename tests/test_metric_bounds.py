"""Where metrics' rules end: tolerances, ties, rounding, and what twins change."""

import numpy as np
import pytest

from ferflow.evaluation.intervals import wilson_interval
from ferflow.evaluation.metrics import calibration_floor, check_rows, split_metrics


def test_the_lower_bound_of_none_right_is_exactly_0():
    assert {wilson_interval(0, n)[0] for n in range(1, 500)} == {0}
    assert {wilson_interval(n, n)[1] for n in range(1, 500)} == {1}


def test_a_row_may_stray_from_1_by_just_the_tolerance():
    check_rows(np.array([[0.5, 0.75]]), tolerance=0.25)
    with pytest.raises(ValueError, match="sum to 1"):
        check_rows(np.array([[0.5, 0.75]]), tolerance=0.2)


def test_rows_are_summed_in_64_bits():
    """In 16 bits 1 + 2**-12 is 1."""
    with pytest.raises(ValueError, match="sum to 1"):
        check_rows(np.array([[1.0, 2**-12]], dtype=np.float16), tolerance=1e-4)


def test_the_row_that_is_wrong_is_named():
    with pytest.raises(ValueError, match="in row 1"):
        check_rows(np.array([[0.5, 0.5], [np.nan, 1.0]]))


def test_ties_of_many_classes_go_by_label_order():
    labels = [f"class {k}" for k in range(40)]
    p = np.repeat([0.0, 0.05], 20)[np.newaxis]
    for k in range(40):
        assert split_metrics(np.array([k]), p, labels)["top2_accuracy"] == (k in (20, 21))


def test_the_calibration_floor_is_computed_in_64_bits():
    p = np.array([[0.7, 0.3], [0.9, 0.1], [0.6, 0.4]], dtype=np.float32)
    assert calibration_floor(p) == calibration_floor(p.astype(np.float64))


def test_twins_raise_the_calibration_floor():
    """Two images of one photograph are right or wrong together: the deviation grows by sqrt(2)."""
    y, p, twins = np.array([0, 0]), np.array([[0.7, 0.3], [0.7, 0.3]]), np.array([4, 4])
    alone = split_metrics(y, p, ["a", "b"])["ece_floor"]
    assert alone == pytest.approx((2 * 0.42 / np.pi) ** 0.5 / 2)
    assert split_metrics(y, p, ["a", "b"], twins=twins)["ece_floor"] == pytest.approx(
        2**0.5 * alone
    )
