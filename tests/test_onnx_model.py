"""Classifiers as ONNX files: they answer as before; files of somebody else's making."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnx_file import halves, linear_network, write
from typer.testing import CliRunner

from ferflow.cli import app
from ferflow.core.errors import DataError, FerflowError
from ferflow.core.hashing import sha256_of
from ferflow.core.params import pick_section, read_yaml
from ferflow.core.split import Split
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.features.extraction import extract_features, feature_meta, make_extractor
from ferflow.features.params import FeaturesParams
from ferflow.images.lighting import correct_lighting
from ferflow.recognition.attention import attention
from ferflow.recognition.export import export, to_onnx
from ferflow.recognition.export.classical import FAMILIES
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.recognition.onnx_model import INPUT, MAP, OUTPUT, OnnxModel
from ferflow.recognition.recognizer import BUNDLED, Recognizer
from ferflow.training.families.network import build_network
from ferflow.training.families.network.batches import Scale
from ferflow.training.families.network.files import TrainedNetwork
from ferflow.training.shared.classifier import Classifier, load_classifier, save_classifier
from ferflow.training.shared.family import family_module
from ferflow.training.shared.fitting import TrainingData

ROOT = Path(__file__).parents[1]
FACES = draw_faces(FER2013_LABELS, seed=5)
ALIKE = 2e-5  # of probabilities in float32; at most 1.1e-5 apart on the processors that were tried


def write_network(target, name, lighting):
    """The folder of a network with first weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(name, 7, {}).eval()
    model = TrainedNetwork(network, name, {}, 7, 48, Scale(0.5, 0.25))
    meta = {"lighting": lighting, "trained_on": ["train"]}
    classifier = Classifier("network", model, np.ones(48 * 48, bool), FER2013_LABELS, meta)
    save_classifier(target, classifier)
    return target


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network on evened-out faces."""
    return write_network(tmp_path_factory.mktemp("network") / "model", "littlevgg", "equalize")


@pytest.fixture(scope="module")
def exported(folder):
    """Its ONNX file, and what `export` said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        return folder.with_suffix(".onnx"), export(folder, folder.with_suffix(".onnx"))


def test_a_file_answers_as_torch_does(folder, exported):
    file, compared = exported
    assert compared.faces == "256 drawn faces" and compared.apart < ALIKE
    model, classifier = OnnxModel(file), FaceClassifier(folder)
    assert model.labels == classifier.labels == FER2013_LABELS
    assert np.allclose(model(FACES), classifier(FACES), atol=ALIKE)
    assert np.allclose(model(FACES[:1]), model(FACES)[:1], atol=1e-6)
    assert model(FACES[:0]).shape == (0, 7)
    inside = model._session.run([OUTPUT], {INPUT: correct_lighting(FACES, "equalize")})[0]
    assert np.allclose(inside, model(FACES), atol=1e-6)


def test_the_same_network_gives_the_same_bytes_and_names_no_place(folder, exported):
    content = exported[0].read_bytes()
    assert to_onnx(load_classifier(folder)) == content
    assert b".py" not in content and str(folder).encode() not in content


def test_the_bundled_file_is_the_bundled_network_in_8_bits():
    file, classifier = OnnxModel(BUNDLED.with_suffix(".onnx")), FaceClassifier(BUNDLED)
    assert file.labels == classifier.labels
    apart = np.abs(file(FACES) - classifier(FACES))
    assert apart.max() < 0.05 and np.median(apart) < 0.005
    assert (file(FACES).argmax(axis=1) == classifier(FACES).argmax(axis=1)).all()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone binds processes")
def test_it_computes_on_the_cores_that_the_process_may_use():
    code = """
import os, sys
from pathlib import Path
given = {min(os.sched_getaffinity(0))}
os.sched_setaffinity(0, given)
from ferflow.recognition.onnx_model import OnnxModel
model = OnnxModel(Path(sys.argv[1]))
for thread in os.listdir("/proc/self/task"):
    assert os.sched_getaffinity(int(thread)) == given
"""
    file = BUNDLED.with_suffix(".onnx")
    environment = os.environ | {"PYTHONPATH": str(BUNDLED.parents[1])}
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, env=environment)


def test_the_recognizer_takes_a_file(folder, exported, tmp_path):
    named = [Recognizer(model)(FACES[3], detect=False)[0] for model in (folder, exported[0])]
    assert named[0].label == named[1].label
    with pytest.raises(DataError, match=r"nowhere\.onnx does not exist"):
        Recognizer(tmp_path / "nowhere.onnx")


def test_the_command_says_how_far_it_is_from_torch(folder, workplace, monkeypatch):
    (workplace / "dvc.yaml").touch()
    monkeypatch.chdir(workplace)
    done = CliRunner().invoke(app, ["export", str(folder), "--to", "out/face.onnx"])
    assert done.exit_code == 0, done.exception
    assert "out/face.onnx: " in done.output and "256 drawn faces" in done.output
    assert (workplace / "out/face.onnx").stat().st_size > 1_000_000


def drawn_rows(labels=FER2013_LABELS, seeds=6):
    """Drawn faces as rows (n, 2304), and their classes."""
    x = np.concatenate([draw_faces(labels, seed=seed) for seed in range(seeds)])
    return x.reshape(len(x), -1), np.tile(np.arange(len(labels)), seeds)


def write_classical(folder, family, x, y, mask=None, labels=FER2013_LABELS, **meta):
    """A model folder of a family with settings of its own, fitted to features x of classes y."""
    settings = read_yaml(ROOT / "presets/defaults.yaml")["train"][family]
    changes = {"n_estimators": 7, "max_iter": 50, "pca": 12, "scaling": "zscore"}
    settings |= {key: value for key, value in changes.items() if key in settings}
    module = family_module(family)
    params = pick_section({family: settings}, family, module.Params)
    mask = np.ones(x.shape[1], bool) if mask is None else mask
    words = np.full(len(y), "")
    rows = Split(x[:, mask], y, words, words, tuple(labels))
    model = module.fit(TrainingData(rows, rows), params, 0).model
    meta = {"lighting": "none", "trained_on": ["train"]} | meta
    save_classifier(folder, Classifier(family, model, mask, tuple(labels), meta))
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classical_model_answers_as_it_did(tmp_path, monkeypatch, family):
    monkeypatch.chdir(tmp_path)
    mask = np.arange(48 * 48) % 3 == 0
    folder = write_classical(tmp_path / "model", family, *drawn_rows(), mask, lighting="equalize")
    compared = export(folder, tmp_path / "x.onnx")
    assert compared.apart < ALIKE
    model, classifier = OnnxModel(tmp_path / "x.onnx"), FaceClassifier(folder)
    assert np.allclose(model(FACES), classifier(FACES), atol=ALIKE)
    assert attention(model, FACES, [0] * 7) is None
    assert to_onnx(load_classifier(folder)) == (tmp_path / "x.onnx").read_bytes()


@pytest.mark.parametrize("family", FAMILIES)
def test_two_classes_and_one_without_rows(tmp_path, monkeypatch, family):
    monkeypatch.chdir(tmp_path)
    x, y = drawn_rows(("happy", "sad"))
    labels = ("angry", "happy", "sad")
    folder = write_classical(tmp_path / "model", family, x, y + 1, labels=labels)
    export(folder, tmp_path / "x.onnx")
    answer = OnnxModel(tmp_path / "x.onnx")(FACES)
    assert np.allclose(answer, FaceClassifier(folder)(FACES), atol=ALIKE)
    assert not answer[:, 0].any() and np.ptp(answer[:, 1]) > 0.01


def test_a_forest_on_a_backbones_features_answers_as_it_did(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    features = read_yaml(ROOT / "presets/defaults.yaml")["features"]
    features |= {"method": "backbone", "backbone": str(BUNDLED), "pooling": "avg"}
    features |= {"backbone_sha256": sha256_of(BUNDLED), "input_size": 96, "precision": "float32"}
    params = pick_section({"features": features}, "features", FeaturesParams)
    extractor = make_extractor(params)
    x, y = drawn_rows(seeds=3)
    x = extract_features(x.reshape(-1, 48, 48), extractor)
    meta = feature_meta(params, extractor)
    made = write_classical(
        tmp_path / "model", "random_forest", x, y, np.arange(x.shape[1]) % 2 == 0, **meta
    )
    assert export(made, tmp_path / "x.onnx").n_apart == 0
    model = OnnxModel(tmp_path / "x.onnx")
    assert np.allclose(model(FACES), FaceClassifier(made)(FACES), atol=ALIKE)


def test_what_does_not_convert_is_refused_and_nothing_written(tmp_path):
    folder = write_classical(tmp_path / "neighbours", "k_nearest_neighbors", *drawn_rows())
    with pytest.raises(
        FerflowError, match=r"a k_nearest_neighbors on pixels .* Legal: a network; ra"
    ):
        export(folder, tmp_path / "x.onnx")
    meta = {"features": {"method": "hog"}}
    classifier = replace(load_classifier(folder), family="random_forest", meta=meta)
    with pytest.raises(FerflowError, match=r"on hog .* on pixels or backbone\. Use the folder"):
        to_onnx(classifier)
    assert not (tmp_path / "x.onnx").exists()


def test_a_file_that_answers_otherwise_is_not_written(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(OnnxModel, "__call__", lambda _, x: np.full((len(x), 7), 1 / 7))
    with pytest.raises(
        FerflowError, match=r"not written: .* differ .* get another label; at most 0"
    ):
        export(folder, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_a_network_that_does_not_end_in_a_mean_has_no_maps(folder, exported):
    assert attention(OnnxModel(exported[0]), FACES, [0] * 7) is None
    assert attention(FaceClassifier(folder), FACES, [0] * 7) is not None


def test_a_network_of_other_making_that_ends_in_a_mean_has_maps(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_network(tmp_path / "model", "allconv", "none")
    export(tmp_path / "model", tmp_path / "x.onnx")
    maps = [
        attention(model, FACES, range(7))
        for model in (OnnxModel(tmp_path / "x.onnx"), FaceClassifier(tmp_path / "model"))
    ]
    assert maps[0].max() == pytest.approx(1)
    assert np.abs(maps[0] - maps[1]).max() < 1e-4


def test_a_file_made_by_others_works_if_it_says_what_it_is(tmp_path):
    nodes, tensors = halves()
    model = OnnxModel(write(tmp_path / "x.onnx", nodes, initializers=tensors), threads=1)
    assert model(FACES).tolist() == [[0.5, 0.5]] * 7


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        (None, r"it has no labels \(its metadata lack the key 'ferflow'\)"),
        ("{", "Expecting"),
        ("[]", "it has no labels"),
        ({"lighting": "none"}, "it has no labels"),
        ({"labels": "ab", "lighting": "none"}, "it has no labels"),
        ({"labels": ["a", "b"]}, "lighting must be one of none, equalize, clahe; got None"),
        ({"labels": ["a", 1], "lighting": "none"}, "labels must be different words"),
        ({"labels": ["a", "a"], "lighting": "none"}, "labels must be different words"),
        ({"labels": ["a"], "lighting": "none"}, "labels must be 2 to 1000; got 1"),
        ({"labels": ["a", "b", "c"], "lighting": "none"}, "give probabilities of shape"),
        ({"labels": ["a", "b"], "lighting": "bright"}, "lighting must be .*; got 'bright'"),
        ({"labels": ["a", "b"], "lighting": ["none"]}, "lighting must be"),
    ],
)
def test_a_file_that_does_not_say_what_it_is_is_refused(tmp_path, about, reason):
    nodes, tensors = halves()
    file = write(tmp_path / "x.onnx", nodes, about, tensors)
    with pytest.raises(DataError, match=rf"x\.onnx is not a classifier .*{reason}") as caught:
        OnnxModel(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [0.4, np.nan, np.inf])
def test_answers_that_are_no_probabilities_are_refused(tmp_path, value):
    nodes, tensors = halves(value=value)
    with pytest.raises(DataError, match="does not answer with probabilities"):
        OnnxModel(write(tmp_path / "x.onnx", nodes, initializers=tensors))


def test_another_input_is_refused(tmp_path):
    nodes, tensors = halves()
    file = write(tmp_path / "x.onnx", nodes, initializers=tensors, faces=TensorProto.FLOAT)
    with pytest.raises(DataError, match="is not a classifier of expressions"):
        OnnxModel(file)
    other = linear_network(tmp_path / "y.onnx", np.zeros((64, 2)), 1, 8)
    with pytest.raises(DataError, match=r"y\.onnx is not a classifier"):
        OnnxModel(other)


@pytest.mark.parametrize("n", [1, 2, 8])
def test_a_file_for_just_so_many_faces_is_refused(tmp_path, n):
    nodes, tensors = halves()
    with pytest.raises(
        DataError, match=f"x.onnx is not a classifier .* its batch size is fixed at {n}"
    ):
        OnnxModel(write(tmp_path / "x.onnx", nodes, initializers=tensors, n=n))


def test_maps_of_another_shape_are_refused(tmp_path):
    nodes, tensors = halves()
    maps = helper.make_tensor("m", TensorProto.FLOAT, [1, 2, 1], [0.5] * 2)
    nodes.append(helper.make_node("Identity", ["m"], [MAP]))
    outputs = (OUTPUT, MAP)
    file = write(tmp_path / "x.onnx", nodes, initializers=[maps, *tensors], outputs=outputs)
    with pytest.raises(DataError, match=r"is not a classifier .* give map of shape"):
        OnnxModel(file)


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.onnx (is not an ONNX file|is not a classifier)"):
        OnnxModel(tmp_path / "x.onnx")


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    whole = BUNDLED.with_suffix(".onnx").read_bytes()
    (tmp_path / "x.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="is not an ONNX file that can be run"):
        OnnxModel(tmp_path / "x.onnx")


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("ferflow.backbones.onnx_session.MAX_BYTES", 1000)
    with pytest.raises(DataError, match="too large: at most 1,000 bytes"):
        OnnxModel(BUNDLED.with_suffix(".onnx"))


def test_tensors_in_other_files_are_not_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nodes, (_, *tensors) = halves()
    np.array([0.5, 0.5], np.float32).tofile(tmp_path / "row.bin")
    row = onnx.TensorProto(
        name="row", data_type=TensorProto.FLOAT, dims=[1, 2], data_location=TensorProto.EXTERNAL
    )
    row.external_data.add(key="location", value="row.bin")
    file = write(tmp_path / "x.onnx", nodes, initializers=[*tensors, row])
    with pytest.raises(DataError, match="is not an ONNX file that can be run") as caught:
        OnnxModel(file)
    assert "\n" not in str(caught.value)


def test_operators_of_other_packages_are_refused(tmp_path):
    own = [helper.make_node("Own", [INPUT], [OUTPUT], domain="somebody")]
    file = write(tmp_path / "y.onnx", own, opsets=(("", 18), ("somebody", 1)))
    with pytest.raises(DataError, match="is not an ONNX file that can be run"):
        OnnxModel(file)


def test_faces_of_another_size_are_refused():
    with pytest.raises(DataError, match=r"uint8 of shape \(n, 48, 48\); got uint8 \(1, 64, 64\)"):
        OnnxModel(BUNDLED.with_suffix(".onnx"))(np.zeros((1, 64, 64), np.uint8))
