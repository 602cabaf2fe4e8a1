"""The search of settings: what is tried, on which rows it is scored, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from test_families import params_of, rows
from training_rows import split_of

from ferflow.core.errors import DataError, ParamError
from ferflow.core.params import PARAMS_FILE, pick_section, read_yaml
from ferflow.core.split import Split
from ferflow.evaluation.training_figures import plot_search
from ferflow.preprocess.clean import preprocess
from ferflow.settings.check import SECTIONS, check_params
from ferflow.settings.presets import use
from ferflow.training.shared.fitting import TrainingData
from ferflow.training.shared.params import pick_family
from ferflow.training.shared.search import (
    COLUMNS,
    Twins,
    group_folds,
    no_search,
    read_twins,
    search,
    tied_groups,
)
from ferflow.training.shared.search_params import SearchParams

NO_TWINS = Twins(frozenset(), {})
GRID = [{"C": [0.001, 1.0]}, {"kernel": ["linear", "rbf"]}]


def plan(**changes):
    legal = {
        "method": "grid",
        "grid": GRID,
        "n_candidates": 3,
        "folds": None,
        "score": "accuracy",
    }
    return SearchParams(**legal | changes)


def split(n=90, seed=0, prefix="image"):
    x, y = rows(n, seed)
    names = np.array([f"{prefix}_{i}" for i in range(n)])
    return replace(split_of(x, y, ("angry", "disgust", "fear")), source_id=names)


def data():
    return TrainingData(split(), split(60, seed=1, prefix="val"))


def found(handed=None, twins=NO_TWINS, seed=0, **changes):
    params = params_of("svm", scaling="none")
    return search(handed or data(), "svm", params, plan(**changes), seed, twins)


def test_all_settings_of_a_grid_are_scored_and_the_best_is_taken():
    result = found()
    assert list(result.table.columns) == [*COLUMNS, "C", "kernel"]
    assert {(row.C, row.kernel) for row in result.table.itertuples()} == {
        ("0.001", "linear"),
        ("0.001", "rbf"),
        ("1.0", "linear"),
        ("1.0", "rbf"),
    }
    best = result.table.loc[result.table["score"].idxmax()]
    assert (str(result.params.C), result.params.kernel) == (best.C, best.kernel)
    assert result.about["best"] == {"C": result.params.C, "kernel": result.params.kernel}
    assert result.about["best_score"] == best.score
    assert result.params.scaling == "none"


def test_the_score_is_that_of_the_setting_on_val():
    from ferflow.training.shared.family import family_module

    result, handed = found(), data()
    module = family_module("svm")
    model = module.fit(TrainingData(handed.train), result.params, 0).model
    right = module.predict_proba(model, handed.val.x, 3).argmax(axis=1) == handed.val.y
    assert result.about["best_score"] == pytest.approx(right.mean())


def test_val_images_with_a_twin_in_train_are_not_scored():
    """A setting that knows its training rows by heart would win by them."""
    clean = data()
    copied = replace(
        clean.train.take(slice(0, 40)), source_id=np.array([f"copy_{i}" for i in range(40)])
    )
    with_twins = replace(clean, val=Split.join([clean.val, copied]))
    twins = Twins(frozenset(copied.source_id), {})
    result = found(with_twins, twins)
    assert result.table.equals(found().table.assign(n_rows=result.table["n_rows"]))
    assert "without 40 twins" in result.about["scored_on"]


def test_some_settings_are_drawn_and_the_seed_decides():
    drawn = [found(method="random", seed=seed).table for seed in (0, 0, 3)]
    assert len(drawn[0]) == 3
    assert drawn[0].equals(drawn[1])
    assert not drawn[0].drop_duplicates(["C", "kernel"]).empty
    assert len(found(method="random", n_candidates=50).table) == 4


def test_halving_gives_the_better_ones_more_rows():
    grid = [{"C": [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0]}]
    result = found(method="halving", grid=grid)
    rounds = result.table.groupby("iteration")
    assert rounds.ngroups == 2
    assert rounds["n_rows"].first().is_monotonic_increasing
    assert rounds.size().tolist() == [6, 2]
    last = result.table[result.table["iteration"] == 1]
    assert str(result.params.C) in set(last["C"])


def test_folds_score_every_image_once():
    result = found(folds=3)
    assert result.about["scored_on"] == "3 folds of train"
    assert (result.table["score_std"] > 0).any()
    scored = np.concatenate([score for _, score in group_folds(split(), 3, NO_TWINS, 0)])
    assert sorted(scored) == list(range(90))


def test_twins_and_subjects_stay_on_one_side():
    train = split()
    people = np.array([f"S{i % 20}" if i < 60 else "" for i in range(90)])
    twins = Twins(frozenset(), {f"image_{i}": f"image_{i - 30}" for i in range(60, 90)})
    train = replace(train, group=people)
    for fit, score in group_folds(train, 3, twins, 0):
        assert not set(people[fit]) & set(people[score]) - {""}
        twins_of_score = {twins.in_train.get(n, n) for n in train.source_id[score]}
        assert not twins_of_score & {twins.in_train.get(n, n) for n in train.source_id[fit]}


def test_a_chain_of_ties_is_one_group():
    train = replace(split(4), group=np.array(["", "S1", "S1", ""]))
    twins = Twins(frozenset(), {"image_1": "image_0", "image_3": "image_2"})
    assert len(set(tied_groups(train, twins))) == 1
    assert len(set(tied_groups(split(4), NO_TWINS))) == 4


def test_copies_are_fitted_where_their_image_is_and_never_scored():
    train = split()
    copies = replace(train, transform=np.full(90, "horizontal_flip"))
    for fit, score in group_folds(Split.join([train, copies]), 3, NO_TWINS, 0):
        assert (score < 90).all()
        assert set(fit) == set(range(180)) - set(score) - set(score + 90)


def test_folds_of_synthetic_rows_are_refused_with_the_reason():
    train = replace(split(), source_id=np.full(90, ""), transform=np.full(90, "smote"))
    with pytest.raises(ParamError, match=r"images they were mixed from are not known"):
        group_folds(Split.join([split(), train]), 3, NO_TWINS, 0)


def test_a_class_with_too_few_images_for_the_folds_is_named():
    x, y = rows(60)
    keep = (y != 1) | (np.cumsum(y == 1) <= 2)
    train = split_of(x[keep], y[keep])
    with pytest.raises(
        DataError, match=r"'disgust' has only 2 independent groups of images, fewer than 3 folds"
    ):
        group_folds(train, 3, NO_TWINS, 0)


def test_val_without_a_class_is_refused():
    handed = data()
    handed = replace(handed, val=handed.val.take(handed.val.y != 1))
    with pytest.raises(DataError, match="no row of 'disgust' to score"):
        found(handed)


def test_val_that_is_all_twins_is_refused():
    with pytest.raises(DataError, match=r"every image of val has a twin.*folds"):
        found(twins=Twins(frozenset(data().val.source_id), {}))


def test_a_search_works_for_every_kind_of_family():
    for family, grid in (
        ("random_forest", [{"max_depth": [1, 5]}]),
        ("k_nearest_neighbors", [{"n_neighbors": [1, 9]}]),
    ):
        result = search(data(), family, params_of(family), plan(grid=grid), 0, NO_TWINS)
        assert len(result.table) == 2


def test_the_tables_of_preprocess_are_read_back(tmp_path, make_split):
    from ferflow.core.tables import write_table
    from ferflow.preprocess.params import PreprocessParams

    images = {name: make_split(y=[0, 1, 2], seed=i) for i, name in enumerate(["train", "val"])}
    for name, other in images.items():
        images[name] = replace(other, source_id=np.array([f"{name}_{i}" for i in range(3)]))
    copy = images["train"].x[[0]]
    images["train"] = replace(images["train"], x=np.concatenate([images["train"].x[:2], copy]))
    images["val"] = replace(images["val"], x=np.concatenate([images["val"].x[:2], copy]))
    images["test"] = replace(make_split(y=[0], seed=9), source_id=np.array(["test_0"]))
    params = pick_section(read_yaml(PARAMS_FILE), "preprocess", PreprocessParams)
    cleaned = preprocess(images, params)
    write_table(tmp_path / "twins.csv", cleaned.twins)
    write_table(tmp_path / "train_twins.csv", cleaned.split_twins["train"])
    twins = read_twins(tmp_path / "twins.csv", tmp_path / "train_twins.csv")
    assert twins == Twins(frozenset(["val_2"]), {"train_2": "train_0"})
    with pytest.raises(DataError, match=r"nowhere\.csv is not here"):
        read_twins(tmp_path / "nowhere.csv", tmp_path / "train_twins.csv")
    with pytest.raises(DataError, match="is not a table of twins"):
        read_twins(tmp_path / "twins.csv", tmp_path / "twins.csv")


def test_the_table_is_drawn(tmp_path):
    plot_search(found(folds=3).table, tmp_path / "search.png")
    plot_search(found(method="halving").table, tmp_path / "halving.png")
    assert (tmp_path / "search.png").stat().st_size > 5000
    assert list(no_search().columns) == COLUMNS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "grids"}, r"search\.method must be .*Did you mean 'grid'"),
        ({"grid": []}, "grid is empty; grid needs"),
        ({"grid": [{"C": [1.0], "gamma": [1.0]}]}, "one entry for each parameter"),
        ({"grid": [{"C": [1.0]}, {"C": [2.0]}]}, "one entry for each parameter"),
        ({"grid": [{"C": []}]}, "names no values for 'C'"),
        ({"grid": [{"c": [1.0]}]}, r"svm has no parameter 'c'\..* Legal: scaling, .*class_weight"),
        ({"grid": [{"kernal": ["rbf"]}]}, "Did you mean 'kernel'"),
        ({"grid": [{"kernel": ["rbf", "sigmoid"]}]}, r"grid: train\.svm\.kernel .*got 'sigmoid'"),
        ({"grid": [{"C": [1.0, -1.0]}]}, r"grid: train\.svm\.C must be a number above 0; got -1"),
        ({"grid": [{"C": [1.0] * 200}, {"degree": [3] * 200}]}, "40,000 settings; 10,000"),
        ({"folds": 1}, r"search\.folds must be a whole number from 2 to 20 or null; got 1"),
        ({"n_candidates": 0}, r"search\.n_candidates must be a whole number from 1; got 0"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("workplace")
def test_a_search_that_cannot_be_is_one_line(changes, message):
    params = read_yaml(PARAMS_FILE)
    params["train"]["family"] = "svm"
    params["train"]["search"] |= {"method": "grid", "grid": GRID} | changes
    with pytest.raises(ParamError, match=message) as caught:
        pick_family(params)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.usefixtures("workplace")
def test_a_grid_of_integers_stands_for_numbers():
    params = read_yaml(PARAMS_FILE)
    params["train"] |= {"family": "svm"}
    params["train"]["search"] |= {"method": "grid", "grid": [{"C": [1, 10]}]}
    shared, _ = pick_family(params)
    assert search(data(), "svm", params_of("svm"), shared.search, 0, NO_TWINS).params.C in (1, 10)


@pytest.mark.usefixtures("workplace")
def test_folds_with_smote_are_refused_before_anything_runs():
    grid = [{"max_depth": [3, 9]}]
    settings = {"train.search.method": "grid", "train.search.grid": grid, "train.search.folds": 4}
    with pytest.raises(ParamError, match=r"folds cannot be combined with balance\.method smote"):
        use("quickstart", settings)
    use("quickstart", settings | {"balance.method": "none"})
    check_params(read_yaml(PARAMS_FILE))
    assert "compute" in SECTIONS


@pytest.mark.usefixtures("workplace")
def test_a_search_without_rows_to_score_is_refused():
    settings = {"train.search.method": "grid", "train.search.grid": [{"max_depth": [3, 9]}]}
    with pytest.raises(ParamError, match=r"add_validation leaves no val rows for train\.search"):
        use("quickstart", settings | {"train.add_validation": True})
