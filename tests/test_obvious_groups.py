"""Twins, ties and deals against slow, obvious ways, on whatever hypothesis draws."""

from collections import Counter
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ferflow.core.ties import tied
from ferflow.download.splitting import deal, reorder
from ferflow.images.twins import Pairs, close_pairs, exact_groups, join

usual = settings(max_examples=100, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**32 - 1)


@usual
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=40),
    st.lists(st.integers(1, 5), min_size=2, max_size=4),
    seeds,
)
def test_a_group_goes_as_a_whole_where_the_counts_stay_closest_to_the_shares(rows, parts, seed):
    groups, y = np.array(rows).T
    shares = np.array(parts) / sum(parts)
    side = deal(groups, y, shares, np.random.default_rng(seed))
    of = {g: set(side[groups == g].tolist()) for g in groups.tolist()}
    assert all(len(sides) == 1 for sides in of.values())
    names = sorted(of)
    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    order.sort(key=lambda k: -(groups == names[k]).sum())
    total = Counter(y.tolist())
    counts = [Counter() for _ in parts]

    def unevenness(placed):
        return sum(
            placed[s][k] ** 2 / shares[s] / total[k] ** 2 for s in range(len(parts)) for k in total
        )

    for k in order:
        here = Counter(y[groups == names[k]].tolist())
        tried = [
            [c + here if s == t else c for t, c in enumerate(counts)] for s in range(len(parts))
        ]
        (chosen,) = of[names[k]]
        assert unevenness(tried[chosen]) <= min(map(unevenness, tried)) + 1e-9
        counts = tried[chosen]


@usual
@given(st.integers(1, 30), st.integers(2, 4), seeds)
def test_images_without_twins_are_dealt_out_to_the_image(n, n_sides, seed):
    rng = np.random.default_rng(seed)
    side = deal(np.arange(n), np.zeros(n, np.int64), np.full(n_sides, 1 / n_sides), rng)
    counts = np.bincount(side, minlength=n_sides)
    assert counts.sum() == n and np.ptp(counts) <= 1


@usual
@given(st.permutations(range(12)))
def test_rows_are_reordered_in_place(order):
    array = np.arange(24).reshape(12, 2)
    expected = [[2 * k, 2 * k + 1] for k in order]
    reorder(array, np.array(order))
    assert array.tolist() == expected


def components(n, edges):
    """The smallest row that each row is tied to, by walking until nothing changes."""
    first = list(range(n))
    changed = True
    while changed:
        changed = False
        for a, b in edges:
            low = min(first[a], first[b])
            changed |= (first[a], first[b]) != (low, low)
            first[a] = first[b] = low
    return first


@usual
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", "", "a", "b", "c"])), min_size=1))
def test_rows_are_tied_by_items_and_persons_in_a_chain(rows):
    items, persons = (np.array(values) for values in zip(*rows, strict=True))
    found = tied(items, persons)
    edges = [
        (i, j)
        for i, j in combinations(range(len(rows)), 2)
        if items[i] == items[j] or persons[i] == persons[j] != ""
    ]
    first = components(len(rows), edges)
    for i, j in combinations(range(len(rows)), 2):
        assert (found[i] == found[j]) == (first[i] == first[j])


@usual
@given(
    st.lists(st.lists(st.integers(0, 63), max_size=6), min_size=2, max_size=15),
    st.integers(0, 8),
    seeds,
)
def test_close_hashes_are_those_of_all_pairs(flips, most, seed):
    base = int(np.random.default_rng(seed).integers(0, 2**64, dtype=np.uint64))
    hashes = [base ^ sum(1 << bit for bit in set(bits)) for bits in flips]
    expected = {
        (i, j)
        for i, j in combinations(range(len(hashes)), 2)
        if (hashes[i] ^ hashes[j]).bit_count() <= most
    }
    parts = close_pairs(np.array(hashes, dtype=np.uint64), most)
    found = {
        pair for one, other in parts for pair in zip(one.tolist(), other.tolist(), strict=True)
    }
    assert found == expected


@usual
@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=15),
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14), st.integers(0, 8))),
    st.integers(0, 8),
)
def test_twins_of_twins_are_one_group(values, drawn, most):
    n = len(values)
    images = np.array(values, dtype=np.uint8).reshape(n, 1, 1)
    exact = exact_groups(images)
    assert exact.tolist() == [values.index(value) for value in values]
    near = [(exact[a % n], exact[b % n], d) for a, b, d in drawn]
    first, second, distance = (
        (np.array(k, dtype=np.int64) for k in zip(*near, strict=True))
        if (near)
        else (np.empty(0, np.int64),) * 3
    )
    edges = [(a, b) for a, b, d in near if d <= most] + list(enumerate(exact.tolist()))
    assert join(exact, Pairs(first, second, distance), most).tolist() == components(n, edges)
