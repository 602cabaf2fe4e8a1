"""Scores without twins: which images are left out, and what the scores of the others are."""

import json

import numpy as np
import pandas as pd
import pytest

from ferflow.core.errors import DataError
from ferflow.core.tables import write_table
from ferflow.core.ties import read_twins_of
from ferflow.evaluation import summary
from ferflow.evaluation.outputs import split_scores
from ferflow.evaluation.predictions import prediction_frame
from ferflow.evaluation.protocol import describe, protocol
from ferflow.evaluation.without_twins import (
    RELATIVES_SUFFIX,
    count_relatives,
    count_twins,
    without_either,
    without_twins,
)
from ferflow.preprocess.clean import preprocess
from tests.test_filters import planted
from tests.test_preprocess import settings
from tests.test_relatives import shifted
from tests.test_twins import reencoded

LABELS = ["angry", "fear"]


def with_twins():
    """Of test, image 0 has two exact copies in train, 1 a near one; of val, 2 has a near one."""
    splits = planted()
    x, test, val = splits["train"].x, splits["test"].x, splits["val"].x
    x[3] = x[8] = test[0]
    x[4] = reencoded(test[1])
    x[5] = reencoded(val[2])
    return splits


@pytest.fixture
def cleaned():
    """As `with_twins`."""
    return preprocess(with_twins(), settings())


def test_the_table_names_every_image_with_a_twin_in_train(cleaned):
    assert cleaned.twins.to_dict(orient="records") == [
        {
            "split": "val",
            "source_id": "val_2",
            "kind": "near",
            "train_source_id": "train_5",
            "n_in_train": 1,
        },
        {
            "split": "test",
            "source_id": "test_0",
            "kind": "exact",
            "train_source_id": "train_3",
            "n_in_train": 2,
        },
        {
            "split": "test",
            "source_id": "test_1",
            "kind": "near",
            "train_source_id": "train_4",
            "n_in_train": 1,
        },
    ]


def test_an_identical_image_is_named_before_a_near_one():
    splits = planted()
    image = splits["test"].x[0]
    splits["train"].x[3], splits["train"].x[8] = reencoded(image), image
    (row,) = preprocess(splits, settings()).twins.to_dict(orient="records")
    assert (row["kind"], row["train_source_id"], row["n_in_train"]) == ("exact", "train_8", 2)


def test_twins_that_left_train_no_longer_count():
    splits = planted()
    splits["train"].x[3] = reencoded(splits["test"].x[0])
    assert len(preprocess(splits, settings()).twins) == 1
    assert preprocess(splits, settings(drop_twins_of_val_test=True)).twins.empty


@pytest.fixture
def predictions():
    """Two classes; of test, images 0 and 3 are right and 1 and 2 are wrong."""
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    y = np.array([0, 1, 0, 1])
    return pd.concat(
        [
            prediction_frame([f"{name}_{k}" for k in range(4)], name, y, p, LABELS)
            for name in ("train", "val", "test")
        ],
        ignore_index=True,
    )


def test_scores_by_hand(tmp_path, cleaned, predictions):
    write_table(tmp_path / "twins.csv", cleaned.twins)
    twins = read_twins_of(tmp_path / "twins.csv")
    scores = split_scores(without_twins(predictions, twins), 15)
    assert list(scores) == ["val_without_twins", "test_without_twins"]
    # test: 2 (wrong: an angry one) and 3 (right: a fearful one) are left
    test = scores["test_without_twins"]
    assert (test["n"], test["accuracy"]) == (2, 0.5)
    assert test["per_class"]["angry"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert test["per_class"]["fear"]["precision"] == 0.5
    assert test["per_class"]["fear"]["recall"] == 1
    assert test["log_loss"] == pytest.approx(-(np.log(0.3) + np.log(0.6)) / 2)
    # val: 0, 1 and 3 are left
    assert scores["val_without_twins"]["n"] == 3
    assert scores["val_without_twins"]["accuracy"] == pytest.approx(2 / 3)
    assert count_twins(predictions, twins) == {
        "val": {"exact": 0, "near": 1},
        "test": {"exact": 1, "near": 1},
    }


def test_names_are_compared_within_their_split(predictions):
    twins = pd.DataFrame({"split": ["val"], "source_id": ["test_0"], "kind": ["exact"]})
    assert len(without_twins(predictions, twins)) == 8


def test_a_split_of_nothing_but_twins_has_no_scores(predictions):
    twins = predictions.loc[predictions["split"] == "test", ["split", "source_id"]]
    left = without_twins(predictions, twins.assign(kind="exact"))
    assert list(split_scores(left, 15)) == ["val_without_twins"]


def test_without_any_twin_the_scores_are_those_of_the_split(tmp_path, predictions):
    write_table(tmp_path / "twins.csv", preprocess(planted(), settings()).twins)
    twins = read_twins_of(tmp_path / "twins.csv")
    scores = split_scores(predictions, 15)
    assert split_scores(without_twins(predictions, twins), 15) == {
        "val_without_twins": scores["val"],
        "test_without_twins": scores["test"],
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not here"),
        (b"", "is not a table of twins"),
        (b"a,b\n1,2\n", "it has the columns"),
        (b"split,source_id,kind\n\xff\xfe,1,2\n", "is not a table of twins"),
    ],
)
def test_a_damaged_table_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "twins.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_twins_of(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def wide():
    """As `cleaned`; besides, val 1 is mirrored in train, test 3 shifted; val 3 through val 2."""
    splits = with_twins()
    x, test, val = splits["train"].x, splits["test"].x, splits["val"].x
    val[3] = val[2][:, ::-1]
    x[6] = val[1][:, ::-1]
    x[7] = shifted(test[3], 2)
    return preprocess(splits, settings())


def test_relatives_are_twins_and_more_in_a_table_of_their_own(wide):
    twins, relatives = wide.twins, wide.relatives
    found = zip(
        relatives["source_id"], relatives["kind"], relatives["train_source_id"], strict=True
    )
    assert list(found) == [
        ("val_1", "mirrored", "train_6"),
        ("val_2", "near", "train_5"),
        ("val_3", "mirrored", "train_5"),
        ("test_0", "exact", "train_3"),
        ("test_1", "near", "train_4"),
        ("test_3", "moved", "train_7"),
    ]
    assert twins["source_id"].tolist() == ["val_2", "test_0", "test_1"]
    assert list(relatives) == list(twins)


def test_scores_without_relatives_are_splits_of_their_own(wide, predictions):
    left = without_twins(predictions, wide.relatives, RELATIVES_SUFFIX)
    scores = split_scores(left, 15)
    assert {name: score["n"] for name, score in scores.items()} == {
        "val_without_relatives": 1,
        "test_without_relatives": 1,
    }
    assert count_relatives(predictions, wide.relatives) == {
        "val": {"exact": 0, "near": 1, "mirrored": 2, "moved": 0},
        "test": {"exact": 1, "near": 1, "mirrored": 0, "moved": 1},
    }


def about(split, twins, relatives=None):
    return protocol(split, ["val", "test"], ["train"], twins, relatives or {})


def test_the_protocol_in_a_line(cleaned, predictions):
    found = about(cleaned.splits["val"], count_twins(predictions, cleaned.twins))
    json.dumps(found)
    assert describe(found) == (
        "noise, split: drawn, 3 classes; train filtered: constant; val and test filtered: no; "
        "1 val images have a twin in train (0 exact); "
        "2 test images have a twin in train (1 exact)."
    )


def test_after_training_on_val_there_are_no_scores_without_twins(wide, predictions):
    """A test image with a twin in val was trained on, too, and the tables tell of train alone."""
    alone = without_either(predictions, wide.twins, wide.relatives, ["train"])
    assert [set(rows["split"]) for rows in alone] == [
        {"val_without_twins", "test_without_twins"},
        {"val_without_relatives", "test_without_relatives"},
    ]
    assert without_either(predictions, wide.twins, wide.relatives, ["train", "val"]) == ()
    line = describe(protocol(wide.splits["test"], ["test"], ["train", "val"], {}, {}))
    assert line.endswith(
        "; val joined the training rows and is not scored; which images of test have a twin there "
        "is not known, so there are no scores without twins."
    )


def test_the_protocol_says_what_was_taken_from_val_and_test():
    splits = planted((np.zeros((48, 48), np.uint8), 0), split="test")
    cleaned = preprocess(splits, settings(filter_val_test=True, classes=["angry", "fear"]))
    found = about(cleaned.splits["train"], {})
    assert found["filters_on_val_and_test"] == {"constant": {"val": 0, "test": 1}}
    assert found["classes_left_out"] == ["disgust"]
    line = describe(found)
    assert "2 classes (without disgust)" in line
    assert "val and test filtered: constant (0 of val, 1 of test)" in line
    stored = json.loads(json.dumps(found, sort_keys=True))  # as split files keep their meta
    assert describe(stored) == line


def test_show_puts_the_scores_without_twins_beside_the_others(
    tmp_path, monkeypatch, cleaned, predictions
):
    monkeypatch.setattr(summary, "SCORES", tmp_path / "metrics.json")
    scores = split_scores(predictions, 15)
    scores |= split_scores(without_twins(predictions, cleaned.twins), 15)
    found = about(cleaned.splits["val"], count_twins(predictions, cleaned.twins))
    summary.SCORES.write_text(json.dumps(scores | {"protocol": found}))
    table = summary.metrics_table()
    names = [str(column.header) for column in table.columns]
    assert names == ["metric", "train", "val", "val\nno twins", "test", "test\nno twins"]
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert rows[0] == ("images", "4", "4", "3", "4", "2")
    assert rows[1] == ("accuracy", "0.500", "0.500", "0.667", "0.500", "0.500")
    assert summary.protocol_line() == describe(found)


@pytest.mark.parametrize(
    ("accuracy", "low", "high", "verdict"),
    [(0.75, 0.62, 0.85, "their intervals overlap"), (0.9, 0.8, 0.95, "do not overlap")],
)
def test_show_says_what_has_changed_since_the_commit(
    tmp_path, monkeypatch, accuracy, low, high, verdict
):
    def scores(value, low, high):
        of_val = {"accuracy": value, "accuracy_low": low, "accuracy_high": high}
        of_test = {"accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6}
        return {"val": of_val, "test": of_test, "protocol": {"split": "official"}}

    before = json.dumps(scores(0.7, 0.6, 0.79))
    monkeypatch.setattr(summary, "SCORES", tmp_path / "metrics.json")
    monkeypatch.setattr(summary, "committed_file", lambda _: before)
    summary.SCORES.write_text(before)
    assert summary.change_lines() == ""
    summary.SCORES.write_text(json.dumps(scores(accuracy, low, high)))
    first, line = summary.change_lines().splitlines()
    points = 100 * (accuracy - 0.7)
    assert first == "Since the last commit:"
    assert line.startswith(f"  accuracy on val 0.700 -> {accuracy:.3f} (+{points:.1f} points); ")
    assert line.endswith(verdict)


@pytest.mark.parametrize("committed", [None, "half {", "[]", "{}"])
def test_a_commit_without_scores_is_not_compared_with(tmp_path, monkeypatch, committed):
    monkeypatch.setattr(summary, "SCORES", tmp_path / "metrics.json")
    monkeypatch.setattr(summary, "committed_file", lambda _: committed)
    summary.SCORES.write_text('{"protocol": {}}')
    assert summary.change_lines() == ""


def test_a_commit_with_other_images_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(summary, "SCORES", tmp_path / "metrics.json")
    monkeypatch.setattr(summary, "committed_file", lambda _: '{"protocol": {"split": "drawn"}}')
    summary.SCORES.write_text('{"protocol": {"split": "official"}}')
    assert "its figures do not compare" in summary.change_lines()
