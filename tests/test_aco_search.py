"""The search: it finds what was planted, repeats itself, survives a kill, and can be drawn."""

import signal
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from ferflow.aco import (
    AntColonySelector,
    jaccard_stability,
    kuncheva_index,
    mean_jaccard_distance,
)
from ferflow.aco.checkpoint import Checkpoint, fingerprint
from ferflow.aco.colony import Rule, draw_subsets
from ferflow.aco.columns import Columns
from ferflow.aco.racing import FULL, Scoreboard
from ferflow.aco.search import Search
from ferflow.aco.sizes import candidate_sizes

mpl.use("Agg")
ROOT = Path(__file__).parents[1]


def search(score, d=60, sizes=(10,), n_ants=10, n_iterations=20, seed=0, parsimony=0.0, **rule):
    """A search by a score that is known, with a flat heuristic."""
    options = {"alpha": 1, "beta": 1, "q0": 0.5, "evaporation_rate": 0.2, "deposit": 10.0}
    board = Scoreboard(lambda mask, _: score(mask), [FULL], 4)
    colony = Search(
        np.ones(d),
        np.array(sizes),
        Rule(**(options | rule)),
        board,
        parsimony,
        np.random.default_rng(seed),
    )
    for _ in colony.run(n_ants, n_iterations):
        pass
    return colony


@pytest.mark.parametrize("bounds", [None, (0.1, 5.0)])
def test_planted_features_are_found_that_random_subsets_miss(bounds):
    d, k, n_seeds = 60, 10, 5
    found, found_at_random = [], []
    for seed in range(n_seeds):
        rng = np.random.default_rng([seed, 1])
        good = rng.permutation(d)[:k]
        colony = search(lambda mask, good=good: float(mask[good].mean()), seed=seed, bounds=bounds)
        found.append(colony.best.mask[good].sum())
        # as many random subsets as there were ants: the best of them has had its luck too
        subsets = [rng.choice(d, k, replace=False) for _ in colony.ants]
        found_at_random.append(max(np.isin(subset, good).sum() for subset in subsets))
    assert np.mean(found) >= np.mean(found_at_random) + 2
    assert min(found) >= max(found_at_random)


def test_the_size_that_scores_best_is_chosen_most_often_in_the_end():
    sizes = candidate_sizes("auto", 100)
    late = []
    for seed in range(10):
        colony = search(lambda mask: 1 - abs(mask.mean() - 0.3), 100, sizes, seed=seed)
        late += [row[2] for row in colony.ants[100:]]
    assert np.bincount(late).argmax() == 30


def test_with_parsimony_equal_scores_lead_to_fewer_features():
    kept = [search(lambda _: 0.5, 100, (20, 80), parsimony=p).best.mask.sum() for p in (0, 0.1)]
    assert kept == [20, 20]
    grows = search(lambda mask: 0.001 * mask.mean(), 100, (20, 80), parsimony=0.1)
    assert grows.best.mask.sum() == 20
    assert grows.best.score == pytest.approx(0.0002)


def test_negative_scores_and_nothing_but_zero_are_scores_too():
    assert search(lambda _: 0.0).best.score == 0
    best = search(lambda mask: -1 - float(mask[:50].sum())).best
    assert best.mask[50:].sum() >= 6  # a random subset has 1.7 of them
    assert best.score == -1 - best.mask[:50].sum()


def test_history_tells_the_best_so_far_the_diversity_and_the_entropy():
    colony = search(lambda mask: float(mask[:10].mean()))
    best = [row["best_score"] for row in colony.history]
    assert best == sorted(best)
    assert best[-1] == max(row[-1] for row in colony.ants) == colony.best.score
    assert all(0 <= row["diversity"] <= 1 for row in colony.history)
    assert colony.history[-1]["diversity"] < colony.history[0]["diversity"]
    assert colony.history[-1]["entropy"] < colony.history[0]["entropy"] <= 1
    assert [row["iteration"] for row in colony.history] == list(range(20))


def test_greedy_ants_are_alike_and_drawing_ants_are_not():
    log_weights = np.random.default_rng(0).random(60)
    sizes = np.full(20, 30)
    alike = {
        q0: mean_jaccard_distance(draw_subsets(log_weights, sizes, q0, np.random.default_rng(0)))
        for q0 in (0.0, 0.9, 1.0)
    }
    assert alike[1.0] == 0 < alike[0.9] < alike[0.0] / 2


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = np.arange(600) % 3
    x = rng.normal(size=(600, 40)).astype(np.float32)
    x[:, :6] += 0.8 * (y[:, None] == np.arange(6) % 3)
    return x, y


def colony(estimator=None, **changes):
    options = {"n_features_to_select": 8, "n_ants": 12, "n_iterations": 3, "q0": 0.2, "cv": 3}
    estimator = GaussianNB() if estimator is None else estimator
    return AntColonySelector(estimator, **options | {"random_state": 0} | changes)


FOREST = RandomForestClassifier(8, max_depth=4)


def same(a, b):
    return (
        np.array_equal(a.support_, b.support_)
        and a.ants_.tolist() == b.ants_.tolist()
        and a.history_ == b.history_
    )


def test_the_seed_fixes_everything_whatever_n_jobs(data):
    one = colony(FOREST).fit(*data)
    with parallel_config(backend="threading"):
        assert same(one, colony(FOREST, n_jobs=2).fit(*data))
    assert same(colony().fit(*data), colony(n_jobs=2).fit(*data))
    assert not same(one, colony(FOREST, random_state=1).fit(*data))


def kind_of(columns):
    return type(columns.values), columns.values.flags.writeable


def test_workers_share_one_copy_of_the_data_and_cannot_write_to_it():
    columns = Columns(np.ones((60_000, 8), dtype=np.float32))
    with Parallel(n_jobs=2) as pool:
        seen = pool(delayed(kind_of)(columns) for _ in range(4))
    assert set(seen) == {(np.memmap, False)}


def test_the_best_is_scored_in_full_and_racing_fits_less(data):
    x, y = data
    raced, full = (colony(FOREST, racing=racing).fit(x, y) for racing in (True, False))
    assert [rung.rows for rung in raced.rungs_] == [1 / 4, 1]
    assert len(full.rungs_) == 1
    assert raced.history_[-1]["n_fits"][-1] * 3 <= full.history_[-1]["n_fits"][-1]
    top = raced.ants_[raced.ants_["rung"] == 1]["score"].max()
    assert raced.best_score_ == top
    assert raced.support_[:6].sum() >= 5
    # the score in full is what anyone gets with the same estimator on the same folds
    forest = clone(raced.estimator).set_params(random_state=raced._seed())
    assert cross_val_score(forest, x[:, raced.support_], y, cv=3).mean() == pytest.approx(top)


def test_the_callback_gets_each_iteration(data):
    seen = []
    selector = colony(callback=seen.append).fit(*data)
    assert seen == selector.history_


CODE = """
import sys
import numpy as np
from sklearn.naive_bayes import GaussianNB
from ferflow.aco import AntColonySelector

data, folder, mask = sys.argv[1:]
rows = np.load(data)
selector = AntColonySelector(
    GaussianNB(),
    n_features_to_select=8,
    n_ants=6,
    n_iterations=40,
    q0=0.2,
    cv=2,
    checkpoint=folder,
    callback=lambda row: print(row["iteration"], flush=True),
    random_state=0,
)
np.save(mask, selector.fit(rows["x"], rows["y"]).support_)
"""


def test_a_killed_fit_ends_with_the_subset_of_one_that_was_not(data, tmp_path):
    x, y = data
    source, folder, mask = (tmp_path / name for name in ("data.npz", "folder", "mask.npy"))
    np.savez(source, x=x, y=y)
    command = [sys.executable, "-c", CODE, str(source), str(folder), str(mask)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as first:
        while first.stdout.readline().strip() != "2":
            assert first.poll() is None
        first.send_signal(signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL
    assert list(folder.glob("colony-*.npz"))
    assert not mask.exists()
    second = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    told = [int(word) for word in second.stdout.split()]
    assert told == list(range(told[0], 40))
    assert told[0] >= 3
    undisturbed = colony(n_ants=6, n_iterations=40, cv=2).fit(x, y)
    assert np.array_equal(np.load(mask), undisturbed.support_)
    assert not list(folder.iterdir())  # nothing is left once a fit is complete


def test_a_resumed_search_is_the_undisturbed_one_to_the_last_digit(data, tmp_path):
    def stop(row):
        if row["iteration"] == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colony(checkpoint=tmp_path, callback=stop).fit(*data)
    assert same(colony(checkpoint=tmp_path).fit(*data), colony().fit(*data))


def test_a_damaged_checkpoint_is_named(data, tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colony(checkpoint=tmp_path, callback=stop).fit(*data)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"checkpoint must hold whole files; .*{file.name}"):
        colony(checkpoint=tmp_path).fit(*data)


def test_a_checkpoint_that_an_equal_search_has_just_deleted_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda _: True)  # a moment ago
    assert Checkpoint(tmp_path, {}, []).load_into(None) is None


def test_anything_that_changes_the_result_changes_the_fingerprint(data):
    x, y = data

    def of(selector, *inputs):
        return fingerprint(selector.get_params(deep=True), list(inputs or (x, y)))

    base = of(colony())
    assert base == of(colony(n_jobs=2, checkpoint="there", callback=print))
    others = [
        of(colony(q0=0.3)),
        of(colony(random_state=1)),
        of(colony(heuristic=np.ones(40))),
        of(colony(RandomForestClassifier(9, max_depth=4))),
        of(colony(RandomForestClassifier(8, max_depth=4))),
        of(colony(DecisionTreeClassifier())),
        of(colony(), x + 1, y),
        of(colony(), x, y, x, y),
    ]
    assert len({base, *others}) == len(others) + 1


def test_subsets_are_compared_pair_by_pair():
    masks = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]], dtype=bool)
    assert jaccard_stability(masks) == pytest.approx((1 / 3 + 1 + 1 / 3) / 3)
    assert mean_jaccard_distance(masks) == pytest.approx(1 - 5 / 9)
    # r = 1, k = 2, d = 4: (4 - 4) / 4 = 0
    assert kuncheva_index(masks) == pytest.approx(1 / 3)
    disjoint = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=bool)
    assert kuncheva_index(disjoint) == -1


def test_random_subsets_have_an_index_of_0_whatever_their_size():
    rng = np.random.default_rng(0)
    for k in (10, 100, 180):
        masks = np.array([rng.permutation(200) < k for _ in range(40)])
        assert kuncheva_index(masks) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("index", [jaccard_stability, kuncheva_index])
@pytest.mark.parametrize("masks", [np.ones((1, 3), bool), np.ones((2, 3)), np.zeros((2, 3), bool)])
def test_what_is_no_set_of_subsets_is_refused(index, masks):
    with pytest.raises(ValueError, match=r"masks must .*; got"):
        index(masks)


def test_kunchevas_index_needs_one_size():
    with pytest.raises(ValueError, match=r"one number of features from 1 to 2; got \[1 2\]"):
        kuncheva_index(np.array([[1, 0, 0], [1, 1, 0]], dtype=bool))


def test_the_search_and_the_trail_can_be_drawn(data):
    import matplotlib.pyplot as plt

    selector = colony().fit(*data)
    above, below = selector.plot_convergence()
    assert above.lines[0].get_ydata().tolist() == [row["best_score"] for row in selector.history_]
    assert len(below.lines) == 2
    ax = selector.plot_pheromone(shape=(2, 2, 10))
    assert np.array_equal(ax.images[0].get_array().ravel(), selector.pheromone_)
    assert ax.images[0].get_array().shape == (4, 10)
    assert selector.plot_pheromone().images[0].get_array().shape == (1, 40)
    with pytest.raises(ValueError, match=r"shape must hold 40 features in all; got \(2, 2\)"):
        selector.plot_pheromone(shape=(2, 2))
    plt.close("all")


def test_a_subset_that_ants_draw_again_is_not_fitted_again(data):
    x, y = data
    selector = colony(n_features_to_select=40, n_ants=5).fit(x, y)  # one subset there is
    assert sum(selector.history_[-1]["n_fits"]) == len(selector.rungs_)
