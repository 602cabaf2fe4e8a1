"""The families without epochs: what all of them promise, from rows to the file and back."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from training_rows import training_data

from ferflow.core.errors import DataError, ParamError
from ferflow.core.params import read_yaml
from ferflow.settings.presets import DEFAULTS
from ferflow.training.shared.classical.estimators import MODEL_FILE
from ferflow.training.shared.classical.skops_files import dump_model
from ferflow.training.shared.classifier import Classifier, load_classifier, save_classifier
from ferflow.training.shared.family import family_module

ROOT = Path(__file__).parents[1]
QUICK = {
    "extra_trees": {"n_estimators": 20},
    "hist_gradient_boosting": {"max_iter": 15, "max_features": 1.0},
    "k_nearest_neighbors": {},
    "logistic_regression": {},
    "random_forest": {"n_estimators": 20},
    "svm": {},
}
SCALED = ["k_nearest_neighbors", "logistic_regression", "svm"]
CLASS_WEIGHT = {
    "extra_trees": {"min_samples_leaf": 8},
    "hist_gradient_boosting": {},
    "logistic_regression": {"C": 1.0},
    "svm": {"C": 1.0},
}


def rows(n, seed=0, spread=1.0):
    """Features (n, 6), float32, and three classes that overlap."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = rng.normal(size=(n, 6)) * spread
    x[:, :3] += 1.5 * np.eye(3)[y] * spread
    return x.astype(np.float32), y


def params_of(family, **changes):
    own = read_yaml(ROOT / DEFAULTS)["train"][family]
    return family_module(family).Params(**own | QUICK[family] | changes)


def fitted(family, x, y, val=None, seed=0, **changes):
    data = training_data(x, y, val)
    return family_module(family).fit(data, params_of(family, **changes), seed)


@pytest.fixture(params=sorted(QUICK))
def family(request):
    return request.param


def test_probabilities_sum_to_one_and_something_was_learnt(family):
    model = fitted(family, *rows(150), val=rows(60, seed=2)).model
    x, y = rows(300, seed=1)
    p = family_module(family).predict_proba(model, x, 7)
    assert p.shape == (300, 7) and p.dtype == np.float64
    assert p.sum(axis=1) == pytest.approx(1)
    assert (p.argmax(axis=1) == y).mean() > 0.6


def test_classes_that_were_never_fitted_get_probability_0(family):
    x, y = rows(150)
    val_x, val_y = rows(60, seed=2)
    model = fitted(family, x, np.array([1, 3, 6])[y], val=(val_x, val_y * 3)).model
    p = family_module(family).predict_proba(model, rows(40, seed=1)[0], 8)
    assert p.shape == (40, 8)
    assert (p[:, [0, 2, 4, 5, 7]] == 0).all()
    assert (p[:, [1, 3, 6]].max(axis=0) > 0.4).all()
    assert p.sum(axis=1) == pytest.approx(1)


def test_grey_levels_are_taken_as_they_come(family):
    """A mapped uint8 image file and the same numbers as float32 are the same rows."""
    x, y = rows(150, spread=20)
    grey = np.clip(x + 128, 0, 255).astype(np.uint8)
    from_grey, from_float = (
        family_module(family).predict_proba(fitted(family, part, y).model, part[:20], 3)
        for part in (grey, grey.astype(np.float32))
    )
    assert np.array_equal(from_grey, from_float)


def test_the_seed_and_nothing_else_decides(family):
    asked = rows(30, seed=1)[0]
    first, again = (
        family_module(family).predict_proba(fitted(family, *rows(150), seed=5).model, asked, 3)
        for _ in range(2)
    )
    assert np.array_equal(first, again)


def test_a_model_comes_back_with_the_same_probabilities_and_bytes(family, tmp_path):
    module, asked = family_module(family), rows(30, seed=1)[0]
    model = fitted(family, *rows(150), val=rows(60, seed=2)).model
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        module.save(model, tmp_path / name)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    loaded = module.load(tmp_path / "first")
    expected = module.predict_proba(model, asked, 3)
    assert np.array_equal(module.predict_proba(loaded, asked, 3), expected)
    module.save(loaded, tmp_path / "second")
    name = MODEL_FILE
    assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_two_fits_give_the_same_file(family, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        family_module(family).save(fitted(family, *rows(100)).model, tmp_path / name)
    first, second = (tmp_path / name / MODEL_FILE for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


def test_a_classifiers_folder_is_all_that_is_needed(family, tmp_path):
    model = fitted(family, *rows(100)).model
    mask, labels = np.ones(6, bool), ("angry", "disgust", "fear")
    save_classifier(tmp_path, Classifier(family, model, mask, labels, {}))
    asked = rows(30, seed=1)[0]
    expected = family_module(family).predict_proba(model, asked, 3)
    assert np.array_equal(load_classifier(tmp_path).predict_proba(asked), expected)


def test_a_file_of_another_family_is_refused(family, tmp_path):
    module = family_module(family)
    module.save(fitted(family, *rows(60)).model, tmp_path)
    other = Pipeline([("scale", StandardScaler()), ("classify", PCA())])
    dump_model(other, tmp_path / MODEL_FILE)
    with pytest.raises(DataError, match=rf"{MODEL_FILE} (holds|ends in) a \w+, not a \w+"):
        module.load(tmp_path)


def test_a_missing_file_is_named(family, tmp_path):
    with pytest.raises(DataError, match="is not here"):
        family_module(family).load(tmp_path)


def test_about_is_fit_for_the_metrics(family):
    about = fitted(family, *rows(100), val=rows(60, seed=2)).about
    assert json.loads(json.dumps(about)) == about


@pytest.mark.parametrize("family", sorted(CLASS_WEIGHT))
def test_balanced_weights_find_more_of_a_rare_class(family):
    x, y = rows(400)
    keep = (y != 2) | (np.cumsum(y == 2) <= 12)
    asked, truth = rows(300, seed=1)
    recall = []
    for weight in (None, "balanced"):
        quick = CLASS_WEIGHT[family] | {"class_weight": weight}
        model = fitted(family, x[keep], y[keep], **quick).model
        p = family_module(family).predict_proba(model, asked[truth == 2], 3)
        recall.append((p.argmax(axis=1) == 2).mean())
    assert recall[1] > recall[0]


@pytest.mark.parametrize("family", SCALED)
@pytest.mark.parametrize("scaling", ["zscore", "minmax"])
def test_scaling_undoes_the_units_of_the_features(family, scaling):
    x, y = rows(150)
    units = np.float32([1, 1000, 0.01, 50, 1, 0.1])
    asked = rows(60, seed=1)[0]
    plain, scaled = (
        family_module(family).predict_proba(
            fitted(family, x * unit, y, scaling=scaling).model, asked * unit, 3
        )
        for unit in (np.float32(1), units)
    )
    assert np.allclose(plain, scaled, atol=1e-3)


@pytest.mark.parametrize("family", SCALED)
def test_the_scaling_is_fitted_to_the_training_rows_alone(family):
    x, y = rows(150)
    model = fitted(family, x, y, val=(rows(60)[0] * 100, rows(60)[1]), scaling="minmax").model
    pipeline = getattr(model, "pipeline", model)
    assert np.allclose(pipeline["scale"].data_max_, x.max(axis=0))


@pytest.mark.parametrize("family", SCALED)
@pytest.mark.parametrize(("pca", "n"), [(2, 2), (0.5, None), (None, 6)])
def test_principal_components_stand_between_scaling_and_classifier(family, pca, n):
    model = fitted(family, *rows(150), pca=pca).model
    pipeline = getattr(model, "pipeline", model)
    assert ("pca" in pipeline.named_steps) == (pca is not None)
    assert 0 < pipeline[-1].n_features_in_ < 6 if n is None else pipeline[-1].n_features_in_ == n


@pytest.mark.parametrize("family", SCALED)
def test_more_components_than_features_are_refused(family):
    with pytest.raises(ParamError, match=rf"train\.{family}\.pca must be at most .* 6 here; got 7"):
        fitted(family, *rows(150), pca=7)


@pytest.mark.parametrize("pca", [0, -1, 1.5, 0.0, 1.0])
def test_an_impossible_pca_is_refused(pca):
    with pytest.raises(ValueError, match="share of the variance"):
        params_of("svm", pca=pca)


def test_more_neighbours_than_rows_are_refused():
    with pytest.raises(ParamError, match="at most the training rows, 10 here; got 15"):
        fitted("k_nearest_neighbors", *rows(10))


def test_a_regression_says_whether_it_came_to_its_end():
    assert fitted("logistic_regression", *rows(100)).about["converged"]
    assert not fitted("logistic_regression", *rows(100), max_iter=1).about["converged"]


def test_a_regression_is_scikit_learns():
    x, y = rows(100)
    model = fitted("logistic_regression", x, y, scaling="none", C=1.0).model
    own = LogisticRegression(max_iter=500).fit(x, y)
    assert np.allclose(model[-1].coef_, own.coef_)


def test_every_family_has_a_section_and_only_its_own_is_read(tmp_path, monkeypatch):
    from ferflow.training.shared.params import family_names, load_family

    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    sections = read_yaml(tmp_path / "params.yaml")["train"]
    assert set(family_names()) <= set(sections)
    text = (tmp_path / "params.yaml").read_text()
    broken = text.replace("kernel: rbf", "kernel: sigmoid")
    (tmp_path / "params.yaml").write_text(broken)
    load_family()
    (tmp_path / "params.yaml").write_text(
        broken.replace("  family: random_forest", "  family: svm")
    )
    with pytest.raises(ParamError, match=r"train\.svm\.kernel must be 'linear', 'poly' or 'rbf'"):
        load_family()
