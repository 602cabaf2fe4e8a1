"""Networks as ONNX files: they answer as torch does; files of somebody else's making."""

import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnx_file import halves, linear_network, write
from typer.testing import CliRunner

from ferflow.cli import app
from ferflow.core.errors import DataError, FerflowError
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.images.lighting import correct_lighting
from ferflow.recognition.export import export, to_onnx
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.recognition.onnx_model import INPUT, OUTPUT, OnnxModel
from ferflow.recognition.recognizer import BUNDLED, Recognizer
from ferflow.training.families.network import build_network
from ferflow.training.families.network.batches import Scale
from ferflow.training.families.network.files import TrainedNetwork
from ferflow.training.shared.classifier import Classifier, save_classifier

FACES = draw_faces(FER2013_LABELS, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder of a network with first weights, on evened-out faces."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network("littlevgg", 7, {}).eval()
    model = TrainedNetwork(network, "littlevgg", {}, 7, 48, Scale(0.5, 0.25))
    meta = {"lighting": "equalize", "trained_on": ["train"]}
    classifier = Classifier("network", model, np.ones(48 * 48, bool), FER2013_LABELS, meta)
    target = tmp_path_factory.mktemp("network") / "model"
    save_classifier(target, classifier)
    return target


@pytest.fixture(scope="module")
def exported(folder):
    """Its ONNX file, and what `export` said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        return folder.with_suffix(".onnx"), export(folder, folder.with_suffix(".onnx"))


def test_a_file_answers_as_torch_does(folder, exported):
    file, (apart, which) = exported
    assert which == "256 drawn faces" and apart < 1e-5
    model, classifier = OnnxModel(file), FaceClassifier(folder)
    assert model.labels == classifier.labels == FER2013_LABELS
    assert np.allclose(model(FACES), classifier(FACES), atol=1e-5)
    assert np.allclose(model(FACES[:1]), model(FACES)[:1], atol=1e-6)
    assert model(FACES[:0]).shape == (0, 7)
    inside = model._session.run([OUTPUT], {INPUT: correct_lighting(FACES, "equalize")})[0]
    assert np.allclose(inside, model(FACES), atol=1e-6)


def test_the_same_network_gives_the_same_bytes_and_names_no_place(folder, exported):
    content = exported[0].read_bytes()
    assert to_onnx(FaceClassifier(folder)) == content
    assert b".py" not in content and str(folder).encode() not in content


def test_the_bundled_file_is_the_bundled_network():
    file, classifier = OnnxModel(BUNDLED.with_suffix(".onnx")), FaceClassifier(BUNDLED)
    assert file.labels == classifier.labels
    assert np.abs(file(FACES) - classifier(FACES)).max() < 1e-5


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


def test_a_model_that_is_no_network_is_refused_and_nothing_written(model_folder, tmp_path):
    with pytest.raises(FerflowError, match=r"only networks .* this is a random_forest"):
        export(model_folder, tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def test_a_file_made_by_others_works_if_it_says_what_it_is(tmp_path):
    nodes, tensors = halves()
    model = OnnxModel(write(tmp_path / "x.onnx", nodes, initializers=tensors), threads=1)
    assert model(FACES).tolist() == [[0.5, 0.5]] * 7


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        (None, "KeyError"),
        ("{", "JSONDecodeError"),
        ({"labels": ["a", "b"]}, "lighting"),
        ({"labels": ["a", 1], "lighting": "none"}, "labels must be words"),
        ({"labels": ["a"], "lighting": "none"}, "labels"),
        ({"labels": ["a", "b", "c"], "lighting": "none"}, "answers of shape"),
        ({"labels": ["a", "b"], "lighting": "bright"}, "lighting 'bright'"),
    ],
)
def test_a_file_that_does_not_say_what_it_is_is_refused(tmp_path, about, reason):
    nodes, tensors = halves()
    file = write(tmp_path / "x.onnx", nodes, about, tensors)
    with pytest.raises(DataError, match=rf"x\.onnx holds no network .*{reason}") as caught:
        OnnxModel(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [0.4, np.nan, np.inf])
def test_answers_that_are_no_probabilities_are_refused(tmp_path, value):
    nodes, tensors = halves(value=value)
    with pytest.raises(DataError, match="no probabilities"):
        OnnxModel(write(tmp_path / "x.onnx", nodes, initializers=tensors))


def test_another_input_is_refused(tmp_path):
    nodes, tensors = halves()
    file = write(tmp_path / "x.onnx", nodes, initializers=tensors, faces=TensorProto.FLOAT)
    with pytest.raises(DataError, match="holds no network that names expressions on 48x48"):
        OnnxModel(file)
    other = linear_network(tmp_path / "y.onnx", np.zeros((64, 2)), 1, 8)
    with pytest.raises(DataError, match=r"y\.onnx holds no network"):
        OnnxModel(other)


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.onnx (is not an ONNX file|holds no network)"):
        OnnxModel(tmp_path / "x.onnx")


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    whole = BUNDLED.with_suffix(".onnx").read_bytes()
    (tmp_path / "x.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="is not an ONNX file that can be run"):
        OnnxModel(tmp_path / "x.onnx")


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("ferflow.recognition.onnx_model.MAX_BYTES", 1000)
    with pytest.raises(DataError, match="too large: at most 1,000 bytes"):
        OnnxModel(BUNDLED.with_suffix(".onnx"))


def test_tensors_in_other_files_and_unknown_operators_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nodes, tensors = halves()
    np.array([0.5, 0.5], np.float32).tofile(tmp_path / "row.bin")
    outside = onnx.TensorProto(
        name="row", data_type=TensorProto.FLOAT, dims=[1, 2], data_location=TensorProto.EXTERNAL
    )
    outside.external_data.add(key="location", value="row.bin")
    file = write(tmp_path / "x.onnx", nodes, initializers=[outside, *tensors[1:]])
    with pytest.raises(DataError, match="is not an ONNX file that can be run"):
        OnnxModel(file)
    own = [helper.make_node("Own", [INPUT], [OUTPUT], domain="somebody")]
    file = write(tmp_path / "y.onnx", own, opsets=(("", 18), ("somebody", 1)))
    with pytest.raises(DataError, match="is not an ONNX file that can be run"):
        OnnxModel(file)


def test_faces_of_another_size_are_refused():
    with pytest.raises(DataError, match=r"uint8 of shape \(n, 48, 48\); got uint8 \(1, 64, 64\)"):
        OnnxModel(BUNDLED.with_suffix(".onnx"))(np.zeros((1, 64, 64), np.uint8))
