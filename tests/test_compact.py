"""Compact predictions: small files that keep the metrics, and readers that refuse others."""

import numpy as np
import pandas as pd
import pytest

from ferflow.core.errors import DataError
from ferflow.core.hashing import image_number
from ferflow.core.params import flatten
from ferflow.evaluation.metrics import split_metrics
from ferflow.evaluation.predictions import prediction_frame
from ferflow.records.compact import compact, read_answers, rounded, write_answers

LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


def softmax_frame(n=3589, seed=0, sharpness=2.0):
    """val and test of a network's size: float32 probabilities, some of them tiny."""
    rng = np.random.default_rng(seed)
    frames = []
    for split in ("val", "test"):
        y = rng.integers(0, 7, n)
        scores = rng.normal(size=(n, 7)) * sharpness
        scores[np.arange(n), y] += sharpness
        p = np.exp(scores - scores.max(axis=1, keepdims=True)).astype(np.float32)
        p = (p / p.sum(axis=1, keepdims=True)).astype(np.float64)
        names = [f"test/{LABELS[k]}/{split}_{i}.jpg" for i, k in enumerate(y)]
        frames.append(prediction_frame(names, split, y, p, LABELS))
    return pd.concat(frames, ignore_index=True)


def forest_frame(n=3589, n_trees=90):
    frame = softmax_frame(n)
    rng = np.random.default_rng(1)
    chances = frame.iloc[:, 3:].to_numpy()
    chances = chances / chances.sum(axis=1, keepdims=True) * (1 - 1e-12)
    frame.iloc[:, 3:] = np.array([rng.multinomial(n_trees, row) for row in chances]) / n_trees
    return frame


def agree(frame, tmp_path, n_bins=15):
    """Write and read back; returns the file's size after comparing every metric."""
    answers = compact(frame)
    path = tmp_path / "predictions.parquet"
    write_answers(path, answers, n_bins)
    for name, back in read_answers(path).items():
        before = answers[name]
        assert np.array_equal(before.image, back.image) and np.array_equal(before.y, back.y)
        assert back.labels == before.labels
        first, second = (
            flatten(split_metrics(a.y, a.p, a.labels, n_bins=n_bins)) for a in (before, back)
        )
        for key, value in first.items():
            assert second[key] == pytest.approx(value, abs=1e-4), key
    return path.stat().st_size


@pytest.mark.parametrize("sharpness", [0.1, 2.0, 8.0])
def test_a_networks_record_is_small_and_keeps_the_metrics(tmp_path, sharpness):
    assert agree(softmax_frame(sharpness=sharpness), tmp_path) <= 150_000


def test_a_forests_record_is_small_and_exact(tmp_path):
    frame = forest_frame()
    assert agree(frame, tmp_path) <= 150_000
    answers, back = compact(frame), read_answers(tmp_path / "predictions.parquet")
    assert np.array_equal(answers["test"].p, back["test"].p)


def test_close_ties_keep_their_decision(tmp_path):
    frame = softmax_frame(n=300)
    p = np.full(7, 1 / 7)
    p[[2, 5]] += [-1e-6, 1e-6]  # the decision is class 5, by a hair
    frame.iloc[:200, 3:] = p / p.sum()
    agree(frame, tmp_path)
    val = read_answers(tmp_path / "predictions.parquet")["val"]
    assert (val.p.argmax(axis=1) == 5).sum() >= 200


def test_rounding_keeps_as_many_digits_as_it_says():
    p = np.random.default_rng(0).random(10_000)
    for bits in (10, 14, 23):
        error = np.abs(rounded(p, bits) - p) / p
        assert 2.0 ** -(bits + 3) < error.max() <= 2.0 ** -(bits + 1) * 1.001
    assert rounded(np.array([0.0, 1.0, 1e-300]), 10).tolist() == [0, 1, 0]


def test_rows_are_in_one_order_whatever_the_order_of_the_predictions():
    frame = softmax_frame(n=50)
    one, other = compact(frame), compact(frame.sample(frac=1, random_state=0))
    for name in one:
        assert np.array_equal(one[name].image, other[name].image)
        assert np.array_equal(one[name].p, other[name].p)


def test_no_source_id_is_told(tmp_path):
    agree(softmax_frame(n=20), tmp_path)
    assert b".jpg" not in (tmp_path / "predictions.parquet").read_bytes()
    assert 0 <= image_number("test/angry/val_0.jpg") < 2**48


def test_training_rows_are_left_out_and_something_must_remain():
    frame = softmax_frame(n=20)
    frame["split"] = np.where(frame["split"] == "val", "train", "test")
    assert list(compact(frame)) == ["test"]
    with pytest.raises(DataError, match="neither val nor test"):
        compact(frame[frame["split"] == "train"])


def test_one_source_id_twice_is_refused():
    frame = softmax_frame(n=20)
    frame.loc[1, "source_id"] = frame.loc[0, "source_id"]
    with pytest.raises(DataError, match="two predictions have the same source id"):
        compact(frame)


def test_columns_in_another_order_are_refused(tmp_path):
    path = tmp_path / "predictions.parquet"
    write_answers(path, compact(softmax_frame(n=20)), 15)
    frame = pd.read_parquet(path)
    frame[["image", *frame.columns.drop("image")]].to_parquet(path, index=False)
    with pytest.raises(DataError, match="its columns must begin with"):
        read_answers(path)


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    path = tmp_path / "predictions.parquet"
    for content in (b"", b"PAR1", b"PAR1" + b"x" * 100 + b"PAR1"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is not a record's file"):
            read_answers(path)
    with path.open("wb") as file:
        file.truncate(20 << 20)
    with pytest.raises(DataError, match="too large"):
        read_answers(path)
