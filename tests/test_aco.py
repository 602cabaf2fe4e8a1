"""The ant colony: its draws follow the rule, and it finds an answer that was planted."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from ferflow.aco import (
    SIZE_FRACTIONS,
    Ant,
    ColonyOptions,
    Trail,
    best_of,
    choose_without_replacement,
    search,
)

OPTIONS = ColonyOptions(n_ants=10, n_iterations=20, alpha=1.1, beta=1.5, q0=0.5, rho=0.2)
WEIGHTS = np.array([1.0, 4.0, 2.0, 3.0])


def send(score, d=30, n_features=5, options=OPTIONS, seed=0, on_ant=None):
    return search(score, np.ones(d), n_features, options, np.random.default_rng(seed), on_ant)


def masks(ants):
    return np.array([ant.mask for ant in ants])


@pytest.mark.parametrize("q0", [0, 0.5, 1])
@pytest.mark.parametrize("k", [1, 7, 20])
def test_k_different_indices_are_chosen(k, q0):
    weights = np.random.default_rng(0).random(20) + 0.01
    for seed in range(20):
        chosen = choose_without_replacement(weights, k, q0, np.random.default_rng(seed))
        assert len(set(chosen.tolist())) == k
        assert set(chosen.tolist()) <= set(range(20))


def test_with_q0_of_1_the_heaviest_are_taken_in_order():
    chosen = choose_without_replacement(WEIGHTS, 3, 1, np.random.default_rng(0))
    assert chosen.tolist() == [1, 3, 2]


def test_with_q0_of_0_the_first_is_drawn_in_proportion_to_the_weights():
    rng = np.random.default_rng(0)
    first = [choose_without_replacement(WEIGHTS, 2, 0, rng)[0] for _ in range(5000)]
    observed = np.bincount(first, minlength=4)
    assert chisquare(observed, 5000 * WEIGHTS / WEIGHTS.sum()).pvalue > 1e-3


@pytest.mark.parametrize("q0", [0, 0.3, 0.8])
def test_each_pick_follows_the_pseudo_random_proportional_rule(q0):
    def chance(index, left):
        """Dorigo and Gambardella (1997), eq. 3: the heaviest, or a draw by weight."""
        heaviest = max(left, key=lambda i: WEIGHTS[i])
        return q0 * (index == heaviest) + (1 - q0) * WEIGHTS[index] / WEIGHTS[list(left)].sum()

    rng = np.random.default_rng(1)
    drawn = [tuple(choose_without_replacement(WEIGHTS, 3, q0, rng).tolist()) for _ in range(8000)]
    observed, expected = [], []
    for a, b, c in permutations(range(4), 3):
        everything = {0, 1, 2, 3}
        triple = (
            chance(a, everything) * chance(b, everything - {a}) * chance(c, everything - {a, b})
        )
        observed.append(drawn.count((a, b, c)))
        expected.append(8000 * triple)
    assert chisquare(observed, expected).pvalue > 1e-3


def test_attraction_is_pheromone_and_heuristic_to_their_powers():
    trail = Trail(np.array([2.0, 3.0]), ColonyOptions(1, 1, alpha=2, beta=3, q0=0.9, rho=0.2))
    assert trail.attraction().tolist() == [8, 27]
    trail.pheromone = np.array([1.0, 5.0])
    assert trail.attraction().tolist() == [8, 25 * 27]


def test_a_visit_wears_pheromone_towards_the_start_value():
    trail = Trail(np.ones(3), ColonyOptions(1, 1, 1, 1, q0=0.9, rho=0.25))
    trail.pheromone = np.array([3.0, 3.0, 0.2])
    trail.visit(np.array([0, 2]))
    assert trail.pheromone == pytest.approx([2.5, 3.0, 0.4])


def test_a_reward_moves_pheromone_towards_its_amount():
    trail = Trail(np.ones(3), ColonyOptions(1, 1, 1, 1, q0=0.9, rho=0.25))
    trail.reward(np.array([1]), 2.0)
    assert trail.pheromone == pytest.approx([1, 1.25, 1])


def test_as_many_ants_are_sent_as_asked_and_each_is_reported():
    seen = []
    ants = send(lambda _: 0.5, on_ant=seen.append)
    assert seen == ants
    assert [(ant.iteration, ant.ant) for ant in ants] == [
        (iteration, ant) for iteration in range(20) for ant in range(10)
    ]


def test_every_ant_keeps_the_number_of_features_that_was_asked_for():
    assert set(masks(send(lambda _: 0.5, n_features=7)).sum(axis=1)) == {7}


def test_all_features_and_one_feature_are_sizes_like_others():
    assert masks(send(lambda _: 0.5, d=6, n_features=6)).all()
    assert set(masks(send(lambda _: 0.5, d=6, n_features=1)).sum(axis=1)) == {1}


def test_without_a_number_the_ants_choose_among_the_fractions():
    sizes = set(masks(send(lambda _: 0.5, d=100, n_features=None)).sum(axis=1).tolist())
    assert sizes <= {round(100 * fraction) for fraction in SIZE_FRACTIONS}
    assert len(sizes) > 3


def test_the_size_that_scores_best_is_chosen_most_often_in_the_end():
    def score(mask):
        return 1 - abs(mask.mean() - 0.3)

    late = [ant for seed in range(20) for ant in send(score, 100, None, seed=seed)[100:]]
    assert np.bincount(masks(late).sum(axis=1)).argmax() == 30


@pytest.mark.parametrize("n_features", [5, None])
def test_the_seed_fixes_every_ant(n_features):
    def score(mask):
        return float(mask[:5].mean())

    first, again, other = (send(score, n_features=n_features, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(masks(first), masks(again))
    assert [ant.score for ant in first] == [ant.score for ant in again]
    assert not np.array_equal(masks(first), masks(other))


def test_the_colony_finds_planted_features_that_random_subsets_miss():
    d, k, n_seeds = 60, 10, 5
    found, found_at_random = [], []
    for seed in range(n_seeds):
        rng = np.random.default_rng([seed, 1])
        informative = rng.permutation(d)[:k]
        ants = send(lambda mask, good=informative: float(mask[good].mean()), d, k, seed=seed)
        found.append(best_of(ants).mask[informative].sum())
        # as many random subsets as there were ants: the best of them has had its luck too
        subsets = [rng.choice(d, k, replace=False) for _ in ants]
        found_at_random.append(max(np.isin(subset, informative).sum() for subset in subsets))
    assert np.mean(found) >= np.mean(found_at_random) + 2
    assert min(found) >= max(found_at_random)


def test_the_heuristic_leads_the_first_ants():
    heuristic = np.ones(50)
    heuristic[:5] = 20
    ants = search(lambda _: 0.5, heuristic, 5, OPTIONS, np.random.default_rng(0))
    assert masks(ants[:10])[:, :5].mean() > 0.6


def test_scores_of_nothing_but_zero_are_no_reason_to_fail():
    assert len(send(lambda _: 0.0)) == 200


def test_the_best_ant_scores_highest_and_is_smallest_and_first_on_ties():
    def ant(number, score, size):
        return Ant(0, number, np.arange(4) < size, score)

    ants = [ant(0, 0.5, 1), ant(1, 0.7, 3), ant(2, 0.7, 2), ant(3, 0.7, 2)]
    assert best_of(ants).ant == 2
