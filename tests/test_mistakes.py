"""The mistakes: each makes the number that it is known for, on rows whose truth is known."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from noise_chain import HONEST, LABELS, MERGED, noise_chain

from ferflow.evaluation.metrics import split_metrics
from ferflow.runs.mistakes import by_name as mistakes
from ferflow.runs.mistakes.by_name import MISTAKES, n_fits, reason_against
from ferflow.runs.mistakes.honest_chain import HonestChain
from ferflow.training.families.random_forest import family as random_forest
from ferflow.training.shared.classifier import Classifier


@pytest.fixture
def chain(make_split):
    return noise_chain(make_split)


def accuracy(predictions):
    y, p, _ = predictions
    return (p.argmax(axis=1) == y).mean()


@pytest.fixture
def honest(chain):
    rows = chain.original("test")
    return accuracy((rows.y, chain.classifier.predict_proba(rows.x), LABELS))


@pytest.mark.parametrize(
    ("name", "at_least"),
    [
        ("augment_before_split", 0.6),  # a copy of most test rows is among the training rows
        ("test_on_train", 0.95),
        ("score_on_merged_validation", 0.35),  # a third of the scored rows was trained on
    ],
)
def test_leakage_lifts_noise_far_above_chance(chain, honest, name, at_least):
    assert honest < 0.3
    assert accuracy(MISTAKES[name](chain)) > at_least


def test_resampling_before_the_split_lifts_noise_with_rare_classes(chain):
    rare = {}
    for name, split in chain.features.items():
        keep = (split.y == 0) | (np.arange(len(split)) % 5 == 0)  # class 0 stays, others are rare
        rare[name] = split.take(keep)
    honest_way = accuracy(mistakes.random_resplit(replace(chain, features=rare)))
    mistaken = accuracy(mistakes.resample_before_split(replace(chain, features=rare)))
    assert mistaken > honest_way + 0.2


def test_random_splitting_alone_does_not_lift_noise_without_twins(chain):
    assert accuracy(mistakes.random_resplit(chain)) < 0.3


def test_random_splitting_lifts_a_set_of_twins(chain):
    twins = replace(chain.features["test"], x=chain.features["train"].x[:140])
    twins = replace(twins, y=chain.features["train"].y[:140])
    doubled = replace(chain, features=chain.features | {"test": twins})
    assert accuracy(mistakes.random_resplit(doubled)) > 0.4


def test_the_best_of_several_on_test_is_at_least_each_of_them(chain):
    rows = [chain.original(name) for name in ("train", "test", "test")]
    one = accuracy(chain.fit_and_score(*rows))
    assert accuracy(mistakes.select_on_test(chain)) >= one


class InEpochs:
    """A family that learns in epochs: it keeps what it was handed to choose by."""

    USES_VAL = True

    def __init__(self):
        self.handed = []

    def fit(self, data, params, seed):
        self.handed.append(data.val)
        curve = pd.DataFrame({"epoch": [1]})
        return replace(random_forest.fit(data, params, seed), curve=curve)

    predict_proba = staticmethod(random_forest.predict_proba)


def test_a_family_of_epochs_is_fitted_once_and_chooses_by_test(chain, monkeypatch):
    family = InEpochs()
    for module in ("ferflow.runs.mistakes.honest_chain", "ferflow.training.shared.classifier"):
        monkeypatch.setattr(f"{module}.family_module", lambda _: family)
    mistakes.select_on_test(chain)
    (val,) = family.handed
    assert np.array_equal(val.y, chain.features["test"].y)
    y, _, _ = mistakes.random_resplit(chain)
    assert len(y) == 112 and len(family.handed[-1]) == 45, "20 % test, 10 % of the rest val"


def fits_of(chain, name, monkeypatch):
    """How often a mistake fits the family."""
    counted = []
    fit = HonestChain.fit
    monkeypatch.setattr(HonestChain, "fit", lambda *a, **k: counted.append(0) or fit(*a, **k))
    MISTAKES[name](chain)
    return len(counted)


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_said_of_the_fits_beforehand_is_true(chain, name, monkeypatch):
    assert fits_of(chain, name, monkeypatch) == n_fits(name, ["train"])


def test_validation_that_was_merged_in_the_honest_run_is_only_scored(chain, monkeypatch):
    merged = replace(chain.classifier, meta=MERGED)
    there = replace(chain, classifier=merged)
    assert fits_of(there, "score_on_merged_validation", monkeypatch) == 0
    assert n_fits("score_on_merged_validation", ["train", "val"]) == 0
    y, _, _ = mistakes.score_on_merged_validation(there)
    assert len(y) == 70 + 140


def test_mistakes_that_cannot_be_made_say_why():
    assert reason_against("swap_val_test", HONEST, LABELS) is None
    assert "score_on_merged_validation" in reason_against("swap_val_test", MERGED, LABELS)
    assert "disgust" in reason_against("drop_hard_classes", HONEST, ("angry", "happy"))
    assert reason_against("drop_hard_classes", HONEST, ("angry", "disgust")) is not None
    assert reason_against("drop_hard_classes", HONEST, LABELS) is None


class Upright:
    """Says of an image how surely its upper half is the brighter one: classes 0 and 1."""

    USES_VAL = False

    @staticmethod
    def predict_proba(model, x, n_classes):
        del model
        halves = x.reshape(len(x), 2, -1).mean(axis=2)
        p = np.zeros((len(x), n_classes))
        p[np.arange(len(x)), (halves[:, 1] >= halves[:, 0]).astype(int)] = 1
        return p


@pytest.fixture
def images_chain(chain, make_split, monkeypatch):
    """A chain on images of 16x16, bright at the top (class 0) or below (class 1), always right."""
    y = np.arange(10) % 2
    split = make_split(y=y, shape=(16, 16), labels=LABELS)
    x = np.zeros((10, 16, 16), np.uint8)
    for image, label in zip(x, y, strict=True):
        image[8 * label : 8 * label + 8] = 200
    monkeypatch.setattr("ferflow.training.shared.classifier.family_module", lambda _: Upright)
    classifier = replace(chain.classifier, mask=np.ones(256, dtype=bool))
    test = replace(split, x=x)
    pixels = replace(chain, extract=lambda images: images, images={"test": test}.__getitem__)
    return replace(pixels, features={"test": test}, classifier=classifier)


def test_the_modified_test_set_holds_three_copies_of_every_image(images_chain, monkeypatch):
    seen = []
    score = HonestChain.score_honest
    monkeypatch.setattr(
        HonestChain, "score_honest", lambda c, rows: seen.append(rows) or score(c, rows)
    )
    y, p, labels = mistakes.modified_test(images_chain)
    (rows,) = seen
    test = images_chain.features["test"]
    assert np.array_equal(y, np.tile(test.y, 4)) and labels == LABELS
    assert np.array_equal(rows.x[:10], test.x), "the test images themselves come first"
    assert np.array_equal(rows.x[10:20], np.rot90(test.x, axes=(1, 2))), "counter-clockwise"
    assert np.array_equal(rows.x[20:30], np.rot90(test.x, -1, axes=(1, 2)))
    words = ["turn_degrees 90", "turn_degrees -90", "scale_factor 0.7"]
    assert list(rows.transform[[10, 20, 30]]) == words
    right = (p.argmax(axis=1) == y).reshape(4, 10).mean(axis=1)
    assert right.tolist() == [1.0, 0.5, 0.5, 1.0], "lying faces cannot be told, shrunk ones can"


def test_the_modified_test_set_of_a_classifier_of_features_is_made_from_the_images(images_chain):
    images = images_chain.features["test"]

    def halves(x):
        return x.reshape(len(x), 2, -1).mean(axis=2).astype(np.float32)

    rows = replace(images, x=halves(images.x))
    of_features = replace(
        images_chain,
        features={"test": rows},
        extract=halves,
        classifier=replace(images_chain.classifier, mask=np.ones(2, dtype=bool)),
    )
    y, p, _ = mistakes.modified_test(of_features)
    of_pixels = mistakes.modified_test(images_chain)
    assert np.array_equal(y, of_pixels[0]) and np.array_equal(p, of_pixels[1])
    assert reason_against("modified_test", HONEST | {"features": {"method": "hog"}}, LABELS) is None


def test_swapping_scores_the_validation_rows(chain):
    y, p, _ = mistakes.swap_val_test(chain)
    assert np.array_equal(y, chain.features["val"].y)
    assert np.array_equal(p, chain.classifier.predict_proba(chain.features["val"].x))


def test_dropped_classes_are_neither_scored_nor_answered(chain):
    y, p, labels = mistakes.drop_hard_classes(chain)
    rows = chain.original("test")
    kept = np.isin(rows.y, [0, 2, 3, 4, 6])
    assert labels == ("angry", "fear", "happy", "sad", "neutral")
    assert [labels[k] for k in y] == [LABELS[k] for k in rows.y[kept]]
    assert p.sum(axis=1) == pytest.approx(1)
    honest = chain.classifier.predict_proba(rows.x)[kept]
    likely = honest[:, [0, 2, 3, 4, 6]]
    some = likely.sum(axis=1) > 0
    assert np.array_equal(p.argmax(axis=1)[some], likely.argmax(axis=1)[some])


def test_an_answer_that_names_dropped_classes_alone_is_a_guess(chain, monkeypatch):
    p = np.tile(np.eye(7)[1], (140, 1))  # all are disgust
    monkeypatch.setattr(Classifier, "predict_proba", lambda *_: p)
    assert mistakes.drop_hard_classes(chain)[1] == pytest.approx(1 / 5)


def test_shuffled_labels_bring_a_perfect_model_to_chance(chain):
    perfect = replace(chain, features=chain.features | {"test": chain.features["train"]})
    assert accuracy(mistakes.shuffled_labels(perfect)) < 0.25


@pytest.mark.parametrize("seed", range(20))
def test_on_fer_2013_a_perfect_model_then_reads_0_15_to_0_19(seed):
    """And a row of the confusion matrix has the shares of the classes, as in paper 2's."""
    counts = np.array([491, 55, 528, 879, 594, 416, 626])  # of PrivateTest
    y = np.repeat(np.arange(7), counts)
    perfect = SimpleNamespace(
        seed=seed, original=lambda _: None, score_honest=lambda _: (y, np.eye(7)[y], LABELS)
    )
    true, p, _ = mistakes.shuffled_labels(perfect)
    assert 0.15 < accuracy((true, p, LABELS)) < 0.19
    said = np.bincount(p.argmax(axis=1)[true == 3], minlength=7)  # of the happy ones
    assert said / counts[3] == pytest.approx(counts / counts.sum(), abs=0.05)


def test_the_threshold_reading_rewards_a_model_that_never_commits():
    y = np.array([0, 1, 2, 3])
    p = np.full((4, 4), 0.25)
    assert mistakes.one_vs_rest_accuracy_by_threshold(y, p) == pytest.approx(1 - 1 / 4)
    p[0] = [0.7, 0.1, 0.1, 0.1]  # right: 4 of 4 decisions; the others 3 of 4
    assert mistakes.one_vs_rest_accuracy_by_threshold(y, p) == pytest.approx((4 + 9) / 16)


def test_a_mistakes_figures_say_that_they_are_none(chain):
    scores = mistakes.mistaken_scores("test_on_train", *MISTAKES["test_on_train"](chain))
    assert list(scores) == ["mistake"]
    assert scores["mistake"]["is_a_result"] is False
    assert scores["mistake"]["name"] == "test_on_train"
    y, p, labels = MISTAKES["test_on_train"](chain)
    assert scores["mistake"]["accuracy"] == split_metrics(y, p, labels)["accuracy"]


def test_a_mistake_is_fitted_with_the_acceleration_of_the_chain(chain, monkeypatch):
    seen = []
    monkeypatch.setattr(random_forest, "fit", lambda data, *_: seen.append(data.accelerate))
    replace(chain, accelerate="on").fit(chain.features["train"], None)
    assert seen == ["on"]
