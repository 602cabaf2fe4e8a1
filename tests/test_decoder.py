"""The claim decoder: formulas against brute force, the papers' figures, bad input."""

import numpy as np
import pytest

from ferflow.errors import FerflowError
from ferflow.papers.decoder import (
    accuracy_under_dropping,
    accuracy_under_one_vs_rest,
    accuracy_under_selection,
    accuracy_under_training,
    decode,
    one_vs_rest,
    parse_figure,
    partly_trained_on,
    share_trained_on,
)


def by_name(figure, n_classes=7, **options):
    decoding = decode(figure, n_classes, **options)
    return {reading.mistake: reading for reading in decoding.readings}, decoding.verdict


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


def test_paper_2s_final_figure():
    readings, verdict = by_name(0.8829)
    assert readings["one_vs_rest"].needed == pytest.approx(0.59015)
    assert readings["score_on_merged_validation"].needed == pytest.approx(0.7658)
    assert readings["score_on_merged_validation"].reach == "ensembles only"
    assert not readings["none"].plausible and not readings["leaky_splits"].plausible
    assert "out of reach of single networks" in verdict
    assert "consistent with one_vs_rest (of 0.590: many models)" in verdict


def test_paper_3s_five_classes():
    readings, verdict = by_name(0.878, 5)
    assert readings["one_vs_rest"].needed == pytest.approx(0.695)
    assert by_name(0.878)[0]["one_vs_rest"].needed == pytest.approx(0.573)
    assert "not for 5" in verdict


def test_a_modest_figure_is_consistent_with_honesty():
    _, verdict = by_name(0.6435)
    assert verdict.startswith("0.6435 is consistent with an honest accuracy")


def test_what_only_ensembles_reach():
    _, verdict = by_name(0.76)
    assert "out of reach of single networks" in verdict
    assert "consistent with an ensemble" in verdict


def test_a_worse_fit_to_the_training_images_needs_a_better_model():
    sure, poor = by_name(0.85)[0], by_name(0.85, fit=0.9)[0]
    mistake = "score_on_merged_validation"
    assert poor[mistake].needed > sure[mistake].needed
    assert "trained on" not in by_name(0.95, fit=0.9)[1]


def test_no_mistake_is_named_where_no_accuracy_gives_the_figure():
    readings, _ = by_name(0.35)
    assert readings["one_vs_rest"].needed is None
    assert not readings["one_vs_rest"].plausible


@pytest.mark.parametrize("figure", np.linspace(0, 1, 101))
def test_every_figure_has_a_verdict_that_never_says_explained(figure):
    for n_classes in (2, 5, 7, 1000):
        readings, verdict = by_name(float(figure), n_classes)
        assert "explained" not in verdict
        assert "consistent with" in verdict or "out of reach of" in verdict
        assert all(r.needed is None or 0 <= r.needed <= 1 for r in readings.values())


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("high", "got 'high'"),
        ("", "a figure is"),
        ("88,29%", "a figure is"),
        ("88.29", r"Did you mean 88\.29%\?"),
        ("8829", "from 0 to 1"),
        ("-0.1", "from 0 to 1"),
        ("nan", "from 0 to 1"),
        ("inf", "from 0 to 1"),
        ("101%", "from 0 to 1"),
    ],
)
def test_what_is_no_figure_is_refused(text, message):
    with pytest.raises(FerflowError, match=message) as caught:
        parse_figure(text)
    assert "\n" not in str(caught.value)


def test_one_class_and_an_impossible_fit_are_refused():
    with pytest.raises(FerflowError, match="at least 2 classes"):
        decode(0.5, 1)
    with pytest.raises(FerflowError, match="fit"):
        decode(0.5, fit=1.5)
