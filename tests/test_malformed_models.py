"""Malformed checkpoints, ONNX metadata, published classifiers, splits and videos: each a line."""

import json
import shutil
import struct

import numpy as np
import pytest
import torch
from film import write_film
from fuzz_inputs import split_file
from hostile import DEEP, refused
from network_data import data, fit_broken_off, params
from onnx_file import ABOUT, halves, write
from recognition_data import picture_of
from safetensors.torch import load_file, save_file
from sklearn.neighbors import KNeighborsClassifier
from test_pretrained import LABELS, publish, scored

from ferflow.aco import AntColonySelector
from ferflow.aco.checkpoint import DamagedCheckpointError
from ferflow.core.errors import DataError
from ferflow.core.split import load_split
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.recognition.onnx_model import OnnxModel
from ferflow.recognition.video.reading import Video
from ferflow.score.stated import columns_of, labels_in
from ferflow.training.families.network.checkpoint import load_checkpoint
from ferflow.training.families.network.family import fit
from ferflow.training.families.pretrained.family import open_processor
from ferflow.training.shared.classifier import Classifier, save_classifier

pytestmark = pytest.mark.usefixtures("nothing_planted", "one_thread")

# --- a network's checkpoint


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    with pytest.MonkeyPatch.context() as patch:
        fit_broken_off(patch, 1, data(scratch), params(), 0)
    return scratch


def without(key):
    return lambda _, about: about.pop(key)


def with_value(key, value):
    return lambda _, about: about.update({key: value})


def other_tensor(name, value):
    def change(tensors, _):
        name_of = next(key for key in tensors if key.startswith(name))
        tensors[name_of] = value

    return change


def no_tensors(prefix):
    def change(tensors, _):
        for name in [name for name in tensors if name.startswith(prefix)]:
            del tensors[name]

    return change


CHECKPOINTS = {
    "no history": without("history"),
    "history of words": with_value("history", "ab"),
    "history of numbers": with_value("history", [1]),
    "history null": with_value("history", None),
    "no seconds": with_value("history", [{"epoch": 1}]),
    "seconds in words": with_value("history", [{"epoch": 1, "seconds": "long"}]),
    "no schedule": without("schedule"),
    "schedule of words": with_value("schedule", "linear"),
    "no groups": without("groups"),
    "two groups too many": with_value("groups", [{}, {}, {}]),
    "group without parameters": with_value("groups", [{"lr": 0.1}]),
    "best in words": with_value("best", "none"),
    "best without an epoch": with_value("best", {"score": 1.0}),
    "no network": no_tensors("network/"),
    "no best weights": no_tensors("best/"),
    "weights of another shape": other_tensor("network/", torch.zeros(1, 2, 3)),
    "best weights of another shape": other_tensor("best/", torch.zeros(1, 2, 3)),
    "optimiser of no parameter": other_tensor("optimizer/", torch.zeros(99)),
    "names without a number": lambda tensors, _: tensors.update(
        {"optimizer/x/step": torch.zeros(1)}
    ),
}


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_a_checkpoint_of_a_network_is_whole_or_named(tmp_path, broken_off, kind):
    scratch = shutil.copytree(broken_off, tmp_path / "scratch")
    (file,) = scratch.rglob("checkpoint.safetensors")
    tensors, (_, about) = load_file(file), load_checkpoint(file.parent)
    CHECKPOINTS[kind](tensors, about)
    save_file(tensors, file, {"about": json.dumps(about)})
    line = refused(fit, data(scratch), params(), 0)
    assert "checkpoint.safetensors is damaged" in line


# --- the colony's

ROWS = np.random.default_rng(0).normal(size=(40, 6))
CLASSES = np.arange(40) % 2


def colony(folder, callback=None):
    return AntColonySelector(
        KNeighborsClassifier(3),
        cv=2,
        n_ants=2,
        n_iterations=2,
        random_state=0,
        checkpoint=folder,
        callback=callback,
    ).fit(ROWS, CLASSES)


def stop(_):
    raise KeyboardInterrupt


COLONY = {
    "empty": lambda _: None,
    "no words": lambda state: state.pop("words"),
    "words in no JSON": lambda state: state.update(words=np.array("{")),
    "nested words": lambda state: state.update(words=np.array(DEEP.decode())),
    "words of another kind": lambda state: state.update(words=np.array("[]")),
    "another generator": lambda state: state.update(words=np.array('{"rng": {"a": 1}}')),
    "ants in words": lambda state: state.update(ants=np.array([["a", "b", "c"]])),
    "ants of NaN": lambda state: state.update(ants=np.full((2, 4), np.nan)),
    "scores too few": lambda state: state.update(known_scores=np.zeros(0)),
    "no pheromone": lambda state: state.pop("pheromone"),
    "pheromone of other features": lambda state: state.update(pheromone=np.ones(5)),
    "pheromone in words": lambda state: state.update(pheromone=np.array(["a"] * 6)),
    "a subset of other features": lambda state: state.update(best=np.ones(9, bool)),
    "objects": lambda state: state.update(best=np.array([{}], object)),
}


@pytest.mark.parametrize("kind", COLONY)
def test_a_checkpoint_of_the_colony_is_whole_or_named(tmp_path, kind):
    with pytest.raises(KeyboardInterrupt):
        colony(tmp_path, stop)
    (file,) = tmp_path.glob("colony-*.npz")
    with np.load(file) as archive:
        state = dict(archive)
    COLONY[kind](state)
    np.savez(file, **({} if kind == "empty" else state))
    with pytest.raises(DamagedCheckpointError, match="is damaged") as caught:
        colony(tmp_path)
    assert len(str(caught.value).splitlines()) == 1 and "Delete it" in str(caught.value)


# --- what an ONNX file says of itself


@pytest.mark.parametrize(
    "about",
    [
        "",
        "[]",
        "3",
        "null",
        '"labels"',
        "{",
        DEEP.decode(),
        "9" * 5000,
        {},
        ABOUT | {"labels": "ab"},
        ABOUT | {"labels": {"0": "a", "1": "b"}},
        ABOUT | {"labels": ["a"]},
        ABOUT | {"labels": ["a", "a"]},
        ABOUT | {"labels": ["a", 2]},
        ABOUT | {"labels": ["a", ["b"]]},
        ABOUT | {"labels": ["a", "b", "c"]},
        ABOUT | {"labels": [str(k) for k in range(1001)]},
        ABOUT | {"lighting": ["none"]},
        ABOUT | {"lighting": {}},
    ],
    ids=range(19),
)
def test_an_onnx_file_that_says_something_else_is_refused(tmp_path, about):
    nodes, tensors = halves()
    path = write(tmp_path / "a.onnx", nodes, about=about, initializers=tensors)
    assert "a.onnx is not a classifier of expressions" in refused(OnnxModel, path, 1)


NAMES = ",".join(FER2013_LABELS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1 labels for 7 outputs"),
        (NAMES[:-8], "6 labels for 7 outputs"),
        (NAMES.replace("sad", "happy"), "two outputs stand for happy|no output stands for sad"),
        (NAMES.replace("sad", "contempt"), "'contempt' is not a class of FER-2013"),
        (json.dumps([*range(7)]), "'0' is not a class of FER-2013"),
        (json.dumps([[name] for name in FER2013_LABELS]), "is not a class of FER-2013"),
        (json.dumps({str(k + 1): n for k, n in enumerate(FER2013_LABELS)}), "is not a class"),
        ("[" * 9000, "1 labels for 7 outputs"),
        ("x" * 20_000, "does not say what its 7 outputs are"),
        ("3", "does not say what its 7 outputs are|0 labels"),
        ("__import__('os').mkdir('planted')", "labels for 7 outputs"),
    ],
    ids=range(11),
)
def test_labels_in_a_models_metadata_that_do_not_fit_are_named(text, message):
    line = refused(columns_of, None, labels_in({"labels": text}), 7, "a.onnx")
    assert any(words in line for words in message.split("|")), line


# --- a published classifier's folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    model = scored(publish(folder / "hub", "vit")).model
    mask = np.ones(48 * 48, dtype=bool)
    meta = {"lighting": "none", "trained_on": []}
    save_classifier(folder / "own", Classifier("pretrained", model, mask, LABELS, meta))
    about = json.loads((folder / "own/classifier.json").read_text()) | {"sha256": {}}
    (folder / "own/classifier.json").write_text(json.dumps(about))
    FaceClassifier(folder / "own")
    return folder / "own"


SQUARE = np.eye(7).tolist()
VIT = {"image_processor_type": "ViTImageProcessor"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pretrained.json", []),
        ("pretrained.json", {"batch_size": 3}),
        ("pretrained.json", {"matrix": SQUARE, "batch_size": 0}),
        ("pretrained.json", {"matrix": SQUARE, "batch_size": "many"}),
        ("pretrained.json", {"matrix": SQUARE, "batch_size": float("inf")}),
        ("pretrained.json", {"matrix": SQUARE[:3], "batch_size": 3}),
        ("pretrained.json", {"matrix": [[1], *SQUARE[1:]], "batch_size": 3}),
        ("pretrained.json", {"matrix": [[2] * 7] * 7, "batch_size": 3}),
        ("pretrained.json", {"matrix": [[1] * 7] * 7, "batch_size": 3}),
        ("pretrained.json", {"matrix": [[1, 0]] * 7, "batch_size": 3}),
        ("pretrained.json", {"matrix": "abc", "batch_size": 3}),
        ("preprocessor_config.json", {}),
        ("preprocessor_config.json", []),
        ("preprocessor_config.json", {"image_processor_type": "NoSuch"}),
        ("preprocessor_config.json", VIT | {"size": {"height": 224, "width": 10**6}}),
        ("preprocessor_config.json", VIT | {"size": 10**6}),
        ("preprocessor_config.json", VIT | {"crop_size": {"height": 10**6, "width": 224}}),
        ("config.json", {}),
        ("config.json", {"model_type": "vit", "hidden_size": "wide"}),
    ],
)
def test_a_published_classifier_whose_parts_do_not_fit_is_refused(
    tmp_path, published, name, content
):
    folder = shutil.copytree(published, tmp_path / "m")
    (folder / name).write_text(json.dumps(content))
    assert "/m" in refused(FaceClassifier, folder)


@pytest.mark.parametrize("content", [{"image_processor_type": "NoSuch"}, VIT | {"size": 10**6}])
def test_a_processor_that_is_refused_is_told_with_the_parameter(tmp_path, content):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"^train\.pretrained\.model: "):
        open_processor(str(tmp_path), "train.pretrained.model")


# --- splits


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda content: content[:8],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: struct.pack("<Q", 1 << 62) + content[8:],
        lambda content: struct.pack("<Q", 0) + content[8:],
        lambda content: content.replace(b'"F32"', b'"F16"'),
        lambda content: content.replace(b'"F32"', b'"X99"'),
        lambda content: content.replace(b'"x"', b'"X"'),
        lambda content: content.replace(b"__metadata__", b"__metaData__"),
    ],
    ids=range(10),
)
def test_a_split_that_is_cut_off_or_changed_is_refused(tmp_path, change):
    assert change(split_file()) != split_file()
    (tmp_path / "train.safetensors").write_bytes(change(split_file()))
    assert "train.safetensors" in refused(load_split, tmp_path / "train.safetensors")


# --- videos


def whole(path):
    """Read a video to its end."""
    video = Video(path)
    assert all(pixels.ndim == 3 for _, pixels in video)
    video.check_end()


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    face = np.tile(np.arange(48, dtype=np.uint8), (48, 1))
    frames = [np.roll(picture_of(face, 60, (40, 20), (160, 120)), 5 * k) for k in range(20)]
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    return write_film(path, frames, np.arange(20) / 10).read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[: len(content) // 3],
        lambda content: content[:32],
        lambda content: content[32:],
        lambda content: content.replace(b"trak", b"skip"),
        lambda content: content.replace(b"stbl", b"free"),
        lambda content: content.replace(b"avc1", b"zzzz"),
        lambda content: b"\0" * len(content),
        lambda content: b"RIFF\xff\xff\xff\xffAVI LIST" + content[:500],
        lambda content: b"\x1aE\xdf\xa3" + content[4:],
        lambda _: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        lambda _: b"GIF89a" + bytes(200),
    ],
    ids=range(11),
)
def test_a_video_that_is_cut_off_or_changed_is_refused(tmp_path, film, change):
    (tmp_path / "whole.mp4").write_bytes(film)
    whole(tmp_path / "whole.mp4")
    assert change(film) != film
    (tmp_path / "a.mp4").write_bytes(change(film))
    assert "video" in refused(whole, tmp_path / "a.mp4")
