"""The support vector machine: put together from pairs of classes, calibrated on val rows."""

import json

import numpy as np
import pytest
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_class_weight
from test_families import fitted, params_of, rows
from training_rows import training_data

from ferflow.core.acceleration import fast_version, is_installed
from ferflow.core.errors import DataError, FerflowError, ParamError
from ferflow.core.params import pick_section, read_yaml
from ferflow.evaluation.outputs import predict
from ferflow.evaluation.params import EvaluateParams
from ferflow.settings.presets import DEFAULTS, use
from ferflow.training.families.svm.family import CALIBRATION_FILE, fit, load, predict_proba, save
from ferflow.training.families.svm.pairs import count_rows, decision_scores, fit_pairs, step_limits
from ferflow.training.shared.classical.calibration import fit_temperature, probabilities
from ferflow.training.shared.classifier import Classifier
from ferflow.training.shared.compute_params import ComputeParams
from ferflow.training.shared.family import family_module

MACHINES = [
    {"kernel": "rbf"},
    {"kernel": "rbf", "gamma": 0.3, "C": 5, "class_weight": "balanced"},
    {"kernel": "rbf", "gamma": "auto"},
    {"kernel": "poly", "degree": 2},
    {"kernel": "linear", "C": 0.5},
]
ARRAYS = [
    "support_",
    "support_vectors_",
    "n_support_",
    "dual_coef_",
    "intercept_",
    "class_weight_",
    "classes_",
    "shape_fit_",
    "n_iter_",
]


def classes(n, k, seed=0):
    """Features (n, 5) and k classes, numbered with gaps, the last of them rare."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    y[(y == k - 1) & (rng.random(n) < 0.6)] = 0
    return (rng.normal(size=(n, 5)) + 0.6 * y[:, None]).astype(np.float32), 2 * y


def by_pairs(x, y, **options):
    return put_together(x, y, SVC(break_ties=True, **options))


def put_together(x, y, machine, accelerate=None, on_pair=lambda _: 0, rounds=10_000):
    limits = step_limits(y, rounds, accelerated=accelerate is not None)
    return fit_pairs(x, y, machine, limits, accelerate=accelerate, on_pair=on_pair)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("options", MACHINES, ids=str)
def test_a_machine_made_of_pairs_is_scikit_learns_to_the_bit(k, options):
    x, y = classes(160, k)
    ours, own = by_pairs(x, y, **options), SVC(break_ties=True, **options).fit(x, y)
    for name in ARRAYS:
        assert np.array_equal(getattr(ours, name), getattr(own, name)), name
        assert np.asarray(getattr(ours, name)).dtype == np.asarray(getattr(own, name)).dtype, name
    asked = classes(70, k, seed=1)[0]
    assert np.array_equal(ours.decision_function(asked), own.decision_function(asked))
    assert np.array_equal(ours.predict(asked), own.predict(asked))
    assert set(vars(ours)) == set(vars(own))


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("options", MACHINES, ids=str)
def test_scores_are_scikit_learns_decision_function(k, options):
    x, y = classes(160, k)
    machine, asked = by_pairs(x, y, **options), classes(600, k, seed=1)[0]
    expected = machine.decision_function(asked)
    scores = decision_scores(machine, asked)
    if k == 2:
        scores = scores[:, 1] - scores[:, 0]
    assert np.allclose(scores, expected, atol=1e-9)


def test_the_decision_is_the_highest_probability():
    model = fitted("svm", *rows(150), val=rows(80, seed=2), class_weight=None).model
    asked = rows(300, seed=1)[0]
    expected = model.pipeline.predict(asked)
    assert np.array_equal(predict_proba(model, asked, 3).argmax(axis=1), expected)


def test_no_rows_have_no_probabilities():
    model = fitted("svm", *rows(60)).model
    assert predict_proba(model, np.empty((0, 6), np.float32), 3).shape == (0, 3)


def test_every_pair_is_counted():
    _, y = classes(160, 4)
    done = []
    put_together(*classes(160, 4), SVC(), on_pair=done.append)
    assert sorted(done) == sorted(count_rows(y))
    assert len(done) == 6


class Liar(SVC):
    """Another package whose attributes do not tell what it decides."""

    def decision_function(self, X):
        return super().decision_function(X) + 0.1


def test_a_machine_that_decides_otherwise_is_refused():
    with pytest.raises(FerflowError, match=r"differs by .*compute\.accelerate to off"):
        put_together(
            *classes(160, 3), SVC(), accelerate=lambda machine: Liar(**machine.get_params())
        )


@pytest.mark.skipif(not is_installed(), reason="needs scikit-learn-intelex")
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("options", MACHINES, ids=str)
def test_an_accelerated_machine_is_scikit_learns_own_and_agrees(k, options):
    x, y = classes(160, k)
    fast = put_together(x, y, SVC(**options), accelerate=fast_version)
    assert type(fast) is SVC
    own = SVC(**options).fit(x, y)
    asked = classes(300, k, seed=1)[0]
    assert (fast.predict(asked) == own.predict(asked)).mean() > 0.99


def test_temperature_is_the_best_of_all_and_undoes_a_factor():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4000, 4)) * 2
    p = probabilities(scores, 1)
    y = (rng.random(4000)[:, None] > p.cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(scores, y) == pytest.approx(1, abs=0.08)
    assert fit_temperature(scores * 7, y) == pytest.approx(7 * fit_temperature(scores, y), rel=1e-3)


def test_probabilities_are_sizes_not_just_an_order():
    """Of decisions with a probability near 0.8 about 8 in 10 are right."""
    model = fitted("svm", *rows(600), val=rows(600, seed=2)).model
    x, y = rows(3000, seed=1)
    p = predict_proba(model, x, 3)
    right = p.argmax(axis=1) == y
    assert p.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.04)


def test_what_the_probabilities_rest_on_is_said():
    calibrated = fitted("svm", *rows(100), val=rows(60, seed=2)).about["calibration"]
    assert calibrated["n_rows"] == 60 and calibrated["temperature"] > 0
    without = fitted("svm", *rows(100))
    assert without.about["calibration"]["method"].startswith("none: no val rows")
    assert without.model.temperature == 1


def test_val_rows_of_unknown_classes_are_left_out_of_the_calibration():
    x, y = rows(60, seed=2)
    about = fitted("svm", *rows(100), val=(x, np.where(y == 2, 5, y))).about
    assert about["calibration"]["n_rows"] == (y < 2).sum()


def test_rows_of_one_class_are_refused():
    with pytest.raises(DataError, match="two classes or more"):
        fitted("svm", rows(20)[0], np.zeros(20, int))


def test_fewer_rows_are_drawn_by_class_and_the_seed_decides():
    x, y = rows(400)
    data = training_data(x, y)
    first, again, other = (
        fit(data, params_of("svm", max_rows=100), seed).model.pipeline for seed in (0, 0, 1)
    )
    assert first[-1].shape_fit_ == (100, 6)
    assert np.array_equal(first[-1].support_vectors_, again[-1].support_vectors_)
    assert not np.array_equal(first["scale"].mean_, other["scale"].mean_)
    balanced = compute_class_weight("balanced", classes=np.arange(3), y=y)
    assert np.allclose(first[-1].class_weight_, balanced, rtol=0.05)  # a row is 3 % of a class


def test_how_many_rows_were_fitted_is_said():
    for max_rows, n in ((None, 400), (400, 400), (1000, 400), (100, 100)):
        assert fitted("svm", *rows(400), max_rows=max_rows).about["n_rows"] == n


def test_too_few_rows_for_a_class_are_refused():
    x, y = rows(400)
    y = np.where(y == 2, 1, y)
    y[7] = 2
    with pytest.raises(ParamError, match=r"max_rows: 10 of 400 rows leave none of 'fear'"):
        fitted("svm", x, y, max_rows=10)


@pytest.mark.parametrize("accelerate", ["off", "auto"])
def test_a_machine_that_is_not_solved_says_so(accelerate):
    if accelerate == "auto" and not is_installed():
        pytest.skip("needs scikit-learn-intelex")
    data = training_data(*rows(600, spread=3.0))
    data = type(data)(data.train, accelerate=accelerate)
    hard = {"kernel": "poly", "C": 1e6, "scaling": "none"}
    about = fit(data, params_of("svm", max_iter=1, **hard), 0).about
    assert about["unsolved_pairs"] == 3
    easy = {"kernel": "rbf", "C": 1.0}
    assert fit(data, params_of("svm", **easy), 0).about["unsolved_pairs"] == 0


@pytest.mark.parametrize("key", ["kernel", "C", "gamma", "degree", "class_weight"])
def test_every_parameter_reaches_the_machine(key):
    value = {"kernel": "poly", "C": 0.7, "gamma": 0.2, "degree": 2, "class_weight": None}[key]
    machine = fitted("svm", *rows(60), **{key: value}).model.pipeline[-1]
    assert getattr(machine, key) == value


@pytest.mark.parametrize(
    "change",
    [
        {"kernel": "sigmoid"},
        {"C": 0.0},
        {"gamma": -1.0},
        {"gamma": "scaled"},
        {"degree": 0},
        {"max_iter": 0},
        {"max_rows": 9},
    ],
    ids=str,
)
def test_impossible_settings_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        params_of("svm", **change)


@pytest.mark.parametrize("text", ["{}", '{"temperature": 0}', '{"temperature": "hot"}', "[]", "{"])
def test_a_damaged_temperature_is_refused(tmp_path, text):
    save(fitted("svm", *rows(60)).model, tmp_path)
    (tmp_path / CALIBRATION_FILE).write_text(text)
    with pytest.raises(DataError, match=CALIBRATION_FILE):
        load(tmp_path)


def test_the_temperature_is_in_the_folder(tmp_path):
    model = fitted("svm", *rows(60), val=rows(60, seed=2)).model
    save(model, tmp_path)
    stored = json.loads((tmp_path / CALIBRATION_FILE).read_text())
    assert stored == {"temperature": model.temperature}


def test_labels_that_differ_between_splits_are_refused():
    data = training_data(*rows(20))
    val = training_data(*rows(20)).train
    other = type(val)(val.x, val.y, val.source_id, val.transform, ("a", "b", "c"), {})
    with pytest.raises(DataError, match=r"val and train name different classes: a, b, c; and angr"):
        type(data)(data.train, other)


@pytest.mark.skipif(is_installed(), reason="scikit-learn-intelex is here")
@pytest.mark.usefixtures("workplace")
def test_acceleration_that_is_not_there_is_refused_with_the_cure():
    with pytest.raises(ParamError, match=r"compute\.accelerate is on.*pip install"):
        use("quickstart", {"compute.accelerate": "on"})
    with pytest.raises(ParamError, match=r"compute\.accelerate is on.*pip install '\.\[fast\]'"):
        ComputeParams(accelerate="on").checked()
    assert ComputeParams(accelerate="auto").checked() == "off"


@pytest.mark.skipif(not is_installed(), reason="needs scikit-learn-intelex")
def test_acceleration_that_is_there_is_used():
    for word in ("auto", "on", "off"):
        assert ComputeParams(accelerate=word).checked() == word
    data = training_data(*rows(100))
    fast = type(data)(data.train, accelerate="auto")
    assert fit(fast, params_of("svm"), 0).about["accelerated"]


@pytest.mark.skipif(not is_installed(), reason="needs scikit-learn-intelex")
@pytest.mark.parametrize(("family", "can"), [("random_forest", True), ("extra_trees", False)])
def test_an_accelerated_forest_is_scikit_learns_own(family, can, tmp_path):
    module, data = family_module(family), training_data(*rows(200))
    for word in ("auto", "on"):
        result = module.fit(type(data)(data.train, accelerate=word), params_of(family), 0)
        assert result.about["accelerated"] == (can and word == "on")
        assert type(result.model).__module__.startswith("sklearn.")
        module.save(result.model, tmp_path)
        x, y = rows(300, seed=1)
        p = module.predict_proba(module.load(tmp_path), x, 3)
        assert (p.argmax(axis=1) == y).mean() > 0.6


def test_a_split_of_other_classes_is_not_scored(make_split):
    model = fitted("svm", *rows(60)).model
    labels = ("angry", "disgust", "fear")
    classifier = Classifier("svm", model, np.ones(6, bool), labels, {})
    split = make_split(shape=(6,), labels=("anger", "contempt", "disgust"))
    params = pick_section(read_yaml(DEFAULTS), "evaluate", EvaluateParams)
    with pytest.raises(DataError, match="test and the classifier name different classes: anger"):
        predict(classifier, "test", split, params, 0)
