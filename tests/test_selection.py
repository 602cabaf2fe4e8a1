"""Feature selection: an honest judge, its controls, and the stage that asks it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import f_classif

from ferflow.core.errors import ParamError
from ferflow.core.files import read_json
from ferflow.core.masks import load_mask
from ferflow.core.params import pick_section
from ferflow.core.split import Split, save_split
from ferflow.selection.params import SelectionParams
from ferflow.selection.select import (
    HISTORY_COLUMNS,
    best_k,
    compare_controls,
    make_judge,
    random_k,
    select,
)
from stages import select_features

LEGAL = {
    "method": "ant_colony",
    "n_features": 3,
    "n_ants": 3,
    "n_iterations": 2,
    "alpha": 1.1,
    "beta": 1.5,
    "q0": 0.9,
    "rho": 0.2,
    "parsimony": 0.0,
    "score": "f1_macro",
    "n_trees": 5,
    "max_rows": 100,
}
D, INFORMATIVE = 12, [2, 7, 9]


def settings(**changes):
    return pick_section({"selection": LEGAL | changes}, "selection", SelectionParams)


def planted(make_split, n, seed):
    """Features of which three tell the classes apart and the others are noise."""
    y = np.arange(n) % 3
    split = make_split(y=y, shape=(D,), seed=seed)
    split.x[:, INFORMATIVE] += 3 * (y[:, None] == [0, 1, 2])
    return split


@pytest.fixture
def train(make_split):
    return planted(make_split, 60, seed=1)


@pytest.fixture
def val(make_split):
    return planted(make_split, 45, seed=2)


@pytest.fixture
def judge(train, val):
    return make_judge(train, val, settings(), seed=0)


ALL = np.ones(D, dtype=bool)


def test_the_judge_fits_on_real_rows_only(train, val, judge):
    fakes = replace(
        train,
        x=train.x * 1000,
        y=(train.y + 1) % 3,
        transform=np.resize(["smote", "horizontal_flip", "repeated"], len(train)),
    )
    both = Split.join([fakes, train])
    misled = make_judge(both, val, settings(), seed=0)
    assert misled.train.original.all()
    assert np.array_equal(misled.train.x, train.x)
    assert misled(ALL) == judge(ALL)


@pytest.mark.parametrize("max_rows", [10, 59, 60, 61])
def test_the_judge_fits_on_at_most_max_rows_different_rows(train, val, max_rows):
    rows = make_judge(train, val, settings(max_rows=max_rows), seed=0).train
    assert len(rows) == min(max_rows, 60)
    assert len(set(rows.source_id)) == len(rows)


def test_the_seed_chooses_the_rows(train, val):
    ids = [
        make_judge(train, val, settings(max_rows=20), seed=seed).train.source_id.tolist()
        for seed in (0, 0, 1)
    ]
    assert ids[0] == ids[1] != ids[2]


def test_a_subset_gets_the_same_score_each_time(judge, train, val):
    mask = np.arange(D) < 6
    scores = {judge(mask) for _ in range(4)}
    scores.add(make_judge(train, val, settings(), seed=0)(mask))
    assert len(scores) == 1


def test_the_score_is_that_of_a_forest_on_the_validation_rows(train, val):
    judge = make_judge(train, val, settings(score="accuracy"), seed=3)
    mask = np.isin(np.arange(D), [0, *INFORMATIVE])
    forest = RandomForestClassifier(5, random_state=3).fit(train.x[:, mask], train.y)
    assert judge(mask) == pytest.approx(forest.score(val.x[:, mask], val.y))
    assert 0.5 < judge(mask) <= 1


def test_macro_f1_counts_a_class_that_is_never_found(train, val):
    two_classes = train.take(train.y < 2)
    judge = make_judge(two_classes, val, settings(), seed=0)
    assert judge(ALL) < 2 / 3


def test_images_are_judged_by_their_pixels(make_split):
    images = make_split(y=np.arange(30) % 3, shape=(6, 5))
    judge = make_judge(images, images, settings(n_trees=20), seed=0)
    assert judge.n_features == 30
    assert judge.f_values.shape == (30,)
    assert judge(np.ones(30, dtype=bool)) > 0.9


def test_f_values_are_the_anova_f_and_0_for_what_never_changes(train, val):
    train.x[:, 4] = 7
    judge = make_judge(train, val, settings(), seed=0)
    changing = np.arange(D) != 4
    assert judge.f_values[4] == 0
    assert judge.f_values[changing] == pytest.approx(
        f_classif(train.x[:, changing].astype(np.float64), train.y)[0]
    )


def test_a_feature_that_separates_the_classes_has_a_large_finite_f(train, val):
    train.x[:, 4] = train.y
    f_values = make_judge(train, val, settings(), seed=0).f_values
    assert np.isfinite(f_values).all()
    assert f_values.argmax() == 4


def test_a_feature_of_tiny_values_does_not_spoil_the_others_f(train, val):
    # their squares are 0 in single precision, and 0 / 0 is no number
    train.x[:, 4] *= np.float32(1e-30)
    f_values = make_judge(train, val, settings(), seed=0).f_values
    assert np.isfinite(f_values).all()


def test_k_best_keeps_the_highest_f_the_earlier_on_ties():
    assert np.flatnonzero(best_k(np.array([1.0, 5, 3, 5, 3]), 3)).tolist() == [1, 2, 3]


def test_random_k_keeps_k_different_features_and_any_can_be_among_them():
    drawn = np.array([random_k(6, 2, np.random.default_rng(seed)) for seed in range(60)])
    assert set(drawn.sum(axis=1)) == {2}
    assert drawn.any(axis=0).all()


@pytest.mark.parametrize("method", ["ant_colony", "k_best", "random"])
def test_every_method_keeps_the_number_asked_for(judge, method):
    mask = select(judge, settings(method=method), seed=0).mask
    assert (mask.dtype, mask.shape, mask.sum()) == (np.bool_, (D,), 3)


@pytest.mark.parametrize("method", ["ant_colony", "k_best"])
def test_the_planted_features_are_kept(judge, method):
    mask = select(judge, settings(method=method), seed=0).mask
    assert np.flatnonzero(mask).tolist() == INFORMATIVE


@pytest.mark.parametrize("method", ["ant_colony", "random"])
def test_the_seed_fixes_the_selection(judge, method):
    params = settings(method=method, q0=0.1, n_features=6)
    first, again = (select(judge, params, seed=4) for _ in range(2))
    assert np.array_equal(first.mask, again.mask)
    pd.testing.assert_frame_equal(first.table, again.table)


def test_the_history_has_a_row_for_each_ant_and_ends_with_the_score_of_the_mask(judge):
    seen = []
    selection = select(judge, settings(q0=0.1), seed=0, on_iteration=seen.append)
    table = selection.table
    assert list(table.columns) == HISTORY_COLUMNS
    assert len(table) == 6
    assert len(seen) == 2
    assert table["best_score"].tolist() == table["score"].cummax().tolist()
    assert table["best_score"].iloc[-1] == judge(selection.mask)


def test_with_enough_rows_most_ants_are_scored_on_a_part_and_the_history_leaves_them_out(
    make_split, val
):
    params = settings(n_ants=8, max_rows=400, q0=0.1, beta=0.0, n_features=6)
    judge = make_judge(planted(make_split, 400, seed=1), val, params, seed=0)
    selection = select(judge, params, seed=0)
    search = selection.search
    assert len(selection.table) == 4  # two of eight, twice
    assert search["fits_in_part"] > 8
    assert search["fits_in_full"] <= 4
    assert selection.table["score"].max() == judge(selection.mask)
    assert 0 < search["diversity_last"] <= 1


def test_a_parsimonious_colony_keeps_fewer_features(judge):
    params = settings(n_features="auto", q0=0.1, n_ants=30, parsimony=10.0)
    assert select(judge, params, seed=0).mask.sum() == 1


def test_a_killed_search_is_found_again_in_the_checkpoint(judge, tmp_path):
    class KilledError(Exception):
        pass

    def die(row):
        if row["iteration"] == 1:
            raise KilledError

    params = settings(n_iterations=4, q0=0.1, n_features=6)
    with pytest.raises(KilledError):
        select(judge, params, seed=0, checkpoint=tmp_path, on_iteration=die)
    seen = []
    resumed = select(judge, params, seed=0, checkpoint=tmp_path, on_iteration=seen.append)
    assert [row["iteration"] for row in seen] == [2, 3]
    pd.testing.assert_frame_equal(resumed.table, select(judge, params, seed=0).table)


def test_the_colonys_own_score_is_the_judges(judge):
    told, afresh = replace(judge, known={}), replace(judge, known={})
    chosen = select(told, settings(n_iterations=2), seed=0).mask
    assert told.known == {np.packbits(chosen).tobytes(): afresh(chosen)}


def test_the_controls_are_scored_at_the_size_of_the_selection(judge):
    mask = np.isin(np.arange(D), INFORMATIVE)
    scores = compare_controls(judge, mask, seed=0)
    assert list(scores) == ["selected_on_these_rows", "all", "best_k_by_f", "random_k"]
    assert scores["selected_on_these_rows"] == scores["best_k_by_f"] == judge(mask)
    assert scores["all"] == judge(ALL)
    assert scores["random_k"] < scores["selected_on_these_rows"]
    assert scores == compare_controls(judge, mask, seed=0)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("auto", None), (1, 1), (30, 30), (100, 100), (0.3, 30), (0.999, 100), (0.001, 1)],
)
def test_n_features_is_a_count_a_fraction_or_the_ants_choice(asked, kept):
    assert settings(n_features=asked).n_kept(100) == kept


def test_more_features_than_there_are_cannot_be_kept():
    with pytest.raises(ParamError, match=r"selection\.n_features: asked 101, there are 100"):
        settings(n_features=101).n_kept(100)


@pytest.mark.parametrize("value", [0, -1, 0.0, 1.0, 1.5, True, None, "all", [3]])
def test_an_impossible_n_features_is_refused(value):
    with pytest.raises(ParamError, match=r"selection\.n_features: must be 'auto'"):
        settings(n_features=value)


@pytest.mark.parametrize("method", ["k_best", "random"])
def test_auto_needs_ants(method):
    with pytest.raises(ParamError, match="'auto' needs ants"):
        settings(method=method, n_features="auto")


@pytest.fixture
def run_stage_6(tmp_path, monkeypatch, train, val):
    """Run select_features with changed parameters: (mask, report, curve)."""
    monkeypatch.chdir(tmp_path)
    train_file, val_file = tmp_path / "train", tmp_path / "val"
    save_split(train_file, train)
    save_split(val_file, val)

    def run(**changes):
        with (tmp_path / "params.yaml").open("w") as file:
            YAML().dump({"seed": 0, "selection": LEGAL | changes}, file)
        outs = [tmp_path / name for name in ("mask.npy", "report.json", "curve.csv")]
        select_features.main(train_file, val_file, *outs)
        return load_mask(outs[0]), read_json(outs[1])["selection"], pd.read_csv(outs[2])

    return run


def test_without_a_method_the_stage_keeps_everything_and_scores_nothing(run_stage_6):
    mask, report, curve = run_stage_6(method="none", n_features="auto")
    assert mask.all()
    assert report == {"method": "none", "n_features": D, "n_kept": D}
    assert list(curve.columns) == HISTORY_COLUMNS
    assert curve.empty


@pytest.mark.parametrize(
    ("method", "n_rows", "key"),
    [
        ("ant_colony", 6, "selected_on_these_rows"),
        ("k_best", 1, "selected"),
        ("random", 1, "selected"),
    ],
)
def test_the_stage_reports_what_it_kept_and_what_that_scored(run_stage_6, method, n_rows, key):
    mask, report, curve = run_stage_6(method=method)
    assert report["n_kept"] == mask.sum() == 3
    assert list(report["val_f1_macro"]) == [key, "all", "best_k_by_f", "random_k"]
    assert report["val_f1_macro"][key] == pytest.approx(curve["score"].max(), abs=1e-5)
    assert len(curve) == n_rows
