"""The bundled model: rounded, small, a backbone for others, with a card of its own scores."""

import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from training_rows import LABELS, split_of, training_data

from ferflow.core.errors import DataError, FerflowError
from ferflow.core.files import read_json, write_json
from ferflow.core.hashing import sha256_of
from ferflow.core.params import pick_section, read_yaml
from ferflow.core.split import save_split
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.features.extraction import extract_files
from ferflow.features.params import FeaturesParams
from ferflow.images.seen import SEEN_FILE
from ferflow.recognition.attention import attention
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.recognition.onnx_model import OnnxModel
from ferflow.recognition.recognizer import Recognizer
from ferflow.records import bundle
from ferflow.training.families.network import family as network
from ferflow.training.families.random_forest import family as random_forest
from ferflow.training.shared.classifier import Classifier, load_classifier, save_classifier

ROOT = Path(__file__).parents[1]
TINY = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "input_size": 48}
pytestmark = pytest.mark.usefixtures("one_thread")

PROTOCOL = {
    "data_set": "drawn faces",
    "split": "drawn",
    "classes": list(LABELS),
    "classes_left_out": [],
    "filters_on_train": [],
    "filters_on_val_and_test": {},
    "scored": ["val", "test"],
    "trained_on": ["train"],
    "left_out_without_twins": {},
}


def faces(seed):
    x = np.concatenate([draw_faces(FER2013_LABELS, seed=seed + k) for k in range(4)])
    return replace(split_of(x, np.arange(len(x)) % 7), meta={"data_set": "drawn faces"})


@cache
def tiny_network():
    section = read_yaml(ROOT / "presets/defaults.yaml")["train"]["network"]
    section |= {"options": TINY, "epochs": 2, "batch_size": 8, "device": "cpu"}
    params = pick_section({"network": section}, "network", network.Params)
    rows = faces(0)
    data = training_data(rows.x.reshape(len(rows), -1), rows.y)
    return network.fit(data, params, 0).model


@pytest.fixture
def last_run(tmp_path, monkeypatch):
    """A finished run of a tiny network, as its files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bundle.Pipeline, "check_finished", lambda _: None)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    for seed, name in enumerate(("train", "val", "test")):
        save_split(Path(f"data/preprocessed/{name}.safetensors"), faces(100 * seed))
    Path("data/preprocessed/twins.csv").write_text("split,source_id,kind\n", encoding="utf-8")
    write_json(Path("metrics/metrics.json"), {"protocol": PROTOCOL})
    keep(tiny_network())
    return tmp_path / "bundled"


def keep(model, family="network", trained_on=("train",)):
    meta = {"lighting": "none", "trained_on": list(trained_on)}
    classifier = Classifier(family, model, np.ones(48 * 48, bool), LABELS, meta)
    shutil.rmtree("models", ignore_errors=True)
    save_classifier(Path("models/classifier"), classifier)


def test_the_bundle_answers_as_the_network_did(last_run, monkeypatch, capsys):
    monkeypatch.setattr(bundle, "MOST_LOST", -1.0)
    size = bundle.bundle_last_run(last_run)
    assert "in 8 bits, which are not kept" in capsys.readouterr().out
    assert size < 100_000
    x = faces(7).x
    before = load_classifier(Path("models/classifier")).predict_proba(x)
    after = load_classifier(last_run).predict_proba(x)
    assert np.allclose(before, after, atol=0.01)
    assert not np.array_equal(before, after)  # rounded to 16 bits
    file = OnnxModel(last_run.with_suffix(".onnx"))
    assert np.allclose(file(x), after, atol=1e-5)
    classes = np.arange(len(x)) % 7  # also where another one is more probable
    maps = [attention(model, x, classes) for model in (file, FaceClassifier(last_run))]
    assert maps[0].max() == pytest.approx(1)
    assert np.allclose(*maps, atol=1e-4)


def test_its_file_is_in_8_bits_where_it_loses_nothing_by_that(last_run, monkeypatch, capsys):
    monkeypatch.setattr(bundle, "MOST_LOST", 1.1)
    bundle.bundle_last_run(last_run)
    assert "in 8 bits, which are kept" in capsys.readouterr().out
    x, file = faces(7).x, last_run.with_suffix(".onnx")
    apart = np.abs(OnnxModel(file)(x) - load_classifier(last_run).predict_proba(x)).max()
    assert 1e-5 < apart < 0.1
    assert b"QuantizeLinear" in file.read_bytes()
    assert attention(OnnxModel(file), x, [0] * len(x)).shape == x.shape


def test_its_card_tells_the_scores_of_what_is_bundled(last_run):
    bundle.bundle_last_run(last_run)
    card = (last_run / "README.md").read_text(encoding="utf-8")
    rows = faces(200)
    named = load_classifier(last_run).predict_proba(rows.x).argmax(axis=1)
    assert f"| PrivateTest | 28 | {(named == rows.y).mean():.4f} (" in card
    for label in LABELS:
        assert f"| {label} | " in card


@pytest.mark.usefixtures("last_run")
def test_the_small_one_is_a_file_with_a_card(tmp_path):
    file, card = tmp_path / "small.onnx", tmp_path / "small-card.md"
    assert bundle.bundle_small(file, card) == file.stat().st_size
    rows = faces(7)
    assert Recognizer(file).classifier(rows.x).shape == (28, 7)
    text = card.read_text(encoding="utf-8")
    assert text.startswith("# The model `small`")
    assert "ferflow bundle small --train" in text
    assert "The ONNX file: accuracy on val" in text
    assert sorted(path.name for path in tmp_path.glob("small*")) == ["small-card.md", "small.onnx"]


def test_the_same_run_gives_the_same_bundle(last_run):
    bundle.bundle_last_run(last_run)
    made = last_run, last_run.with_suffix(".onnx")
    first = [sha256_of(path) for path in made]
    bundle.bundle_last_run(last_run)
    assert [sha256_of(path) for path in made] == first


def extract(folder, rows, target):
    features = read_yaml(ROOT / "presets/defaults.yaml")["features"]
    features |= {"method": "backbone", "backbone": str(folder), "pooling": "avg", "device": "cpu"}
    features |= {"backbone_sha256": sha256_of(folder)}
    params = pick_section({"features": features}, "features", FeaturesParams)
    save_split(target / "images", rows)
    extract_files({"train": target / "images"}, target / "features", params)


def test_it_is_a_backbone_for_other_faces_but_not_for_its_own(last_run, tmp_path):
    bundle.bundle_last_run(last_run)
    assert (last_run / SEEN_FILE).exists()
    extract(last_run, faces(500), tmp_path)
    made = tmp_path / "features" / "train.safetensors"
    made.unlink()
    with pytest.raises(DataError, match="was trained on 100% of the images in train"):
        extract(last_run, faces(0), tmp_path)
    assert not made.exists()


def test_the_backbone_sees_what_the_network_saw(last_run):
    """The network's own scale is in the constants that the backbone's readers go by."""
    bundle.bundle_last_run(last_run)
    constants = read_json(last_run / "preprocessor_config.json")
    x = faces(0).x / 255
    assert constants["image_mean"] == [pytest.approx(x.mean())]
    assert constants["image_std"] == [pytest.approx(x.std())]


def test_a_model_that_saw_val_is_refused(last_run):
    keep(tiny_network(), trained_on=("train", "val"))
    with pytest.raises(FerflowError, match="must not be trained on validation rows"):
        bundle.bundle_last_run(last_run)
    assert not last_run.exists()


def test_a_forest_is_refused(last_run):
    params = pick_section(
        read_yaml(ROOT / "params.yaml"), "train.random_forest", random_forest.Params
    )
    rows = faces(0)
    data = training_data(rows.x.reshape(len(rows), -1), rows.y)
    keep(random_forest.fit(data, params, 0).model, "random_forest")
    with pytest.raises(FerflowError, match="is not a network on a backbone"):
        bundle.bundle_last_run(last_run)


def test_too_large_a_model_is_refused(last_run, monkeypatch):
    monkeypatch.setattr(bundle, "MAX_BYTES", 1000)
    with pytest.raises(FerflowError, match="1,000 are allowed in Git"):
        bundle.bundle_last_run(last_run)
    assert not last_run.exists()
