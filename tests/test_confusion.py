"""Printed confusion matrices: read in every form, tested for independence, refused when broken."""

import json

import numpy as np
import pytest
from scipy.stats import chi2

from ferflow.claims.confusion import ConfusionMatrix, p_text, read_confusion, read_matrix
from ferflow.claims.independence import LEVEL, _tables_without, independence, quasi_independence
from ferflow.claims.registry import FOLDER
from ferflow.core.errors import DataError
from ferflow.evaluation.metrics import table_of_counts


def printed(name):
    return read_confusion(read_matrix(FOLDER / f"{name}.csv"))


def matrix(counts):
    return ConfusionMatrix(np.array(counts), [f"class {k}" for k in range(len(counts))])


def write(tmp_path, text, name="matrix.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_paper_2s_test_matrix_is_at_chance():
    found = printed("fernet_test")
    assert found.n == 7178
    assert found.accuracy == pytest.approx(1253 / 7178)
    assert found.agreement == pytest.approx(found.accuracy, abs=1e-3)
    assert abs(found.kappa) < 0.01
    assert found.degrees == 36
    assert chi2.sf(found.chi_square, found.degrees) == pytest.approx(0.55, abs=0.005)
    assert found.p == pytest.approx(0.547, abs=0.015), "disgust expects 0.99 of itself: permuted"
    assert "consistent with predictions that do not depend on the label" in found.verdict
    assert "(permutation test, 9,999 draws, p = 0.55)" in found.verdict


def test_paper_2s_training_matrix_is_at_chance_but_for_one_cell():
    found = printed("fernet_train")
    assert found.p < 1e-30
    assert found.odd_cell[:3] == ("disgust", "surprise", 40)
    assert found.odd_cell[3] == pytest.approx(4.8, abs=0.05)
    assert found.p_without > 0.1
    assert "But for one cell" in found.verdict and "(chi-square test, p = 0.43)" in found.verdict
    assert "(with that cell: chi-square test, p = 1.7e-32)" in found.verdict


def test_paper_5s_matrix_is_the_figure_that_it_claims_and_depends_on_the_label():
    found = printed("littlevgg_test")
    assert round(found.accuracy, 4) == 0.6435
    assert "depend on the label" in found.verdict and "would hardly show" in found.verdict
    assert "(permutation test, none of 9,999 draws as dependent, p = 0.0001)" in found.verdict


def test_the_test_of_independence_keeps_its_level_and_has_power():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 3000)
    decision = np.where(rng.random(3000) < 0.6, y, rng.integers(0, 5, 3000))

    def p_of(guess):
        counts = np.bincount(5 * y + guess, minlength=25).reshape(5, 5)
        return read_confusion(matrix(counts)).p

    shuffled = np.array([p_of(rng.permutation(decision)) for _ in range(200)])
    assert 0.3 < np.median(shuffled) < 0.7
    assert (shuffled < 0.01).mean() < 0.04
    assert p_of(decision) < 1e-100


def test_without_the_odd_cell_an_independent_matrix_fits_exactly():
    counts = np.outer([10, 20, 30], [1, 2, 3])
    counts[0, 2] = 60
    found = read_confusion(matrix(counts))
    assert found.odd_cell == ("class 0", "class 2", 60, pytest.approx(30))
    assert found.p_without == pytest.approx(1)


RARE = [0.45, 0.35, 0.16, 0.04]  # shares of the classes: of 100 images 4, and 0.16 at 4 x 4


def sparse_counts(rng, share_right=0.0):
    """100 images; so many predictions are the label, the others drawn without regard to it."""
    y, guess = rng.choice(4, 100, p=RARE), rng.choice(4, 100, p=RARE)
    guess = np.where(rng.random(100) < share_right, y, guess)
    return np.bincount(4 * y + guess, minlength=16).reshape(4, 4)


def sparse_test(rng, share_right=0.0):
    counts = sparse_counts(rng, share_right)
    return independence(counts[np.ix_(counts.sum(axis=1) > 0, counts.sum(axis=0) > 0)])


def test_sparse_matrices_keep_the_level_and_have_power():
    rng = np.random.default_rng(1)
    found = [sparse_test(rng) for _ in range(400)]
    assert {each.test for each in found} == {"permutation test, 9,999 draws"}
    p = np.array([each.p for each in found])
    assert (p < 0.05).mean() < 0.08 and (p < 0.01).mean() < 0.025  # 2.7 and 3 standard errors
    assert 0.4 < np.median(p) < 0.6
    assert np.mean([sparse_test(rng, 0.5).p < LEVEL for _ in range(40)]) > 0.9


def test_left_out_cells_of_sparse_matrices_keep_the_level_and_have_power(monkeypatch):
    """The cell is chosen beforehand, not by what it holds: then p is to be uniform."""
    monkeypatch.setattr("ferflow.claims.independence._FEW_DRAWS", 199)
    rng = np.random.default_rng(2)

    def p_of(share_right):
        counts = sparse_counts(rng, share_right)
        counts[3, 0] = 0
        rest = counts.sum() - counts[3].sum() - counts[:, 0].sum()
        filled = counts.astype(float)
        filled[3, 0] = counts[3].sum() * counts[:, 0].sum() / rest
        expected = np.outer(filled.sum(axis=1), filled.sum(axis=0)) / filled.sum()
        if not expected.all():
            return None
        found = quasi_independence(counts, (3, 0), expected)
        return found and found.p

    p = np.array([each for each in (p_of(0.0) for _ in range(150)) if each is not None])
    assert len(p) > 100
    assert (p < 0.05).mean() < 0.1 and 0.38 < np.median(p) < 0.62
    assert np.median([p_of(0.5) for _ in range(15)]) < 0.01


def test_tables_with_a_left_out_cell_have_their_probabilities():
    """[[-, 1], [.., ..]] by hand: of the tables with these sums, each has 1 / prod(n_ij!)."""
    counts = np.array([[0, 1, 1], [2, 1, 1]])
    filled = counts.astype(float)
    filled[0, 0] = 2 * 2 / 2
    expected = np.outer(filled.sum(axis=1), filled.sum(axis=0)) / filled.sum()
    # rows 2 and 4, columns 2, 2, 2: the first row is (-, 2, 0), (-, 1, 1) or (-, 0, 2), of weight
    # 1/2 x 1/(2! 0! 2!), 1 x 1/(2! 1! 1!), 1/2 x 1/(2! 2! 0!): 1/8, 1/2, 1/8, in all 3/4.
    extreme = np.array([[0, 2, 0], [2, 0, 2]])
    draws = np.concatenate(list(_tables_without(counts, (0, 0), 3000)))
    assert (draws[:, 0] == [0, 1, 1]).all(axis=1).mean() == pytest.approx(2 / 3, abs=0.03)
    assert (draws == extreme).all(axis=(1, 2)).mean() == pytest.approx(1 / 6, abs=0.02)
    assert quasi_independence(counts, (0, 0), expected) is None, "least p is 1/3: nothing to tell"


@pytest.mark.parametrize(
    ("counts", "least"),
    [
        (np.eye(3, dtype=int), "p = 1 "),
        (2 * np.eye(3, dtype=int), "p = 0.06"),  # 6 of the 90 ways to deal them
        ([[3, 0], [0, 3]], "p = 0.1 "),
        ([[900, 0], [99, 1]], "p = 0.1 "),
        ([[2, 1], [1, 2]], "p = 0.1 "),
    ],
)
def test_too_few_images_are_called_too_few(counts, least):
    found = read_confusion(matrix(counts))
    assert found.verdict.startswith("Too few images to tell")
    assert f"even the most dependent matrix has {least}" in found.verdict


def test_a_perfect_matrix_of_a_few_more_images_is_dependent():
    for counts in (3 * np.eye(3, dtype=int), 5 * np.eye(2, dtype=int)):
        found = read_confusion(matrix(counts))
        assert "The rows depend on the label" in found.verdict
    assert "(Fisher's exact test, p = 0.0079)" in found.verdict  # 2 / binomial(10, 5)


def test_few_images_beside_a_great_many_are_not_tested():
    found = read_confusion(matrix([[10**8, 3, 2], [1, 1, 1], [0, 0, 4]]))
    assert found.p is None
    assert found.verdict == (
        "Cells with next to no images beside a great many: independence cannot be tested."
    )


def test_a_permutation_test_says_the_same_in_every_run():
    counts = sparse_counts(np.random.default_rng(3))
    assert read_confusion(matrix(counts)) == read_confusion(matrix(counts))


@pytest.mark.parametrize("counts", [[[5, 0], [3, 0]], [[0, 0], [3, 4]], [[5, 0], [0, 0]]])
def test_a_constant_decision_or_one_true_class_cannot_be_tested(counts):
    found = read_confusion(matrix(counts))
    assert found.p is None
    assert "cannot be tested" in found.verdict


def test_a_two_by_two_matrix_is_read():
    found = read_confusion(matrix([[50, 0], [0, 50]]))
    assert found.accuracy == 1 and found.kappa == 1 and found.p < 1e-10


@pytest.mark.parametrize(
    "text",
    [
        "5,1\n2,4\n",
        "5;1\n2;4",
        "\ufeff5\t1\n2\t4\n\n",
        ",happy,sad\nhappy,5,1\nsad,2,4\n",
        "happy,sad\n5,1\n2,4\n",
        ",sad,happy\nhappy,1,5\nsad,4,2\n",
        "actual,sad,happy\nhappy,1,5\nsad,4,2\n",
        "sad,happy\nhappy,1,5\nsad,4,2\n",
        ",said happy,said sad\nhappy,5,1\nsad,2,4\n",
        "happy,5,1\nsad,2,4\n",
        "5.0, 1.0\n2.0, 4.0",
        "[[5, 1], [2, 4]]",
        "\n [[5, 1], [2, 4]]",
        '{"matrix": [[5, 1], [2, 4]], "labels": ["happy", "sad"]}',
    ],
)
def test_every_usual_form_is_read(tmp_path, text):
    found = read_matrix(write(tmp_path, text))
    assert found.counts.tolist() == [[5, 1], [2, 4]]
    assert found.labels == (["happy", "sad"] if "happy" in text else ["class 0", "class 1"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("5,1\n2\n", "is square; row 2 of 2 has 1"),
        ("5,1,2\n2,4,3\n", "is square"),
        ("5,-1\n2,4\n", "0 or more; got '-1'"),
        ("0.5,0.5\n0.2,0.8\n", "whole number"),
        ("5,nan\n2,4\n", "whole number"),
        ("5,x\n2,4\n", "count of images; got 'x'"),
        ("5,\n2,4\n", "count of images"),
        ("0,0\n0,0\n", "every cell is 0"),
        ("7\n", "2 to 100 classes; got 1"),
        ("happy,sad\n", "2 to 100 classes; got 0"),
        ("[[1, 2], [3, 4]", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1, 2]", "no matrix"),
        ("[[1, true], [3, 4]]", "count of images"),
        ("[[1, [2]], [3, 4]]", "count of images"),
        ("[[1, 1e400], [3, 4]]", "whole number"),
        ('{"matrx": [[1, 2], [3, 4]]}', "'matrix'"),
        ('{"matrix": 3}', "no matrix"),
        ('{"matrix": [[1, 2], [3, 4]], "labels": ["a"]}', "1 labels for 2 classes"),
        (b"\xff\xfe\x00binary", "not text"),
        ("1," * 600_000, "too large"),
        (json.dumps([[1] * 101] * 101), "2 to 100 classes"),
        ("7" * 140_000 + ",1\n2,4\n", "is not CSV: field larger"),
        (",\n,\n", "has no numbers. Expected"),
        ("a,b,c\nc,1,2,3\nb,1,2\na,1,2,3\n", "is square; row 2 of 3 has 2"),
    ],
)
def test_what_is_no_matrix_is_refused_in_a_line(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        read_matrix(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_share_is_refused_in_full(tmp_path):
    path = write(tmp_path, "0.5,1\n2,4\n")
    with pytest.raises(DataError) as caught:
        read_matrix(path)
    assert str(caught.value) == (
        f"{path}: a cell is a whole number of images, 0 or more; got '0.5'. "
        "Shares cannot be tested without the numbers of images behind them."
    )


def test_labels_may_begin_with_any_letter(tmp_path):
    found = read_matrix(write(tmp_path, "XXX,Y\n1,2\n3,4\n"))
    assert (found.labels, found.counts.tolist()) == (["XXX", "Y"], [[1, 2], [3, 4]])
    assert found.table().equals(table_of_counts(found.counts, found.labels))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_matrix(path)


def test_a_reading_whole():
    """Against scikit-learn's kappa and scipy's chi2_contingency; the odd cell's rest by hand."""
    found = read_confusion(matrix([[40, 5, 5], [10, 20, 10], [5, 5, 30]]))
    assert (found.n, found.accuracy) == (130, 90 / 130)
    assert (found.accuracy_low, found.accuracy_high) == pytest.approx((0.60840189, 0.76517443))
    assert found.agreement == pytest.approx((50 * 55 + 40 * 30 + 40 * 45) / 130**2)
    assert found.kappa == pytest.approx(0.5336322869957155)
    assert found.one_vs_rest_accuracy == pytest.approx(1 - 2 * 40 / 130 / 3)
    assert (found.chi_square, found.degrees) == (pytest.approx(74.89772727), 4)
    assert found.p == pytest.approx(2.0943471873699124e-15)
    # without the cell its row has 10, its column 15 and all 100: 10 x 15 / (100 - 25) = 2
    assert found.odd_cell == ("class 2", "class 2", 30, pytest.approx(2))
    assert found.p_without == 0.001  # 3.5 are expected in a cell: none of 999 tables as dependent
    assert found.test == "chi-square test"
    assert found.verdict == (
        "The rows depend on the label (chi-square test, p = 2.1e-15): a shuffled order would "
        "hardly show this."
    )


def test_a_class_that_does_not_occur_takes_no_degrees():
    found = read_confusion(matrix([[30, 10, 0], [10, 30, 0], [0, 0, 0]]))
    assert (found.accuracy, found.agreement, found.kappa) == (0.75, 0.5, 0.5)
    assert (found.chi_square, found.degrees) == (pytest.approx(20), 1)
    assert found.p == pytest.approx(7.744216431044088e-06)
    assert found.p_without is None  # of two by two nothing is left


def test_one_row_that_holds_everything_in_full():
    found = read_confusion(matrix([[5, 0], [3, 0]]))
    assert (found.chi_square, found.degrees, found.test, found.odd_cell) == (None,) * 4
    assert found.p_without is None
    assert found.verdict == "One row or column holds everything: independence cannot be tested."
    assert read_confusion(matrix([[5, 0], [0, 0]])).kappa == 0  # agreement by chance is 1


def test_a_probability_too_small_for_a_number_is_bounded():
    assert [p_text(p) for p in (0.547, 1.0, 1e-310, 0.0)] == [
        "p = 0.55",
        "p = 1",
        "p = 1e-310",
        "p < 1e-300",
    ]


def test_the_largest_count_and_the_most_classes(tmp_path):
    assert read_matrix(write(tmp_path, "999999999999,1\n2,4\n")).counts[0, 0] == 10**12 - 1
    with pytest.raises(DataError, match="got '1000000000000'"):
        read_matrix(write(tmp_path, "1000000000000,1\n2,4\n"))
    found = read_matrix(write(tmp_path, json.dumps([[1] * 100] * 100)))
    assert found.counts.shape == (100, 100)
    assert found.labels[99] == "class 99"
