"""Statistics against slow, obvious ones, on whatever hypothesis draws."""

import math
from collections import Counter
from fractions import Fraction
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferflow.claims.decoder import (
    EXACT_COPIES,
    MERGED_VALIDATION,
    accuracy_under_dropping,
    accuracy_under_one_vs_rest,
    accuracy_under_training,
    decode,
    one_vs_rest,
    parse_figure,
    partly_trained_on,
    share_trained_on,
)
from ferflow.evaluation.intervals import independent_rows, wilson_interval
from ferflow.evaluation.metrics import LOG_LOSS_FLOOR, split_metrics
from ferflow.records.compact import Answers
from ferflow.records.compare import COMPARED, compare_split, mcnemar
from ferflow.records.resampling import SCORES, bootstrap, percentiles

usual = settings(max_examples=100, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def answered(draw, n_models=1):
    """Classes (n,) and each model's probabilities (n, c), with ties, zeros and unused classes."""
    n, c = draw(st.integers(1, 20)), draw(st.integers(2, 4))
    y = draw(st.lists(st.integers(0, c - 1), min_size=n, max_size=n))
    row = st.lists(st.integers(0, 4), min_size=c, max_size=c).filter(any)
    models = [
        np.array([np.divide(w, sum(w)) for w in draw(st.lists(row, min_size=n, max_size=n))])
        for _ in range(n_models)
    ]
    twins = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    return np.array(y), models, np.array(twins)


def decisions(p):
    """The first of the largest."""
    return [max(range(len(row)), key=lambda k: (row[k], -k)) for row in p.tolist()]


def share(right, of):
    return right / of if of else 0.0


def obvious_scores(y, p):
    """Every score by counting, for pairs (y, p) of lists."""
    n, c = p.shape
    said, y = decisions(p), y.tolist()
    hit = [sum(a == b == k for a, b in zip(y, said, strict=True)) for k in range(c)]
    precision = [share(hit[k], said.count(k)) for k in range(c)]
    recall = [share(hit[k], y.count(k)) for k in range(c)]
    f1 = [share(2 * hit[k], said.count(k) + y.count(k)) for k in range(c)]
    scores = {
        "accuracy": sum(hit) / n,
        "balanced_accuracy": np.mean([recall[k] for k in range(c) if k in y]),
        "log_loss": sum(-math.log(max(p[i, y[i]], LOG_LOSS_FLOOR)) for i in range(n)) / n,
    }
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        scores[f"{name}_macro"] = sum(values) / c
        scores[f"{name}_weighted"] = sum(values[k] * y.count(k) for k in range(c)) / n
    return scores


@usual
@given(answered())
def test_scores_are_what_counting_gives(drawn):
    y, (p,), _ = drawn
    n, c = p.shape
    labels = [f"class {k}" for k in range(c)]
    found = split_metrics(y, p, labels, n_bins=5)
    for name, value in obvious_scores(y, p).items():
        assert found[name] == pytest.approx(value, abs=1e-12), name
    said, true = decisions(p), y.tolist()
    two = [sorted(range(c), key=lambda k: (-row[k], k))[:2] for row in p.tolist()]
    assert found["top2_accuracy"] == sum(a in b for a, b in zip(true, two, strict=True)) / n
    yes_no = [(a == k) == (b == k) for a, b in zip(true, said, strict=True) for k in range(c)]
    assert found["one_vs_rest_accuracy"] == pytest.approx(sum(yes_no) / len(yes_no))
    t, s = Counter(true), Counter(said)
    right = sum(a == b for a, b in zip(true, said, strict=True))
    below = (n**2 - sum(v**2 for v in s.values())) * (n**2 - sum(v**2 for v in t.values()))
    above = right * n - sum(s[k] * t[k] for k in range(c))
    assert found["mcc"] == pytest.approx(above / math.sqrt(below) if below else 0, abs=1e-12)


@usual
@given(answered(), st.integers(1, 12))
def test_the_calibration_error_is_the_gap_of_each_bin(drawn, n_bins):
    y, (p,), _ = drawn
    bins = {}
    for true, said, row in zip(y.tolist(), decisions(p), p.tolist(), strict=True):
        top = max(row)
        bin_ = next(b for b in range(1, n_bins + 1) if top <= b / n_bins)
        bins.setdefault(bin_, []).append((top, true == said))
    gaps = [abs(sum(right for _, right in b) - sum(top for top, _ in b)) for b in bins.values()]
    labels = list(map(str, range(p.shape[1])))
    found = split_metrics(y, p, labels, n_bins=n_bins)["ece"]
    assert found == pytest.approx(sum(gaps) / len(y), abs=1e-12)


@usual
@given(st.integers(0, 50), st.integers(1, 50))
def test_wilsons_bounds_are_the_shares_that_lie_one_quantile_away(right, more):
    n = right + more - (right > 0)
    low, high = wilson_interval(right, n)
    assert 0 <= low <= right / n <= high <= 1
    for bound in (low, high):
        distance = 1.959963984540054 * math.sqrt(bound * (1 - bound) / n)
        if bound not in (0, 1):
            assert abs(right / n - bound) == pytest.approx(distance, abs=1e-9)
    assert (low == 0) == (right == 0) and (high == 1) == (right == n)


@usual
@given(answered())
def test_images_with_twins_are_worth_as_many_as_have_the_variance_of_their_mean(drawn):
    _, _, twins = drawn
    counts = Counter(twins.tolist()).values()
    variance = sum(Fraction(m, len(twins)) ** 2 for m in counts)  # of groups with variance 1
    assert independent_rows(twins) == pytest.approx(float(1 / variance))


@usual
@given(answered(n_models=2), seeds)
def test_a_bootstrap_draws_groups_of_twins_whole_and_the_same_for_both_models(drawn, seed):
    y, models, twins = drawn
    labels = list(map(str, range(models[0].shape[1])))
    answers = [Answers(np.arange(len(y)), y, p, labels, twins) for p in models]
    found = bootstrap(answers, 4, seed)
    members = [np.flatnonzero(twins == g) for g in np.unique(twins)]
    draws = np.random.default_rng(seed).integers(0, len(members), (4, len(members)))
    for k, picked in enumerate(draws):
        rows = np.concatenate([members[g] for g in picked])
        for number, p in enumerate(models):
            for name, value in obvious_scores(y[rows], p[rows]).items():
                assert found[name][number, k] == pytest.approx(value, abs=1e-9), name
    assert set(found) == set(SCORES)


@settings(usual, max_examples=25)
@given(answered(n_models=2))
def test_a_difference_is_paired_and_turns_round_with_the_models(drawn):
    y, models, twins = drawn
    labels = list(map(str, range(models[0].shape[1])))
    every = np.arange(len(y))
    a, b = (Answers(every, y, p, labels, twins).take(every) for p in models)  # numbers its twins
    runs = [SimpleNamespace(name=name, seed=0) for name in "ab"]
    there = compare_split([runs[0]], [runs[1]], "val", [a], [b])
    back = compare_split([runs[1]], [runs[0]], "val", [b], [a])
    draws = bootstrap([a, b])
    for name, one, other in zip(COMPARED, there.differences, back.differences, strict=True):
        exact = [obvious_scores(y, p)[name] for p in models]
        assert (one.score, one.a, one.b) == (name, pytest.approx(exact[0]), pytest.approx(exact[1]))
        assert one.difference == pytest.approx(exact[1] - exact[0], abs=1e-9)
        paired = percentiles(draws[name][1] - draws[name][0])
        assert (one.low, one.high) == pytest.approx(paired)
        assert (other.low, other.high) == pytest.approx((-one.high, -one.low), abs=1e-9)
    same = compare_split([runs[0]], [runs[0]], "val", [a], [a])
    assert all((d.difference, d.low, d.high) == (0, 0, 0) for d in same.differences)
    assert (same.tests[0].exact_p, same.tests[0].mid_p) == (1, 1)


@usual
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_mcnemars_p_adds_up_the_outcomes_that_are_as_uneven(pairs):
    a, b = np.array(pairs, dtype=bool).reshape(-1, 2).T
    alone = [x for x, z in pairs if x != z]
    k, fewer = len(alone), min(sum(alone), len(alone) - sum(alone))
    chance = [Fraction(math.comb(k, i), 2**k) for i in range(k + 1)]
    as_uneven = sum(p for i, p in enumerate(chance) if min(i, k - i) <= fewer)
    more_uneven = sum(p for i, p in enumerate(chance) if min(i, k - i) < fewer)
    only_a, only_b, exact, mid = mcnemar(a, b)
    assert (only_a, only_b) == (sum(alone), k - sum(alone))
    assert exact == pytest.approx(float(as_uneven))
    if 2 * fewer == k:  # neither is ahead
        assert (exact, mid) == (1, pytest.approx(1))
    else:
        assert mid == pytest.approx(float((as_uneven + more_uneven) / 2))


@usual
@given(answered())
def test_one_vs_rest_is_the_mean_of_yes_no_decisions(drawn):
    y, (p,), _ = drawn
    c = p.shape[1]
    pairs = list(zip(y.tolist(), decisions(p), strict=True))
    accuracy = sum(a == b for a, b in pairs) / len(pairs)
    figure = np.mean([[(a == k) == (b == k) for k in range(c)] for a, b in pairs])
    assert one_vs_rest(accuracy, c) == pytest.approx(figure)
    assert accuracy_under_one_vs_rest(figure, c) == pytest.approx(accuracy)


@usual
@given(st.integers(1, 30), st.integers(0, 30), st.integers(0, 30))
def test_images_that_were_trained_on_are_all_right(n_unseen, n_seen, n_right):
    right = min(n_right, n_unseen)
    accuracy, seen = right / n_unseen, n_seen / (n_seen + n_unseen)
    figure = (n_seen + right) / (n_seen + n_unseen)
    assert partly_trained_on(accuracy, seen) == pytest.approx(figure)
    assert accuracy_under_training(figure, seen) == pytest.approx(accuracy, abs=1e-9)
    if right < n_unseen:
        assert share_trained_on(figure, accuracy) == pytest.approx(seen, abs=1e-9)


@usual
@given(st.lists(st.booleans(), min_size=1, max_size=7), st.integers(1, 7))
def test_who_drops_images_needs_at_least_the_accuracy_of_the_best_choice(right, kept):
    kept = min(kept, len(right))
    figures = {sum(chosen) / kept for chosen in combinations(right, kept)}
    accuracy = sum(right) / len(right)
    needed = [accuracy_under_dropping(figure, kept / len(right)) for figure in figures]
    assert max(needed) <= accuracy + 1e-12
    if sum(right) <= kept:  # the choice that drops errors alone
        assert max(needed) == pytest.approx(accuracy)


@usual
@given(st.floats(0, 1), st.integers(2, 20))
def test_every_reading_that_is_no_bound_gives_the_figure_back(figure, n_classes):
    forward = {
        "one_vs_rest": lambda a: one_vs_rest(a, n_classes),
        "score_on_merged_validation": lambda a: partly_trained_on(a, MERGED_VALIDATION),
        "leaky_splits": lambda a: partly_trained_on(a, EXACT_COPIES),
    }
    for reading in decode(figure, n_classes).readings:
        if reading.needed is not None:
            assert 0 <= reading.needed <= 1
            if reading.mistake in forward:
                assert forward[reading.mistake](reading.needed) == pytest.approx(figure)
                assert not reading.at_least
            else:
                assert reading.at_least and reading.needed <= figure


@usual
@given(st.integers(0, 10_000))
def test_a_figure_is_the_same_as_a_share_and_in_percent(number):
    exact = pytest.approx(number / 10_000)
    assert parse_figure(f"{number / 100:.2f}%") == exact
    assert parse_figure(f" {number / 100:.2f} % ") == exact
    assert parse_figure(f"{number / 10_000:.4f}") == exact
