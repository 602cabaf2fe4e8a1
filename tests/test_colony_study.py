"""The study of the colony: fair by construction, and its command writes what it says."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import colony_study
from benchmarks.colony_study import (
    StudyOptions,
    make_trial,
    markdown,
    methods,
    run_study,
    summarise,
)
from ferflow.core.split import save_split

OPTIONS = StudyOptions(n_seeds=2, share=0.25, n_ants=4, n_iterations=2, n_trees=3, max_rows=40)


@pytest.fixture
def splits(make_split):
    made = []
    for seed, n in ((1, 60), (2, 48)):
        split = make_split(y=np.arange(n) % 3, shape=(12,), seed=seed)
        split.x[:, [2, 7, 9]] += 3 * (split.y[:, None] == [0, 1, 2])
        made.append(split)
    return made


def test_searches_never_see_the_rows_that_are_reported(splits):
    train, val = splits
    trial = make_trial(train, val, OPTIONS, seed=0)
    searched, reported = (set(j.val.source_id) for j in (trial.judge, trial.reporter))
    assert searched | reported == set(val.source_id)
    assert not searched & reported
    assert set(trial.judge.train.source_id) <= set(train.source_id)
    assert trial.judge.seed != trial.reporter.seed


def test_every_selector_but_all_features_keeps_the_same_number(splits):
    trial = make_trial(*splits, OPTIONS, seed=0)
    kept = {name: method(trial).sum() for name, method in methods(OPTIONS).items()}
    assert kept.pop("all features") == 12
    assert set(kept.values()) == {trial.k} == {3}


def test_every_search_spends_the_same_budget(splits):
    trial = make_trial(*splits, OPTIONS, seed=0)
    for changes in ({}, {"n_ants": 2, "n_iterations": 4, "q0": 0.0}):
        assert len(trial.colony(**changes).ants_) == 8
        assert len(trial.colony(**changes).rungs_) == 1


def test_the_table_has_the_best_first_with_its_spread():
    table = pd.DataFrame(
        {
            "method": ["a", "a", "b", "b"],
            "searched": [0.1, 0.3, 0.5, 0.5],
            "reported": [0.2, 0.4, 0.5, 0.5],
            "seconds": [1.0, 2.0, 3.0, 4.0],
            "n_features": [3, 3, 12, 12],
        }
    )
    lines = markdown(summarise(table)).splitlines()
    assert lines[2] == "| b | 12 | 0.5000 | 0.5000 ± 0.0000 | 3.5 |"
    assert lines[3] == "| a | 3 | 0.2000 | 0.3000 ± 0.1414 | 1.5 |"


def test_the_command_writes_tables_and_pictures(splits, tmp_path, monkeypatch):
    monkeypatch.setattr(colony_study, "EFFECTS", {"q0": (0.0, 0.9)})
    monkeypatch.setattr(colony_study, "SIZES", (0.25, 1.0))
    files = [tmp_path / name for name in ("train", "val")]
    for file, split in zip(files, splits, strict=True):
        save_split(file, split)
    run_study(*files, tmp_path / "out", OPTIONS)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    names = ("methods", "sizes", "diversity", "effects")
    assert written == {f"{n}.{kind}" for n in names for kind in ("csv", "png")} | {"methods.md"}
    effects = pd.read_csv(tmp_path / "out" / "effects.csv")
    assert set(effects["value"].astype(str)) == {"0.0", "0.9"}
