"""Printed confusion matrices: read in every form, tested for independence, refused when broken."""

import json

import numpy as np
import pytest

from ferflow.errors import DataError
from ferflow.papers.confusion import ConfusionMatrix, read_confusion, read_matrix
from ferflow.papers.registry import FOLDER


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
    assert found.p == pytest.approx(0.55, abs=0.005) and found.degrees == 36
    assert "consistent with predictions that do not depend on the label" in found.verdict


def test_paper_2s_training_matrix_is_at_chance_but_for_one_cell():
    found = printed("fernet_train")
    assert found.p < 1e-30
    assert found.odd_cell[:3] == ("disgust", "surprise", 40)
    assert found.odd_cell[3] == pytest.approx(4.8, abs=0.05)
    assert found.p_without > 0.1
    assert "But for one cell" in found.verdict


def test_paper_5s_matrix_is_the_figure_that_it_claims_and_depends_on_the_label():
    found = printed("littlevgg_test")
    assert round(found.accuracy, 4) == 0.6435
    assert "depend on the label" in found.verdict and "out of reach" in found.verdict


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
        "happy,5,1\nsad,2,4\n",
        "5.0, 1.0\n2.0, 4.0",
        "[[5, 1], [2, 4]]",
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
    ],
)
def test_what_is_no_matrix_is_refused_in_a_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read_matrix(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_matrix(path)
