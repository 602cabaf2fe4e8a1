"""Which test of independence a table gets, and the least p that it can have."""

import numpy as np
import pytest

from ferflow.claims.independence import Independence, expected_counts, independence


def test_expected_counts_by_hand():
    assert expected_counts(np.array([[1, 2], [3, 6]])).tolist() == [[1, 2], [3, 6]]
    assert expected_counts(np.array([[3, 1], [1, 3]])).tolist() == [[2, 2], [2, 2]]


def test_fishers_exact_test_by_hand():
    """Rows 4 and 5, columns 4 and 5: tables weigh 5, 40, 60, 20 and 1 of 126."""
    found = independence(np.array([[3, 1], [1, 4]]))
    assert found == Independence(pytest.approx(26 / 126), "Fisher's exact test", found.least)
    assert found.least == pytest.approx(1 / 126)
    mirrored = independence(np.array([[1, 3], [4, 1]]))  # rows alike, the extreme on the other side
    assert mirrored.p == pytest.approx(26 / 126)
    assert mirrored.least == pytest.approx(1 / 126)


def test_five_expected_images_are_enough_for_chi_square():
    found = independence(np.array([[7, 3], [3, 7]]))  # 5 in every cell; 4 x 2**2 / 5 = 3.2
    assert found == Independence(pytest.approx(0.07363827), "chi-square test", 0.0)
    assert independence(np.array([[7, 3], [3, 6]])).test == "Fisher's exact test"


def test_a_larger_sparse_table_is_permuted_so_many_times():
    assert independence(np.eye(3, dtype=int)) == Independence(
        1.0, "permutation test, 9,999 draws", 1.0
    )


def test_beside_more_than_ten_million_images_a_few_are_not_tested():
    assert independence(np.array([[10**7 - 2, 1], [1, 1]])) is None
