"""Fits on the workers of Dask: the same bytes as here, arrays sent once, kills and errors."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from test_families import params_of
from test_search import GRID, NO_TWINS, plan
from test_search import data as search_data

from benchmarks import colony_study
from benchmarks.cluster_fits import draw_rows, measure, report
from benchmarks.colony_study import StudyOptions, best_random, make_trial, spread_over
from benchmarks.local_cluster import local_cluster
from ferflow.aco import AntColonySelector
from ferflow.core.cluster import connect
from ferflow.core.errors import FerflowError
from ferflow.core.worker_fits import _OnWorkers, fits_on_workers
from ferflow.training.shared.search import Scorer, search

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def address():
    with local_cluster(2, (Path(__file__).parent,)) as address:
        yield address


@pytest.fixture
def client(address):
    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 3
    x = rng.normal(size=(400, 500)).astype(np.float32)
    x[:, :6] += 0.8 * (y[:, None] == np.arange(6) % 3)
    return x, y


def colony(estimator=None, **changes):
    options = {"n_features_to_select": 40, "n_ants": 6, "n_iterations": 2, "q0": 0.2, "cv": 2}
    estimator = GaussianNB() if estimator is None else estimator
    return AntColonySelector(estimator, **options | {"random_state": 0} | changes)


def told(selector):
    arrays = (selector.support_, selector.pheromone_, selector.ants_)
    return [array.tobytes() for array in arrays], selector.history_


class Scoring:
    """Accuracy, after something was done with the process that scores."""

    def __init__(self, folder, act=lambda _: None):
        self.folder, self.act = folder, act

    def __call__(self, estimator, x, y):
        (self.folder / f"{os.getpid()}").touch()
        self.act(self.folder)
        return float(np.mean(estimator.predict(x) == y))


def end_once(folder):
    if not (folder / "ended").exists():
        (folder / "ended").touch()
        end(folder)


def end(_):
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(_):
    raise ValueError("no score for three ants")


FITS = {
    "forest": RandomForestClassifier(5, max_depth=4),
    "regression": LogisticRegression(max_iter=30),  # matrix products, in BLAS
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_a_colony_has_the_same_bytes_alone_in_threads_in_processes_and_on_workers(
    name, client, data
):
    alone = told(colony(FITS[name]).fit(*data))
    with parallel_config(backend="threading"):
        assert told(colony(FITS[name], n_jobs=2).fit(*data)) == alone
    with parallel_config(backend="loky", inner_max_num_threads=1):
        assert told(colony(FITS[name], n_jobs=2).fit(*data)) == alone
    with parallel_config(backend="dask", client=client):
        assert told(colony(FITS[name]).fit(*data)) == alone


def test_every_ant_is_scored_by_a_worker(client, data, tmp_path):
    with parallel_config(backend="dask", client=client):
        colony(scoring=Scoring(tmp_path), n_jobs=1).fit(*data)
    scored_by = {int(path.name) for path in tmp_path.iterdir()}
    assert scored_by
    assert scored_by <= set(client.run(os.getpid).values())


def test_a_cluster_of_one_thread_is_asked_too():
    """joblib computes in the process that asks where there is one job."""
    given = SimpleNamespace(effective_n_jobs=lambda _: 1)
    assert _OnWorkers(given, lambda: None).effective_n_jobs(1) == 2


@pytest.mark.parametrize(
    "changes",
    [{"grid": GRID}, {"folds": 3}, {"method": "halving", "grid": [{"C": [0.001, 0.1, 1.0, 9.0]}]}],
)
def test_a_search_finds_the_same_table_on_workers(client, changes):
    handed, params = search_data(), params_of("svm", scaling="none")
    here = search(handed, "svm", params, plan(**changes), 0, NO_TWINS)
    with parallel_config(backend="dask", client=client):
        there = search(handed, "svm", params, plan(**changes), 0, NO_TWINS)
    assert there.table.to_csv() == here.table.to_csv()
    assert (there.params, there.about) == (here.params, here.about)


def test_a_score_can_go_elsewhere_and_leaves_the_progress_here():
    progress = threading.Lock()  # as a bar has one, which cannot be sent
    there = Scorer.__reduce__(Scorer("accuracy", lambda: progress))
    assert there == (Scorer, ("accuracy",))


def bytes_written(monkeypatch):
    """Grows with what this process sends over TCP."""
    from distributed.comm.tcp import TCP

    counted, write = [], TCP.write

    async def counting(self, *args, **options):
        counted.append(await write(self, *args, **options))
        return counted[-1]

    monkeypatch.setattr(TCP, "write", counting)
    return counted


def test_arrays_are_sent_once_and_dropped_after_the_fit(client, data, monkeypatch):
    counted = bytes_written(monkeypatch)
    with parallel_config(backend="dask", client=client):
        selector = colony(n_iterations=3).fit(*data)
        tasks = sum(selector.history_[-1]["n_fits"])
        sent = sum(filter(None, counted))
        assert data[0].nbytes < sent < data[0].nbytes + tasks * 20_000
        deadline = time.monotonic() + 20
        while held(client) and time.monotonic() < deadline:
            time.sleep(0.1)
    assert held(client) == []
    assert tasks >= 18


def held(client):
    return [key for keys in client.has_what().values() for key in keys]


def kind_of(holder, other):
    array = holder["in a dictionary"]
    return array.flags.writeable, array.flags.f_contiguous, float(array.sum()), array is other


def test_an_array_inside_of_objects_arrives_as_it_was_and_cannot_be_written_to(client):
    array = np.asfortranarray(np.ones((200, 100)))
    with parallel_config(backend="dask", client=client), fits_on_workers():
        seen = Parallel()(delayed(kind_of)({"in a dictionary": array}, array) for _ in range(4))
    assert seen == [(False, True, 20_000.0, True)] * 4


def inner(n):
    return Parallel(n_jobs=-1)(delayed(os.getpid)() for _ in range(n)), os.getpid()


def test_a_fit_within_a_fit_stays_in_its_thread(client):
    with parallel_config(backend="dask", client=client), fits_on_workers():
        for within, own in Parallel()(delayed(inner)(3) for _ in range(2)):
            assert within == [own] * 3


def test_a_worker_that_is_killed_in_a_fit_loses_nothing(client, data, tmp_path):
    quiet, killed = tmp_path / "quiet", tmp_path / "killed"
    quiet.mkdir()
    killed.mkdir()
    whole = colony(scoring=Scoring(quiet)).fit(*data)
    with parallel_config(backend="dask", client=client):
        interrupted = colony(scoring=Scoring(killed, end_once)).fit(*data)
    assert (killed / "ended").exists()
    assert told(interrupted) == told(whole)


@pytest.mark.long
def test_a_fit_that_ends_every_worker_ends_with_one_line(client, data, tmp_path):
    with (
        parallel_config(backend="dask", client=client),
        pytest.raises(FerflowError, match="a fit was lost: the workers that computed it"),
    ):
        colony(scoring=Scoring(tmp_path, end)).fit(*data)


@pytest.mark.long
@pytest.mark.parametrize("size", [1, 100_000])
def test_a_scheduler_that_ends_in_a_fit_is_one_line(size):
    with local_cluster(1) as place, connect(place) as client:
        scheduler = client.run_on_scheduler(os.getpid)
        threading.Timer(1, os.kill, (scheduler, signal.SIGKILL)).start()
        with (
            parallel_config(backend="dask", client=client),
            pytest.raises(FerflowError, match="the scheduler of Dask ended"),
            fits_on_workers(),
        ):
            Parallel()(delayed(lambda _: time.sleep(1))(np.ones(size)) for _ in range(20))


def test_an_error_on_a_worker_is_the_error_here(client, data, tmp_path):
    with parallel_config(backend="dask", client=client):
        with pytest.raises(ValueError, match="no score for three ants"):
            colony(scoring=Scoring(tmp_path, refuse)).fit(*data)
        assert colony().fit(*data).n_features_ == 40  # and the next fit is none the worse


def test_what_cannot_be_sent_is_an_error_and_no_endless_wait(client, data, tmp_path):
    lock = threading.Lock()
    with parallel_config(backend="dask", client=client), pytest.raises(TypeError, match="pickle"):
        colony(scoring=Scoring(tmp_path, lambda _: lock)).fit(*data)


def test_a_search_begun_on_workers_is_gone_on_with_here(client, data, tmp_path):
    def stop(row):
        if row["iteration"] == 1:
            raise KeyboardInterrupt

    options = {"checkpoint": tmp_path, "n_iterations": 4}
    with parallel_config(backend="dask", client=client), pytest.raises(KeyboardInterrupt):
        colony(callback=stop, **options).fit(*data)
    seen = []
    resumed = colony(callback=lambda row: seen.append(row["iteration"]), **options).fit(*data)
    assert seen == [2, 3]
    assert told(resumed) == told(colony(n_iterations=4).fit(*data))


def test_the_study_scores_its_subsets_on_workers(address, make_split):
    options = StudyOptions(n_seeds=1, share=0.25, n_ants=4, n_iterations=2, n_trees=3, max_rows=40)
    train, val = (make_split(y=np.arange(n) % 3, shape=(12,), seed=n) for n in (60, 48))
    here, there = (make_trial(train, val, options, seed=0) for _ in range(2))
    with spread_over(None):
        expected = [best_random(here, 5), here.colony().support_]
    with spread_over(address):
        found = [best_random(there, 5), there.colony().support_]
    np.testing.assert_array_equal(found, expected)
    assert here.judge.known == there.judge.known


def test_a_study_without_its_scheduler_ends_with_one_line(monkeypatch, tmp_path):
    out = tmp_path / "out"
    words = ["colony_study", "--cluster", "tcp://127.0.0.1:9", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit, match=r"^error: no Dask scheduler answers at tcp://127.0.0.1:9"):
        colony_study.main()
    assert not out.exists()


def test_the_benchmark_says_what_workers_gain_and_cost():
    seconds = {"one process": [10.0, 11.0, 30.0], "one": [12.1, 9.0, 99.0], "two": [5.5, 4.0, 6.0]}
    text = report(seconds)
    assert "two workers: 2.00 times as fast as one process; wanted: 1.7 or more" in text
    assert "one worker: +10.0% seconds; wanted: +10% or less" in text


@pytest.mark.long
def test_the_benchmark_runs_and_compares_results():
    found = measure(draw_rows(90, 40), n_ants=6, times=1)
    assert [len(seconds) for seconds in found.values()] == [1, 1, 1]
