"""The forest, its file, and the classifier's folder."""

import functools
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from training_rows import training_data

from ferflow.core.errors import DataError
from ferflow.core.files import write_json
from ferflow.training.families.random_forest.family import Params, fit, load, predict_proba, save
from ferflow.training.shared.classical.estimators import MODEL_FILE
from ferflow.training.shared.classical.skops_files import dump_model, load_model
from ferflow.training.shared.classifier import Classifier, load_classifier, save_classifier

LEGAL = {
    "n_estimators": 7,
    "max_depth": None,
    "min_samples_leaf": 1,
    "max_features": "sqrt",
    "class_weight": None,
}
LABELS = ("angry", "disgust", "fear")


def rows(n, seed=0):
    """Features (n, 6), float32, and three classes that overlap."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return (rng.normal(size=(n, 6)) + y[:, None]).astype(np.float32), y


def grow(x, y, params, seed=0):
    """A forest fitted to features and labels."""
    return fit(training_data(x, y), params, seed).model


@pytest.fixture(scope="module")
def forest():
    return grow(*rows(120), Params(**LEGAL))


@pytest.fixture(scope="module")
def asked():
    return rows(3000, seed=1)[0]  # more than one thread's share


def test_probabilities_are_bit_identical_when_repeated(forest, asked):
    first = predict_proba(forest, asked, 3)
    for _ in range(4):
        assert np.array_equal(predict_proba(forest, asked, 3), first)


def test_probabilities_are_scikit_learns(forest, asked):
    own = RandomForestClassifier(7, random_state=0).fit(*rows(120)).predict_proba(asked)
    assert np.allclose(predict_proba(forest, asked, 3), own, rtol=0, atol=1e-12)


def test_every_row_sums_to_one_and_the_forest_has_learnt(forest, asked):
    p = predict_proba(forest, asked, 3)
    assert p.sum(axis=1) == pytest.approx(1)
    assert (p.argmax(axis=1) == rows(3000, seed=1)[1]).mean() > 0.6


def test_no_rows_give_no_probabilities(forest):
    assert predict_proba(forest, np.empty((0, 6), np.float32), 3).shape == (0, 3)


def test_a_class_without_training_rows_gets_probability_0(asked):
    x, y = rows(120)
    model = grow(x, np.array([0, 2, 4])[y], Params(**LEGAL))
    p = predict_proba(model, asked, 6)
    assert p.shape == (3000, 6)
    assert (p[:, [1, 3, 5]] == 0).all()
    assert (p[:, [0, 2, 4]].max(axis=0) > 0.5).all()


def test_the_seed_fixes_the_forest(asked):
    params = Params(**LEGAL)
    first, again, other = (
        predict_proba(grow(*rows(120), params, seed), asked, 3) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_estimators", 3),
        ("max_depth", 2),
        ("min_samples_leaf", 9),
        ("max_features", None),
        ("max_features", "log2"),
        ("class_weight", "balanced"),
    ],
)
def test_every_parameter_reaches_the_forest(key, value):
    assert getattr(grow(*rows(30), Params(**LEGAL | {key: value})), key) == value


def test_a_forest_comes_back_with_the_same_probabilities(tmp_path, forest, asked):
    save(forest, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MODEL_FILE]
    loaded = load(tmp_path)
    assert isinstance(loaded, RandomForestClassifier)
    assert np.array_equal(predict_proba(loaded, asked, 3), predict_proba(forest, asked, 3))


def test_the_same_forest_gives_the_same_bytes_in_any_process(tmp_path, forest, run_python):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        save(forest, tmp_path / name)
    (tmp_path / "third").mkdir()
    np.savez(tmp_path / "rows.npz", x=rows(120)[0], y=rows(120)[1])
    code = """
import sys
from pathlib import Path
import numpy as np
from ferflow.training.families.random_forest.family import Params, fit, save
sys.path.append(sys.argv[3])
from training_rows import training_data
padding = [object() for _ in range(1000)]  # other addresses
data = np.load(sys.argv[1])
params = Params(n_estimators=7, max_depth=None, min_samples_leaf=1, max_features="sqrt",
                class_weight=None)
save(fit(training_data(data["x"], data["y"]), params, 0).model, Path(sys.argv[2]))
"""
    run_python(code, tmp_path / "rows.npz", tmp_path / "third", Path(__file__).parent)
    first, second, third = (
        (tmp_path / name / MODEL_FILE).read_bytes() for name in ("first", "second", "third")
    )
    assert first == second
    assert first == third


def test_a_forest_that_was_loaded_is_written_with_the_same_bytes(tmp_path, forest):
    dump_model(forest.set_params(n_jobs=1), tmp_path / "first")
    dump_model(load_model(tmp_path / "first", RandomForestClassifier), tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_another_model_gives_other_bytes(tmp_path, forest):
    dump_model(forest, tmp_path / "first")
    dump_model(grow(*rows(120), Params(**LEGAL), 1), tmp_path / "second")
    assert (tmp_path / "first").read_bytes() != (tmp_path / "second").read_bytes()


def test_skops_itself_reads_the_file(tmp_path, forest, asked):
    dump_model(forest, tmp_path / "model.skops")
    assert skops.io.get_untrusted_types(file=tmp_path / "model.skops") == [
        "sklearn.tree._tree.Tree"
    ]
    model = skops.io.load(tmp_path / "model.skops", trusted=["sklearn.tree._tree.Tree"])
    assert np.allclose(model.predict_proba(asked), predict_proba(forest, asked, 3), atol=1e-12)


def test_shared_arrays_and_equal_numbers_survive_the_renumbering(tmp_path):
    shared = np.arange(5.0)
    model = LogisticRegression(C=2, l1_ratio=0.0)
    model.coef_, model.intercept_, model.n_iter_ = shared, shared, np.arange(3)
    model.first_, model.second_, model.third_ = 1.5, 1.5, {"a": [1, 1, None], "b": shared}
    dump_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops", LogisticRegression)
    assert loaded.C == 2
    assert loaded.coef_.tolist() == loaded.intercept_.tolist() == shared.tolist()
    assert loaded.third_["b"].tolist() == shared.tolist()
    assert loaded.n_iter_.tolist() == [0, 1, 2]
    assert (loaded.first_, loaded.second_, loaded.third_["a"]) == (1.5, 1.5, [1, 1, None])


class Stranger:
    """A class that no file may bring along."""


@pytest.mark.parametrize(
    "content",
    [
        Stranger(),
        functools.partial(os.system, "exit 1"),
        FunctionTransformer(func=os.system),
        [Stranger()],
    ],
    ids=["class", "partial", "transformer", "list"],
)
def test_a_file_with_other_types_is_refused(tmp_path, content):
    skops.io.dump(content, tmp_path / MODEL_FILE)
    with pytest.raises(DataError, match=r"model\.skops is not a model that can be trusted"):
        load(tmp_path)


@pytest.mark.parametrize("other", [LogisticRegression(), ExtraTreesClassifier(), {"a": 1}])
def test_a_trusted_file_of_another_kind_is_refused(tmp_path, other):
    dump_model(other, tmp_path / MODEL_FILE)
    with pytest.raises(DataError, match=rf"a {type(other).__name__}, not a RandomForestClassifier"):
        load(tmp_path)


def test_a_pickle_is_refused(tmp_path, forest):
    (tmp_path / MODEL_FILE).write_bytes(pickle.dumps(forest))
    with pytest.raises(DataError, match="not a model that can be trusted"):
        load(tmp_path)


def test_a_model_cut_anywhere_is_refused(tmp_path, forest):
    save(forest, tmp_path)
    content = (tmp_path / MODEL_FILE).read_bytes()
    for length in (0, 100, len(content) // 2, len(content) - 1):
        (tmp_path / MODEL_FILE).write_bytes(content[:length])
        with pytest.raises(DataError, match="not a model that can be trusted"):
            load(tmp_path)


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / MODEL_FILE, "w") as archive:
        archive.writestr("schema.json", "{}")
    with pytest.raises(DataError, match="not a model that can be trusted"):
        load(tmp_path)


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(DataError, match=r"model\.skops is not here"):
        load(tmp_path)


@pytest.fixture
def classifier():
    mask = np.array([True, False, True, True, False, True])
    x, y = rows(120)
    model = grow(x[:, mask], y, Params(**LEGAL))
    return Classifier("random_forest", model, mask, LABELS, {"lighting": "none"})


def test_a_classifier_sees_only_the_features_of_its_mask(classifier, asked):
    changed = asked.copy()
    changed[:, ~classifier.mask] = 1e6
    assert np.array_equal(classifier.predict_proba(asked), classifier.predict_proba(changed))


def test_a_classifier_comes_back_from_its_folder(tmp_path, classifier, asked):
    save_classifier(tmp_path / "models" / "classifier", classifier)
    loaded = load_classifier(tmp_path / "models" / "classifier")
    assert (loaded.family, loaded.labels) == ("random_forest", LABELS)
    assert loaded.meta == {"lighting": "none"}
    assert loaded.mask.tolist() == classifier.mask.tolist()
    assert np.array_equal(loaded.predict_proba(asked), classifier.predict_proba(asked))


def test_the_same_classifier_gives_the_same_files(tmp_path, classifier):
    for name in ("first", "second"):
        save_classifier(tmp_path / name, classifier)
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == ["classifier.json", "mask.npy", MODEL_FILE]
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_rows_of_another_width_are_refused(classifier):
    with pytest.raises(DataError, match="the mask is for 6 features; these rows have 5"):
        classifier.predict_proba(np.zeros((2, 5), np.float32))


@pytest.mark.parametrize("missing", ["classifier.json", "mask.npy", MODEL_FILE])
def test_an_incomplete_folder_names_the_missing_file(tmp_path, classifier, missing):
    save_classifier(tmp_path, classifier)
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match=rf"{missing} is not here"):
        load_classifier(tmp_path)


@pytest.mark.parametrize("about", [{}, [], {"family": "random_forest"}, {"family": "no_such"}])
def test_a_folder_that_describes_something_else_is_refused(tmp_path, classifier, about):
    save_classifier(tmp_path, classifier)
    write_json(tmp_path / "classifier.json", about)
    with pytest.raises(DataError, match=r"classifier\.json"):
        load_classifier(tmp_path)


def test_a_forest_needs_no_torch(run_python):
    run_python(
        "import sys; import ferflow.training.families.random_forest.family;"
        "assert 'torch' not in sys.modules;"
        "assert 'sklearn.externals.array_api_compat.torch' not in sys.modules;"
        "import torch; from sklearn.utils import all_estimators; assert all_estimators()"
    )
