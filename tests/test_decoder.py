"""The claim decoder: formulas against brute force, the papers' figures, bad input."""

import re

import numpy as np
import pytest

from ferflow.claims.decoder import (
    MAX_IMAGES,
    accuracy_under_dropping,
    accuracy_under_one_vs_rest,
    accuracy_under_selection,
    accuracy_under_training,
    decode,
    lifting_share,
    one_vs_rest,
    parse_figure,
    partly_trained_on,
    share_trained_on,
)
from ferflow.claims.verdict import Kind
from ferflow.core.errors import FerflowError


def by_name(figure, n_classes=7, **options):
    verdict = decode(figure, n_classes, **options)
    return {reading.mistake: reading for reading in verdict.readings}, verdict.long


@pytest.mark.parametrize(
    ("accuracy", "figure"), [(0.38, 0.823), (0.60, 0.886), (0.65, 0.900), (0.73, 0.923)]
)
def test_one_vs_rest_reads_as_the_specification_says(accuracy, figure):
    assert one_vs_rest(accuracy, 7) == pytest.approx(figure, abs=5e-4)


@pytest.mark.parametrize("n_classes", [2, 5, 7])
def test_one_vs_rest_is_the_mean_of_the_yes_no_decisions(n_classes):
    rng = np.random.default_rng(n_classes)
    y, guess = rng.integers(0, n_classes, (2, 500))
    decisions = [((guess == k) == (y == k)).mean() for k in range(n_classes)]
    accuracy = (guess == y).mean()
    assert one_vs_rest(accuracy, n_classes) == pytest.approx(np.mean(decisions))
    assert accuracy_under_one_vs_rest(np.mean(decisions), n_classes) == pytest.approx(accuracy)


def test_scoring_partly_on_training_images_by_counting():
    right = np.array([1, 1, 0, 1] * 25 + [1] * 100)  # 100 unseen at 0.75, 100 known
    assert partly_trained_on(0.75, 0.5) == pytest.approx(right.mean())
    assert accuracy_under_training(right.mean(), 0.5) == pytest.approx(0.75)
    assert share_trained_on(right.mean(), 0.75) == pytest.approx(0.5)
    assert accuracy_under_training(partly_trained_on(0.6, 0.3, 0.9), 0.3, 0.9) == pytest.approx(0.6)
    assert share_trained_on(partly_trained_on(0.6, 0.3, 0.9), 0.6, 0.9) == pytest.approx(0.3)


def test_dropping_images_gains_most_where_all_of_them_were_wrong():
    rng = np.random.default_rng(0)
    right = rng.random(1000) < 0.6
    for _ in range(50):
        kept = rng.random(1000) < rng.uniform(0.1, 1)
        figure = right[kept].mean()
        assert right.mean() >= accuracy_under_dropping(figure, kept.mean()) - 1e-12
    kept = right | (np.arange(1000) < 800)
    assert accuracy_under_dropping(right[kept].mean(), kept.mean()) == pytest.approx(right.mean())


def test_the_best_of_many_alike_models_gains_no_more_than_the_bound():
    rng = np.random.default_rng(0)
    best = rng.binomial(3589, 0.7, (400, 100)).max(axis=1).mean() / 3589
    assert accuracy_under_selection(best) <= 0.7
    assert accuracy_under_selection(best) > 0.69


ABOVE = (
    "is above every published honest figure (single networks 0.725 to 0.74, "
    "ensembles 0.75 to 0.77)."
)
BEST = "The best confirmed single networks reach 0.725 to 0.74."
NOTHING = "a match proves nothing."
GOLDEN = {
    0.10: "0.100 is below guessing (0.143 for 7 classes): the labels are in another order, or "
    "something is at fault.",
    0.14: "0.140 is below guessing (0.143 for 7 classes) by less than the scatter of guessing on "
    "3,589 images (± 0.011): it cannot be told from guessing.",
    0.1746: "0.1746 is possible: it needs no mistake. " + BEST + " It is less than naming every "
    "image of PrivateTest happy would print (0.245).",
    0.35: "0.350 is possible: it needs no mistake. " + BEST,
    0.6435: "0.6435 is possible: it needs no mistake. " + BEST,
    0.7306: "0.7306 is possible: it needs no mistake. " + BEST,
    0.74: "0.740 is possible: it needs no mistake. " + BEST,
    0.76: "0.760 is above every published single network (0.725 to 0.74) and possible for an "
    "ensemble (0.75 to 0.77). For a single network it is consistent with `one_vs_rest` of 0.160 "
    "(less than naming every image happy), `select_on_test` of at least 0.738 (the best single "
    "networks), `score_on_merged_validation` of 0.520 (many models), `leaky_splits` of 0.739 (the "
    "best single networks), `drop_hard_classes` of at least 0.660 (good single networks, people) "
    "or at least 8 % of the scored images trained on (by a network of 0.74); " + NOTHING,
    0.78: "0.780 " + ABOVE + " It exceeds the best ensemble by less than such a figure scatters on "
    "3,589 images (± 0.014). It is consistent with `one_vs_rest` of 0.230 (less than naming every "
    "image happy), `select_on_test` of at least 0.759 (ensembles only), "
    "`score_on_merged_validation` of "
    "0.560 (many models), `leaky_splits` of 0.761 (ensembles only), `drop_hard_classes` of at "
    "least 0.678 (good single networks, people) or at least 15 % of the scored images trained on "
    "(by a network of 0.74); " + NOTHING,
    0.8829: "0.8829 " + ABOVE + " It is consistent with `one_vs_rest` of 0.590 (many models), "
    "`score_on_merged_validation` of 0.766 (ensembles only), `drop_hard_classes` of at least 0.767 "
    "(ensembles only) or at least 55 % of the scored images trained on (by a network of 0.74); "
    + NOTHING,
    0.9: "0.900 " + ABOVE + " It is consistent with `one_vs_rest` of 0.650 (good single networks, "
    "people) or at least 62 % of the scored images trained on (by a network of 0.74); " + NOTHING,
    0.9471: "0.9471 " + ABOVE + " It is consistent with at least 80 % of the scored images trained "
    "on (by a network of 0.74); " + NOTHING,
    1.0: "1.000 " + ABOVE + " It is consistent with all of the scored images trained on (by a "
    "network of 0.74); " + NOTHING,
}
GOLDEN_ELSEWHERE = [
    (
        0.9,
        2,
        3589,
        "No ceiling is known for 2 classes: 0.900 can be called neither possible nor too high.",
    ),
    (
        0.8778,
        5,
        1415,
        "No ceiling is known for 5 classes: 0.8778 can be called neither possible "
        "nor too high. As the mean of one-vs-rest accuracies, it would be an accuracy of 0.695.",
    ),
    (
        0.15,
        5,
        1415,
        "0.150 is below guessing (0.200 for 5 classes): the labels are in another "
        "order, or something is at fault.",
    ),
    (
        0.9,
        1000,
        3589,
        "No ceiling is known for 1000 classes: 0.900 can be called neither possible nor too high.",
    ),
    (0.6435, 7, 7066, "0.6435 is possible: it needs no mistake. " + BEST),
    (
        0.12,
        7,
        196,
        "0.120 is below guessing (0.143 for 7 classes) by less than the scatter of guessing on 196 "
        "images (± 0.049): it cannot be told from guessing.",
    ),
    (
        0.8,
        7,
        196,
        "0.800 " + ABOVE + " It exceeds the best ensemble by less than such a figure scatters "
        "on 196 images (± 0.059). It is consistent with `one_vs_rest` of 0.300 (many models), "
        "`select_on_test` of at least 0.713 (the best single networks), "
        "`score_on_merged_validation` of 0.600 (good single networks, people), "
        "`drop_hard_classes` of at least 0.695 (good single networks, people) or at least 23 % of "
        "the scored images trained on (by a network of 0.74); " + NOTHING,
    ),
]


@pytest.mark.parametrize("figure", GOLDEN)
def test_whole_sentences_on_figures_of_fer2013(figure):
    assert decode(figure).long == GOLDEN[figure]


@pytest.mark.parametrize(("figure", "n_classes", "n_images", "sentence"), GOLDEN_ELSEWHERE)
def test_whole_sentences_on_other_classes_and_images(figure, n_classes, n_images, sentence):
    assert decode(figure, n_classes, n_images=n_images).long == sentence


@pytest.mark.parametrize(
    ("figure", "n_classes", "words"),
    [
        (0.1, 7, "below guessing (0.143)"),
        (0.5, 7, "possible"),
        (0.76, 7, "possible for ensembles alone"),
        (
            0.883,
            7,
            "above every published honest figure; consistent with `one_vs_rest` of 0.591 or "
            "at least 55 % of the scored images trained on",
        ),
        (
            0.9916,
            7,
            "above every published honest figure; consistent with at least 97 % of the "
            "scored images trained on",
        ),
        (0.8778, 5, "no ceiling is known for 5 classes"),
    ],
)
def test_the_same_in_a_few_words(figure, n_classes, words):
    assert decode(figure, n_classes).short == words


def test_more_images_narrow_the_scatter_and_the_choice_among_models():
    few, many = decode(0.8, n_images=196), decode(0.8, n_images=28263)
    assert few.n_images == 196
    assert "less than such a figure scatters on 196 images" in few.long
    assert "scatters" not in many.long
    needed = [
        next(r.needed for r in verdict.readings if r.mistake == "select_on_test")
        for verdict in (few, many)
    ]
    assert needed[0] < needed[1] < 0.8


def test_a_worse_fit_to_the_training_images_needs_a_better_model():
    sure, poor = by_name(0.85)[0], by_name(0.85, fit=0.9)[0]
    mistake = "score_on_merged_validation"
    assert poor[mistake].needed > sure[mistake].needed
    assert "trained on" not in by_name(0.95, fit=0.9)[1]


def test_no_mistake_is_offered_for_a_figure_that_needs_none():
    for figure in (0.05, 0.2, 0.5, 0.74):
        readings, verdict = by_name(figure)
        assert not readings and "consistent with" not in verdict


def test_without_a_ceiling_nothing_of_fer2013_is_said():
    for figure in np.linspace(0.5, 1, 11):
        verdict = decode(float(figure), 3)
        assert verdict.kind == Kind.NO_CEILING and verdict.share is None
        assert {r.mistake for r in verdict.readings} == {"one_vs_rest", "select_on_test"}
        assert not re.search("above|ensemble|single network|PrivateTest", verdict.long)


@pytest.mark.parametrize("n_classes", [2, 5, 7, 1000])
def test_every_figure_has_one_of_three_states_or_no_ceiling(n_classes):
    for figure in np.linspace(0, 1, 101):
        verdict = decode(float(figure), n_classes)
        if figure < 1 / n_classes:
            kind = Kind.BELOW
        elif n_classes != 7:
            kind = Kind.NO_CEILING
        else:
            kind = Kind.POSSIBLE if figure <= 0.77 else Kind.ABOVE
        assert verdict.kind == kind
        for words in (verdict.short, verdict.long):
            assert ("below guessing" in words) == (kind is Kind.BELOW)
            assert ("above every published honest figure" in words) == (kind is Kind.ABOVE)
            assert ("no ceiling" in words.lower()) == (kind is Kind.NO_CEILING)
            assert "explained" not in words
        assert all(r.needed is None or 0 <= r.needed <= 1 for r in verdict.readings)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.8829", 0.8829),
        ("88.29%", 0.8829),
        (" 88.29 % ", 0.8829),
        ("1", 1),
        ("0", 0),
        ("100%", 1),
    ],
)
def test_figures_are_read_as_shares_or_percentages(text, value):
    assert parse_figure(text) == pytest.approx(value)


NO_FIGURE = "a figure is a share such as 0.8829 or a percentage such as 88.29%; got {!r}."
BEYOND = "an accuracy must be from 0 to 1 (0% to 100%); got {!r}."


@pytest.mark.parametrize("text", ["high", "", "88,29%"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(FerflowError) as caught:
        parse_figure(text)
    assert str(caught.value) == NO_FIGURE.format(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("88.29", " Did you mean 88.29%?"),
        ("1.5", " Did you mean 1.5%?"),
        (" 100 ", " Did you mean 100%?"),
        ("100.5", ""),
        ("8829", ""),
        ("-0.1", ""),
        ("nan", ""),
        ("inf", ""),
        ("101%", ""),
        ("150 %", ""),
    ],
)
def test_what_is_no_share_is_refused_and_a_percentage_suggested(text, hint):
    with pytest.raises(FerflowError) as caught:
        parse_figure(text)
    assert str(caught.value) == BEYOND.format(text) + hint


def test_one_class_and_an_impossible_fit_are_refused():
    with pytest.raises(FerflowError, match="number of classes must be at least 2"):
        decode(0.5, 1)
    with pytest.raises(FerflowError, match="fit"):
        decode(0.5, fit=1.5)
    for n_images in (0, -1, 10**10):
        with pytest.raises(FerflowError, match=f"of test images must be .*; got {n_images}"):
            decode(0.5, n_images=n_images)
    with pytest.raises(FerflowError, match=r"figure and fit must be from 0 to 1; got 1\.5 and 1"):
        decode(1.5)


@pytest.mark.parametrize("n_images", [1, MAX_IMAGES])
def test_the_fewest_and_the_most_images_are_taken(n_images):
    assert decode(0.5, n_images=n_images).n_images == n_images


def test_a_figure_that_is_reached_anyway_needs_no_training_images():
    assert lifting_share(0.7, 0.7) is None
    assert lifting_share(0.8, 0.7, fit=0.7) is None
    assert lifting_share(0.85, 0.7) == pytest.approx(0.5)
