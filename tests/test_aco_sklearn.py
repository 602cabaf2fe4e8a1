"""The ant colony as a scikit-learn selector: its contract, and what it says to bad input."""

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from ferflow.aco import AntColonySelector

ROOT = Path(__file__).parents[1]
CHEAP = {"n_ants": 3, "n_iterations": 2, "cv": 2, "random_state": 0}


@parametrize_with_checks(
    [
        AntColonySelector(DecisionTreeClassifier(max_depth=2), **CHEAP),
        AntColonySelector(Ridge(), **CHEAP, n_features_to_select=0.5),
    ]
)
@pytest.mark.filterwarnings("ignore:The least populated class in y:UserWarning")
def test_it_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


def test_none_of_scikit_learns_checks_is_left_out():
    """The one that is skipped above asks for a variable that scipy reads when it is imported."""
    code = "\n".join(
        [
            "from sklearn.tree import DecisionTreeClassifier",
            "from sklearn.utils.estimator_checks import check_estimator",
            "from ferflow.aco import AntColonySelector",
            f"colony = AntColonySelector(DecisionTreeClassifier(max_depth=2), **{CHEAP})",
            "done = check_estimator(colony, on_skip=None)  # raises where one fails",
            "others = [c['check_name'] for c in done if c['status'] != 'passed']",
            "assert len(done) > 40 and others == [], others",
            "assert not any(c['expected_to_fail'] for c in done)",
        ]
    )
    environment = os.environ | {"SCIPY_ARRAY_API": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, env=environment)


@pytest.fixture
def data():
    """Ten features of which 1, 4 and 8 tell three classes apart."""
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    x = rng.normal(size=(90, 10)).astype(np.float32)
    x[:, [1, 4, 8]] += 2 * (y[:, None] == [0, 1, 2])
    return x, y


def colony(estimator=None, **changes):
    options = {"n_features_to_select": 3, "n_ants": 8, "n_iterations": 3, "random_state": 0}
    return AntColonySelector(GaussianNB() if estimator is None else estimator, **options | changes)


PLANTED = [1, 4, 8]


def test_the_planted_features_are_found_in_any_kind_of_matrix(data, tmp_path):
    x, y = data
    np.save(tmp_path / "x.npy", x)
    kinds = [x, np.asfortranarray(x), x.astype(np.float64), np.load(tmp_path / "x.npy", "r")]
    tree = DecisionTreeClassifier(max_depth=3)
    kinds += [sp.csr_matrix(x), sp.csc_array(x)]
    for kind in kinds:
        selector = colony(tree).fit(kind, y)
        assert np.flatnonzero(selector.support_).tolist() == PLANTED, type(kind)
        assert selector.transform(kind).shape == (90, 3)


def test_feature_names_are_kept_and_a_frame_comes_out(data):
    x, y = data
    frame = pd.DataFrame(x, columns=[f"feature {i}" for i in range(10)])
    selector = colony().set_output(transform="pandas")
    out = selector.fit_transform(frame, y)
    assert out.columns.tolist() == ["feature 1", "feature 4", "feature 8"]
    assert selector.get_feature_names_out().tolist() == out.columns.tolist()


def test_it_works_in_a_pipeline_and_in_cross_validation(data):
    x, y = data
    pipeline = make_pipeline(StandardScaler(), colony(), LogisticRegression())
    result = cross_validate(clone(pipeline), x, y, cv=3, return_estimator=True)
    assert result["test_score"].mean() > 0.7
    assert result["estimator"][0][1].n_features_ == 3


def test_class_names_may_be_words(data):
    x, y = data
    words = np.array(["angry", "happy", "sad"])[y]
    assert np.flatnonzero(colony().fit(x, words).support_).tolist() == PLANTED


def test_numbers_can_be_predicted_too(data):
    x, y = data
    target = x[:, 1] - 2 * x[:, 8] + 0.01 * y
    selector = colony(Ridge(), n_features_to_select=2).fit(x, target)
    assert np.flatnonzero(selector.support_).tolist() == [1, 8]
    assert selector.best_score_ > 0.95


@pytest.mark.parametrize(
    "scoring", ["f1_macro", "neg_log_loss", make_scorer(f1_score, average="micro")]
)
def test_any_scorer_will_do_negative_ones_too(data, scoring):
    selector = colony(scoring=scoring).fit(*data)
    assert np.flatnonzero(selector.support_).tolist() == PLANTED
    assert (selector.best_score_ < 0) == (scoring == "neg_log_loss")


class Recorder(ClassifierMixin, BaseEstimator):
    """Notes the rows that it is fitted on and asked about, by their first feature."""

    seen: ClassVar[list] = []

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        self.fitted_on = set(x[:, 0].tolist())
        return self

    def predict(self, x):
        Recorder.seen.append((self.fitted_on, x[:, 0].tolist()))
        return np.full(len(x), self.classes_[0])


@pytest.fixture
def recorded():
    Recorder.seen = []
    return Recorder.seen


def test_given_validation_rows_are_the_ones_that_are_scored(data, recorded):
    x, y = data
    colony(Recorder(), n_features_to_select=10, racing=False).fit(
        x[:60], y[:60], X_val=x[60:], y_val=y[60:]
    )
    assert recorded
    for fitted_on, asked in recorded:
        assert fitted_on == set(x[:60, 0].tolist())
        assert asked == x[60:, 0].tolist()


def test_groups_are_never_on_both_sides(data, recorded):
    x, y = data
    groups = np.arange(90) // 3 % 6
    colony(Recorder(), n_features_to_select=10, cv=GroupKFold(3)).fit(x, y, groups=groups)
    owner = dict(zip(x[:, 0].tolist(), groups.tolist(), strict=True))
    for fitted_on, asked in recorded:
        assert not {owner[v] for v in fitted_on} & {owner[v] for v in asked}


def test_groups_can_be_routed_through_a_pipeline(data):
    x, y = data
    with config_context(enable_metadata_routing=True):
        selector = colony(cv=GroupKFold(3)).set_fit_request(groups=True)
        pipeline = make_pipeline(selector, GaussianNB())
        pipeline.fit(x, y, groups=np.arange(90) // 3 % 6)
    assert pipeline[0].n_features_ == 3


@pytest.mark.parametrize("sampler", [SMOTE(k_neighbors=2), RandomOverSampler()])
@pytest.mark.parametrize("given", [True, False])
def test_resampling_changes_fitting_rows_only(data, recorded, sampler, given):
    x, y = data
    rare = np.flatnonzero((y != 2) | (np.arange(90) < 30))
    x, y = x[rare], y[rare]
    real = set(x[:, 0].tolist())
    if given:
        rows = {"X_val": x[50:], "y_val": y[50:]}
        colony(Recorder(), n_features_to_select=10, resampler=sampler).fit(x[:50], y[:50], **rows)
    else:
        cv = StratifiedKFold(2)
        colony(Recorder(), n_features_to_select=10, resampler=sampler, cv=cv).fit(x, y)
    assert recorded
    for fitted_on, asked in recorded:
        assert set(asked) <= real
        assert not fitted_on & set(asked)
        assert (fitted_on <= real) == isinstance(sampler, RandomOverSampler)


@pytest.mark.parametrize("regression", [False, True])
def test_out_of_bag_scores_are_those_of_the_forest(data, regression):
    x, y = data
    forest = (RandomForestRegressor if regression else RandomForestClassifier)(60, random_state=0)
    selector = colony(forest, cv="oob").fit(x, y)
    own = clone(forest).set_params(oob_score=True).fit(x[:, selector.support_], y)
    assert selector.best_score_ == pytest.approx(own.oob_score_)


def test_rows_that_every_tree_has_seen_are_not_scored(data):
    assert 0 < colony(RandomForestClassifier(2), cv="oob").fit(*data).best_score_ <= 1


def test_the_estimator_that_was_given_stays_unfitted_and_open_seeds_are_filled(data):
    forest = RandomForestClassifier(5)
    first, again = (colony(forest, q0=0.1).fit(*data) for _ in range(2))
    assert not hasattr(forest, "classes_")
    assert forest.random_state is None
    assert first.ants_.tolist() == again.ants_.tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"q0": 1.5}, r"'q0' parameter .* must be a float in the range \[0.0, 1.0\]. Got 1.5"),
        ({"q0": -0.1}, r"'q0' parameter .* range \[0.0, 1.0\]. Got -0.1"),
        ({"evaporation_rate": 2}, r"'evaporation_rate' parameter .* Got 2"),
        ({"alpha": -1}, r"'alpha' parameter .* range \[0.0, inf\). Got -1"),
        ({"n_ants": 0}, r"'n_ants' parameter .* must be an int in the range \[1, inf\). Got 0"),
        ({"estimator": 3}, r"'estimator' parameter .* implementing 'fit'. Got 3"),
        ({"heuristic": "luck"}, r"'heuristic' parameter .* Got 'luck'"),
        ({"heuristic": np.arange(10.0) - 1}, "heuristic must be finite and not negative; got -1.0"),
        ({"n_features_to_select": 11}, "n_features_to_select must be .* of 10 features .*; got 11"),
        ({"pheromone_bounds": (2, 1)}, r"pheromone_bounds must be .*; got \(2, 1\)"),
        ({"pheromone_bounds": (0, 1)}, r"pheromone_bounds must be .*; got \(0, 1\)"),
        ({"cv": 31}, "cv must be at most the rows of a class, from 2 to 30 here .*; got 31"),
        ({"checkpoint": "x", "random_state": None}, "random_state must be an integer .*; got None"),
        (
            {"estimator": RandomForestClassifier(5), "cv": "oob", "resampler": SMOTE()},
            r"resampler must be None with cv='oob'.*SMOTE\(\)",
        ),
        ({"scoring": "beauty"}, "'scoring' parameter .* Got 'beauty'"),
        ({"scoring": lambda *_: np.nan}, "scoring must return finite numbers; got"),
    ],
)
def test_an_impossible_parameter_is_named_with_what_is_legal_and_what_came(data, changes, message):
    with pytest.raises(ValueError, match=message):
        colony().set_params(**changes).fit(*data)


def test_impossible_rows_are_named(data):
    x, y = data
    broken = x.copy()
    broken[3, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        colony().fit(broken, y)
    with pytest.raises(ValueError, match=r"y must hold 2 classes or more; got 1 class: \[7\]"):
        colony().fit(x, np.full(90, 7))
    with pytest.raises(ValueError, match="X must hold a feature that varies; all 10 are constant"):
        colony().fit(np.ones_like(x), y)
    with pytest.raises(ValueError, match="X_val and y_val must be given together"):
        colony().fit(x, y, X_val=x)
    with pytest.raises(ValueError, match="9 features, but AntColonySelector is expecting 10"):
        colony().fit(x, y, X_val=x[:, :9], y_val=y)
    with pytest.raises(ValueError, match=r"cv must be from 2 to n_samples=3, the rows; got 5"):
        colony(Ridge()).fit(x[:3], x[:3, 0])


def test_out_of_bag_needs_an_estimator_that_leaves_rows_out(data):
    with pytest.raises(ValueError, match=r"estimator must .*oob_score.*GaussianNB"):
        colony(cv="oob").fit(*data)


def test_constant_features_among_others_are_never_worth_a_place(data):
    x, y = data
    x[:, 3] = 5
    assert np.flatnonzero(colony().fit(x, y).support_).tolist() == PLANTED


def test_accelerate_says_what_it_needs(data, monkeypatch):
    monkeypatch.setattr("ferflow.core.acceleration.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"accelerate must be False .* got True.*pip install"):
        colony(accelerate=True).fit(*data)
