"""Which test of independence a table gets, and the least p that it can have."""

import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency

from ferflow.claims import independence as module
from ferflow.claims.confusion import ConfusionMatrix, _fitted_without, _verdict, read_confusion
from ferflow.claims.independence import (
    LEVEL,
    Independence,
    _permutation,
    _random_tables,
    _tables_without,
    expected_counts,
    independence,
    quasi_independence,
)


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


def test_degrees_of_a_table_that_is_not_square():
    counts = np.array([[10, 20, 30], [30, 20, 10]])
    assert independence(counts).p == pytest.approx(chi2_contingency(counts).pvalue)


def test_a_cell_that_is_left_out_takes_a_degree():
    """2 x 3 has two degrees of freedom, 2 x 2 has one."""
    counts = np.array([[90, 21, 19], [10, 19, 21]])
    expected = _fitted_without(counts, 0, 0)
    rest = ((counts - expected) ** 2 / expected).ravel()[1:].sum()
    found = quasi_independence(counts, (0, 0), expected)
    assert found == Independence(pytest.approx(chi2.sf(rest, 1)), "chi-square test", 0.0)
    assert quasi_independence(counts[:, :2], (0, 0), expected[:, :2]) is None


def test_five_expected_images_are_enough_where_a_cell_is_left_out():
    expected = np.full((3, 3), 5.0)
    found = quasi_independence(np.full((3, 3), 5), (0, 0), expected)
    assert found == Independence(1.0, "chi-square test", 0.0)


def test_the_most_images_of_a_sparse_table(monkeypatch):
    counts = np.array([[9, 0, 0], [0, 9, 0], [0, 1, 9]])
    monkeypatch.setattr(module, "LEVEL", 2)  # any p will do
    for n, tested in ((28, True), (27, False)):
        monkeypatch.setattr(module, "MAX_SPARSE", n)
        assert (independence(counts) is not None) == tested
    for n, tested in ((19, True), (18, False)):  # without the nine images of the cell
        monkeypatch.setattr(module, "MAX_SPARSE", n)
        found = quasi_independence(counts, (0, 0), np.full((3, 3), 2.0))
        assert (found is not None) == tested


@pytest.mark.parametrize(("n", "draws"), [(20, "9,999"), (21, "999")])
def test_more_than_400_cells_are_drawn_more_rarely(n, draws):
    found = independence(np.eye(n, dtype=int))
    assert found == Independence(1.0, f"permutation test, {draws} draws", 1.0)


def test_a_drawn_table_that_is_as_dependent_is_counted(monkeypatch):
    told = []
    monkeypatch.setattr(
        module, "progress", lambda what, *words, **more: told.append((words, more)) or what
    )
    counts, even = np.array([[3, 0], [0, 3]]), np.array([[2, 1], [1, 2]])
    expected = expected_counts(counts)
    drawn = np.stack([counts, even])
    assert _permutation(counts, expected, iter([drawn])) == Independence(
        2 / 3, "permutation test, 2 draws", 2 / 3
    )
    assert _permutation(counts, expected, iter([drawn[1:]])) == Independence(
        1 / 2, "permutation test, none of 1 draws as dependent", 1 / 2
    )
    assert told == 2 * [(("permutation test",), {"unit": "batch"})]


def test_tables_are_drawn_in_batches_and_alike_in_every_run(monkeypatch):
    counts = np.array([[0, 2, 1], [2, 1, 0], [1, 0, 2]])
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    for cells, batches in ((1, [1, 1, 1, 1, 1]), (18, [2, 2, 1]), (10**6, [5])):
        monkeypatch.setattr(module, "_BATCH", cells)
        assert [len(tables) for tables in _random_tables(rows, columns, 5)] == batches
    first, again = (np.concatenate([*_tables_without(counts, (0, 0), 20)]) for _ in range(2))
    assert (first == again).all()
    assert (first.sum(axis=2) == rows).all() and (first.sum(axis=1) == columns).all()
    assert (first[:, 0, 0] == 0).all()


def test_what_a_cell_holds_by_the_others():
    """x = r c / (n - r - c), where there are images in its row, its column and the rest."""
    assert _fitted_without(np.array([[7, 2], [3, 1]]), 0, 0) == pytest.approx(
        np.array([[6, 2], [3, 1]])
    )
    for nothing in ([[5, 0], [3, 5]], [[5, 3], [0, 5]], [[5, 2], [3, 0]]):
        assert _fitted_without(np.array(nothing), 0, 0) is None
    found = read_confusion(ConfusionMatrix(np.array([[5, 0], [0, 5]]), ["a", "b"]))
    assert found.odd_cell == ("a", "a", 5, 0.0)


def test_a_p_at_the_level_is_not_below_it():
    odd, low = ("a", "b", 9, 1.0), Independence(0.0, "x", 0.0)
    level = Independence(LEVEL, "x", 0.0)
    assert _verdict(Independence(LEVEL, "x", LEVEL), odd, None).startswith("Too few images")
    assert _verdict(level, odd, None).startswith("The rows are consistent with")
    assert _verdict(low, odd, level).startswith("But for one cell")
    assert _verdict(low, odd, low).startswith("The rows depend on the label")
