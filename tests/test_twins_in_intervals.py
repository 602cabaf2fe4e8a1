"""Images of one photograph are answered alike: intervals count them once, in every place."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ferflow.core.errors import DataError, FerflowError
from ferflow.core.hashing import image_number
from ferflow.core.split import save_split
from ferflow.core.tables import write_table
from ferflow.core.ties import read_twins_within
from ferflow.evaluation.intervals import independent_rows, wilson_interval
from ferflow.evaluation.metrics import calibration_floor, split_metrics
from ferflow.evaluation.outputs import split_scores
from ferflow.evaluation.predictions import (
    prediction_frame,
    read_predictions,
    tta_predictions,
    twin_numbers,
    with_twins,
    write_predictions,
)
from ferflow.evaluation.without_twins import without_twins
from ferflow.preprocess.clean import preprocess
from ferflow.records import rescore as module
from ferflow.records.compact import compact, read_answers, write_answers
from ferflow.records.ensemble import mix
from ferflow.records.record import load_records
from ferflow.records.resampling import bootstrap, exact_scores, intervals
from tests.test_filters import planted
from tests.test_preprocess import settings

LABELS = ["angry", "disgust", "fear"]


def test_independent_rows_by_hand():
    assert independent_rows(np.arange(5)) == 5
    assert independent_rows(np.array([0, 0, 2, 2])) == 2
    assert independent_rows(np.array([7, 7, 7])) == 1
    assert independent_rows(np.array([0, 0, 2])) == pytest.approx(9 / 5)


def test_eight_percent_in_pairs_widen_an_interval_by_four_percent():
    twins = np.arange(3500)
    twins[1:280:2] = twins[:280:2]
    y = (np.arange(3500) >= 2100).astype(int)  # decided as the first class: 0.6 are right
    plain, known = (
        split_metrics(y, np.full((3500, 2), 0.5), ["a", "b"], twins=t) for t in (None, twins)
    )
    spans = [scores["accuracy_high"] - scores["accuracy_low"] for scores in (plain, known)]
    assert spans[1] / spans[0] == pytest.approx(1.039, abs=1e-3)
    assert independent_rows(twins) / 3500 == pytest.approx(1 / 1.08)
    widths = [
        high - low for low, high in (wilson_interval(0.6 * n, n) for n in (3500, 3500 / 1.08))
    ]
    assert widths[1] / widths[0] == pytest.approx(1.039, abs=1e-3)


@pytest.mark.parametrize("copies", [1, 2, 4])
def test_an_interval_over_copies_is_that_of_the_photographs(make_answers, copies):
    """Every photograph several times: the interval must not shrink."""
    one = make_answers(n=300, accuracy=0.6)
    rows = np.repeat(np.arange(300), copies)
    many = replace(
        one,
        image=np.arange(len(rows)),
        y=one.y[rows],
        p=one.p[rows],
        twins=np.repeat(np.arange(300) * copies, copies),
    )
    known = intervals(one)
    for name, bounds in intervals(many).items():
        assert bounds == pytest.approx(known[name]), name
    a, b = (split_metrics(x.y, x.p, x.labels, twins=x.twins) for x in (one, many))
    for name in ("accuracy", "accuracy_low", "accuracy_high"):
        assert a[name] == pytest.approx(b[name])


def test_groups_are_drawn_whole(make_answers):
    answers = make_answers(n=6)
    twins = np.array([0, 1, 0, 3, 1, 5])
    found = bootstrap([replace(answers, twins=twins)], n_resamples=50, seed=3)
    drawn = np.random.default_rng(3).integers(0, 4, (50, 4))
    members = {0: [0, 2], 1: [1, 4], 2: [3], 3: [5]}
    for k, chosen in enumerate(drawn):
        rows = np.concatenate([members[g] for g in chosen])
        expected = split_metrics(answers.y[rows], answers.p[rows], LABELS)
        assert found["accuracy"][0, k] == pytest.approx(expected["accuracy"])
        assert found["log_loss"][0, k] == pytest.approx(expected["log_loss"])


def test_models_are_drawn_together_by_the_coarsest_groups(make_answers):
    one, two = make_answers(n=40, seed=0), make_answers(n=40, seed=1)
    twins = np.arange(40)
    twins[20:] = twins[:20]
    known = bootstrap([replace(one, twins=twins), replace(two, twins=twins)])
    for first, second in ((one, replace(two, twins=twins)), (replace(one, twins=twins), two)):
        found = bootstrap([first, second])
        for name in found:
            assert np.array_equal(found[name], known[name])


def test_twins_survive_a_choice_of_rows_a_mixture_and_a_file(tmp_path, make_answers):
    answers = replace(make_answers(n=6), twins=np.array([0, 1, 0, 3, 1, 5]))
    assert answers.take(np.array([2, 3, 4])).twins is None
    assert answers.take(np.array([1, 2, 4])).twins.tolist() == [0, 1, 0]
    assert mix([make_answers(n=6), answers], np.array([0.5, 0.5])).twins is answers.twins
    write_answers(tmp_path / "a.parquet", {"val": make_answers(n=6), "test": answers}, 15)
    back = read_answers(tmp_path / "a.parquet")
    assert back["val"].twins is None
    assert back["test"].twins.tolist() == answers.twins.tolist()


@pytest.mark.parametrize("twins", [[3, 1, 2, 3], [0, 0, 1, 2]], ids=["later", "chained"])
def test_a_stored_group_that_does_not_name_its_first_row_is_refused(tmp_path, make_answers, twins):
    wrong = replace(make_answers(n=4), twins=np.array(twins))
    write_answers(tmp_path / "a.parquet", {"test": wrong}, 15)
    with pytest.raises(DataError, match="number the first row"):
        read_answers(tmp_path / "a.parquet")


@pytest.fixture
def cleaned():
    """Of test, images 1 and 4 show one photograph, of val 0 and 2, of train 5 and 6."""
    splits = planted()
    for name, first, second in (("test", 1, 4), ("val", 0, 2), ("train", 5, 6)):
        splits[name].x[second] = splits[name].x[first]
    return preprocess(splits, settings())


def test_preprocess_lists_the_twins_within_each_split(cleaned):
    found = {name: table.to_dict(orient="records") for name, table in cleaned.split_twins.items()}
    assert found == {
        "train": [{"source_id": "train_6", "twin_of": "train_5"}],
        "val": [{"source_id": "val_2", "twin_of": "val_0"}],
        "test": [{"source_id": "test_4", "twin_of": "test_1"}],
    }


def frame(split="test", n=6, tta=None):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), n)
    names = [f"{split}_{k}" for k in range(n)]
    return prediction_frame(names, split, np.arange(n) % 3, p, LABELS, tta)


def test_stored_predictions_name_the_first_twin(tmp_path, cleaned):
    write_table(tmp_path / "test_twins.csv", cleaned.split_twins["test"])
    known = with_twins(frame(), read_twins_within(tmp_path / "test_twins.csv"))
    assert known["twin_of"].tolist() == ["", "", "", "", "test_1", ""]
    write_predictions(tmp_path / "p.parquet", [known])
    back = read_predictions(tmp_path / "p.parquet")
    assert twin_numbers(back, "test").tolist() == [0, 1, 2, 3, 1, 4]
    assert twin_numbers(frame(), "test") is None
    scores = split_scores(back, 15)["test"]
    right = scores["accuracy"]
    n = 36 / 8
    bounds = (scores["accuracy_low"], scores["accuracy_high"])
    assert bounds == pytest.approx(wilson_interval(right * n, n))
    assert compact(back)["test"].twins is not None


def test_a_table_that_lists_no_twins_is_refused(tmp_path):
    write_table(tmp_path / "x.csv", pd.DataFrame({"a": [1]}))
    with pytest.raises(DataError, match="is not a table of twins"):
        read_twins_within(tmp_path / "x.csv")


def test_test_time_augmentation_is_scored_without_twins_too():
    views = np.random.default_rng(1).dirichlet(np.ones(3), 6)
    predictions = pd.concat([frame("val", tta=views), frame("test", tta=views)])
    twins = pd.DataFrame({"split": ["test", "test"], "source_id": ["test_0", "test_3"]})
    found = split_scores(without_twins(tta_predictions(predictions), twins), 15)
    assert list(found) == ["val_tta_without_twins", "test_tta_without_twins"]
    kept = [1, 2, 4, 5]
    by_hand = (views[kept].argmax(axis=1) == np.arange(6)[kept] % 3).mean()
    assert found["test_tta_without_twins"]["n"] == 4
    assert found["test_tta_without_twins"]["accuracy"] == by_hand
    assert found["val_tta_without_twins"]["n"] == 6


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_floor_is_what_a_calibrated_model_reads(sharpness):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3589, 7)) * sharpness
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    cumulated = p.cumsum(axis=1)
    cumulated[:, -1] = 1
    read = []
    for _ in range(60):
        y = (rng.random((3589, 1)) > cumulated).sum(axis=1)
        read.append(split_metrics(y, p, list("abcdefg"))["ece"])
    assert calibration_floor(p) == pytest.approx(np.mean(read), rel=0.05)
    assert 0.01 < calibration_floor(p) < 0.025


def test_the_floor_counts_a_photograph_once():
    p = np.random.default_rng(0).dirichlet(np.ones(3), 400)
    twice, twins = np.repeat(p, 2, axis=0), np.repeat(np.arange(400), 2)
    assert calibration_floor(twice, twins=twins) == pytest.approx(calibration_floor(p))
    assert calibration_floor(twice) < calibration_floor(p)


def test_a_model_that_is_always_sure_has_no_floor():
    assert calibration_floor(np.eye(3)) == 0


@pytest.fixture
def rescored(make_record, make_answers, monkeypatch):
    """Records of the present data set and of others, and its images as `download` left them.

    Of test 15 to 29 are twins of 0 to 14, in train are an exact copy of test 0 and test 1 mirrored,
    which stands for 16 as well.
    """
    splits = planted()
    for name in ("val", "test"):
        splits[name].x[15:] = splits[name].x[:15]
    splits["train"].x[0] = splits["test"].x[0]
    splits["train"].x[1] = splits["test"].x[1][:, ::-1]
    for name, split in splits.items():
        save_split(module.RAW / f"{name}.safetensors", split)
    answers = {}
    for k, name in enumerate(("val", "test")):
        images = np.array(sorted(image_number(f"{name}_{i}") for i in range(30)))
        answers[name] = make_answers(n=30, images=images, seed=k)
    filters = settings().model_dump()
    params = {f"preprocess.{key}": value for key, value in filters.items()}
    make_record("mobilenet-aco-rf", answers=answers, data="here", params=params)
    make_record("svm", answers=answers, data="elsewhere", params=params)
    odd = params | {"preprocess.twin_distance": 99}
    make_record("fernet", answers=answers, data="here", params=odd)
    monkeypatch.setattr(module.Pipeline, "lock", {"download": {}})
    monkeypatch.setattr(module.Pipeline, "data_fingerprint", lambda _: "here")
    return answers


def test_rescore_widens_intervals_and_keeps_the_scores(rescored):
    before = {r.preset: r for r in load_records()}
    done = dict(module.rescore())
    assert done["svm/seed-0"].endswith("of another data set")
    assert done["fernet/seed-0"].endswith("its preprocess.twin_distance is not of today")
    after = {r.preset: r for r in load_records()}
    assert after["svm"] == before["svm"] and after["fernet"] == before["fernet"]
    mine, was = after["mobilenet-aco-rf"], before["mobilenet-aco-rf"]
    for split in ("val", "test"):
        scores = mine.metrics[split]
        changed = {k for k, v in scores.items() if was.metrics[split].get(k) != v}
        assert changed == {"accuracy_low", "accuracy_high", "ece_floor"}
        assert scores["ece_floor"] > was.metrics[split]["ece_floor"]
        low, high = wilson_interval(scores["accuracy"] * 15, 15)
        assert (scores["accuracy_low"], scores["accuracy_high"]) == pytest.approx((low, high))
        back = mine.answers()[split]
        assert exact_scores(back) == pytest.approx(exact_scores(rescored[split]), abs=1e-4)
        assert independent_rows(back.twins) == 15
        assert mine.intervals[split] == intervals(back)
    again = module.rescore()
    assert dict(again) == done and load_records() == list(after.values())


def test_rescore_adds_scores_without_relatives_by_hand(rescored):
    module.rescore()
    (mine,) = (r for r in load_records() if r.preset == "mobilenet-aco-rf")
    assert mine.metrics["val_without_relatives"]["n"] == 30
    gone = [image_number(f"test_{k}") for k in (0, 1, 15, 16)]
    a = rescored["test"]
    left = ~np.isin(a.image, gone)
    scores = mine.metrics["test_without_relatives"]
    assert scores["n"] == 26
    right = a.p[left].argmax(axis=1) == a.y[left]
    assert scores["accuracy"] == pytest.approx(right.mean())
    low, high = wilson_interval(scores["accuracy"] * 13, 13)
    assert (scores["accuracy_low"], scores["accuracy_high"]) == pytest.approx((low, high))
    assert mine.protocol["left_out_without_relatives"]["test"] == {
        "exact": 2,
        "near": 0,
        "mirrored": 2,
        "moved": 0,
    }


@pytest.mark.usefixtures("workplace")
def test_rescore_without_the_images_says_what_to_run():
    with pytest.raises(FerflowError, match="dvc repro download"):
        module.rescore()
