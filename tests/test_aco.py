"""The rule of the colony: draws, trails, sizes, heuristics."""

from itertools import permutations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import chisquare
from sklearn.feature_selection import f_classif

from ferflow.aco.colony import START, Rule, Trail, draw_subsets
from ferflow.aco.columns import Columns
from ferflow.aco.heuristic import f_values, heuristic_values
from ferflow.aco.racing import Rung, Scoreboard, plan_rungs
from ferflow.aco.sizes import candidate_sizes

WEIGHTS = np.array([1.0, 4.0, 2.0, 3.0])


def rule(**changes):
    options = {"alpha": 1.1, "beta": 1.5, "q0": 0.5, "evaporation_rate": 0.25, "deposit": 3.0}
    return Rule(**(options | changes))


def draw(weights, k, q0, n_ants, seed=0):
    sizes = np.full(n_ants, k)
    return draw_subsets(np.log(weights), sizes, q0, np.random.default_rng(seed))


@pytest.mark.parametrize("q0", [0, 0.5, 1])
@pytest.mark.parametrize("k", [1, 7, 20])
def test_every_ant_draws_as_many_different_features_as_asked(k, q0):
    masks = draw(np.random.default_rng(0).random(20) + 0.01, k, q0, n_ants=30)
    assert masks.shape == (30, 20)
    assert set(masks.sum(axis=1)) == {k}


@pytest.mark.parametrize("q0", [0, 0.5, 1])
def test_ants_may_want_different_numbers_of_features(q0):
    sizes = np.array([3, 1, 20, 7, 3])
    masks = draw_subsets(np.zeros(20), sizes, q0, np.random.default_rng(0))
    assert masks.sum(axis=1).tolist() == sizes.tolist()


def test_with_q0_of_1_the_heaviest_are_taken():
    assert set(map(tuple, draw(WEIGHTS, 2, 1, n_ants=5).tolist())) == {(False, True, False, True)}


@pytest.mark.parametrize("q0", [0.5, 1])
def test_equals_are_taken_in_random_order(q0):
    masks = draw(np.ones(12), 4, q0, n_ants=200)
    assert masks.any(axis=0).all()
    assert chisquare(masks.sum(axis=0)).pvalue > 1e-3


def test_with_q0_of_0_a_feature_is_drawn_in_proportion_to_its_weight():
    observed = draw(WEIGHTS, 1, 0, n_ants=5000).sum(axis=0)
    assert chisquare(observed, 5000 * WEIGHTS / WEIGHTS.sum()).pvalue > 1e-3


@pytest.mark.parametrize("q0", [0, 0.3, 0.8])
@pytest.mark.parametrize("k", [2, 3])
def test_subsets_follow_the_pseudo_random_proportional_rule(q0, k):
    """Every subset comes as often as the sum over the orders in which it can be picked."""

    def chance(index, left):
        """Dorigo and Gambardella (1997), eq. 3: the heaviest, or a draw by weight."""
        heaviest = max(left, key=lambda i: WEIGHTS[i])
        return q0 * (index == heaviest) + (1 - q0) * WEIGHTS[index] / WEIGHTS[list(left)].sum()

    expected = {}
    for order in permutations(range(4), k):
        p, left = 1.0, {0, 1, 2, 3}
        for index in order:
            p *= chance(index, left)
            left = left - {index}
        key = frozenset(order)
        expected[key] = expected.get(key, 0) + p
    drawn = [frozenset(np.flatnonzero(m).tolist()) for m in draw(WEIGHTS, k, q0, 8000, seed=1)]
    observed = [drawn.count(key) for key in expected]
    assert sum(observed) == 8000
    assert chisquare(observed, 8000 * np.array(list(expected.values()))).pvalue > 1e-3


def test_tiny_weights_are_told_apart():
    log_weights = np.array([-2000.0, -2001.0, -2010.0])
    masks = draw_subsets(log_weights, np.full(3000, 1), 0, np.random.default_rng(0))
    share = masks.mean(axis=0)
    assert share[0] == pytest.approx(1 / (1 + np.exp(-1) + np.exp(-10)), abs=0.03)
    assert share[2] < 0.01


def test_attraction_is_pheromone_and_heuristic_to_their_powers():
    trail = Trail(np.array([2.0, 3.0]), rule(alpha=2, beta=3))
    trail.pheromone = np.array([1.0, 5.0])
    assert np.exp(trail.log_attraction) == pytest.approx([8, 25 * 27])


def test_each_visit_wears_pheromone_towards_the_start_value():
    trail = Trail(np.ones(3), rule())
    trail.pheromone = one_by_one = np.array([3.0, 3.0, 0.2])
    visits = np.array([2, 0, 1])
    trail.wear(visits)
    for ant in range(2):
        updated = 0.75 * one_by_one + 0.25 * START
        one_by_one = np.where(visits > ant, updated, one_by_one)
    assert trail.pheromone == pytest.approx(one_by_one)


def test_the_best_subset_alone_gains_pheromone_and_none_evaporates():
    trail = Trail(np.ones(3), rule())
    trail.reward(np.array([False, True, False]))
    assert trail.pheromone == pytest.approx([1, 0.75 + 0.25 * 3, 1])


def test_max_min_starts_high_evaporates_everywhere_and_stays_within_its_bounds():
    trail = Trail(np.ones(3), rule(bounds=(0.5, 4.0)))
    assert trail.pheromone.tolist() == [4, 4, 4]
    trail.wear(np.array([5, 5, 5]))
    assert trail.pheromone.tolist() == [4, 4, 4]
    best = np.array([False, True, False])
    trail.reward(best)
    assert trail.pheromone == pytest.approx([3, 4, 3])
    for _ in range(20):
        trail.reward(best)
    assert trail.pheromone == pytest.approx([0.5, 4, 0.5])


def test_entropy_is_1_for_a_flat_trail_and_falls():
    trail = Trail(np.ones(8), rule())
    assert trail.entropy == pytest.approx(1)
    trail.pheromone = np.array([100.0] + 7 * [0.01])
    assert trail.entropy < 0.05
    assert Trail(np.ones(1), rule()).entropy == 1


@pytest.mark.parametrize(
    ("wanted", "sizes"),
    [
        (1, [1]),
        (100, [100]),
        (np.int64(7), [7]),
        (0.3, [30]),
        (0.001, [1]),
        ("auto", [10, 20, 30, 40, 50, 60, 70, 80, 90]),
        ((2, 5), [2, 3, 4, 5]),
        ((10, 0.9), [10, 20, 30, 40, 50, 60, 70, 80, 90]),
        ([4, 4], [4]),
    ],
)
def test_a_number_a_fraction_a_range_and_auto_are_sizes(wanted, sizes):
    assert candidate_sizes(wanted, 100).tolist() == sizes


@pytest.mark.parametrize(
    "wanted", [0, -1, 101, 0.0, 1.0, 1.5, True, None, "all", (5, 2), (1, 2, 3), (0, 5), np.nan]
)
def test_an_impossible_size_is_refused(wanted):
    with pytest.raises(ValueError, match=r"n_features_to_select must be .* of 100 features.*; got"):
        candidate_sizes(wanted, 100)


def test_with_few_features_auto_has_no_size_twice():
    assert candidate_sizes("auto", 3).tolist() == [1, 2, 3]
    assert candidate_sizes("auto", 1).tolist() == [1]


@pytest.fixture
def data():
    """Eight features, of which 2 and 5 tell the classes apart and 7 never changes."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    x = rng.normal(size=(120, 8)).astype(np.float32)
    x[:, [2, 5]] += 3 * y[:, None]
    x[:, 7] = 4
    return x, y


@pytest.mark.parametrize("name", ["f_classif", "mutual_info", "forest"])
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_named_heuristics_find_what_matters(data, name, kind):
    x, y = data
    values = heuristic_values(
        name, x, y * 1.5 if kind == "numbers" else y, is_classifier=kind == "classes", seed=0
    )
    assert set(np.argsort(values)[-2:]) == {2, 5}
    assert values.max() == 1
    assert values.min() > 0


def test_f_values_are_the_anova_f_and_0_for_what_never_changes(data):
    x, y = data
    assert f_values(x, y)[7] == 0
    assert f_values(x, y)[:7] == pytest.approx(f_classif(x[:, :7].astype(np.float64), y)[0])
    assert f_values(sp.csr_matrix(x), y) == pytest.approx(f_values(x, y))
    wide = np.tile(x, 100)  # more columns than are looked at in one go
    assert f_values(wide, y) == pytest.approx(np.tile(f_values(x, y), 100))


def test_an_array_and_a_callable_are_heuristics_too(data):
    x, y = data
    given = np.array([0, 2.0, 4, 0, 0, 0, 0, 1])
    for heuristic in (given, given.tolist(), lambda a, b: given * (len(a) == len(b))):
        values = heuristic_values(heuristic, x, y, is_classifier=True, seed=0)
        assert values == pytest.approx([1e-6, 0.5, 1, 1e-6, 1e-6, 1e-6, 1e-6, 0.25])
    assert (heuristic_values(np.zeros(8), x, y, is_classifier=True, seed=0) == 1).all()


@pytest.mark.parametrize(
    ("heuristic", "message"),
    [
        (np.arange(8.0) - 1, r"heuristic must be finite and not negative; got -1\.0 for feature 0"),
        (np.full(8, np.nan), "heuristic must be finite and not negative; got nan"),
        (np.ones(7), r"heuristic must be 8 values, one a feature; got shape \(7,\)"),
    ],
)
def test_an_impossible_heuristic_is_refused(data, heuristic, message):
    with pytest.raises(ValueError, match=message):
        heuristic_values(heuristic, *data, is_classifier=True, seed=0)


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sp.csr_matrix])
@pytest.mark.parametrize("rows", [None, np.array([3, 0, 2500])])
def test_columns_gives_back_the_part_that_was_asked_for(make, rows):
    x = np.random.default_rng(0).random((3000, 5)).astype(np.float32)
    mask = np.array([True, False, True, True, False])
    part = Columns(make(x)).take(mask, rows)
    expected = x[:, mask] if rows is None else x[rows][:, mask]
    assert part.dtype == np.float32
    assert np.array_equal(part.toarray() if sp.issparse(part) else part, expected)


def test_rungs_rise_to_the_full_score_and_none_is_too_small_to_say_anything():
    assert plan_rungs(6000, 4, racing=True) == [Rung(1 / 16, 0.25), Rung(1 / 4, 0.5), Rung(1, 1)]
    assert plan_rungs(1500, 4, racing=True) == [Rung(1 / 4, 0.5), Rung(1, 1)]
    assert plan_rungs(399, 4, racing=True) == [Rung(1, 1)]
    assert plan_rungs(6000, 4, racing=False) == [Rung(1, 1)]


def test_from_each_rung_the_best_part_climbs_and_nothing_is_scored_twice():
    calls = []

    def score(mask, rung):
        calls.append((rung, int(mask[:8] @ 2 ** np.arange(8))))
        return float(mask @ np.arange(40))

    rng = np.random.default_rng(0)
    masks = np.array([rng.permutation(40) < 5 for _ in range(20)])
    masks[3] = masks[11]
    board = Scoreboard(score, plan_rungs(6000, 4, racing=True), 4)
    scores, reached = board.race(masks, np.zeros(20))
    assert np.bincount(reached).tolist() == [15, 3, 2]
    assert reached[scores.argmax()] == 2
    assert scores.min() >= 0
    assert board.n_fits[0] == 19
    n_calls = len(calls)
    board.race(masks, np.zeros(20))
    assert len(calls) == n_calls == board.n_fits.sum()
