"""Finding faces, cutting them out, and the three lines of the library."""

import shutil

import cv2
import numpy as np
import pytest
import torch
from recognition_data import FACES, picture_of

import ferflow
from ferflow import Recognizer
from ferflow.core.errors import DataError
from ferflow.download.labels import FER2013_LABELS
from ferflow.recognition import recognizer as module
from ferflow.recognition.boxes import Box, cut_out
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.recognition.onnx_model import OnnxModel
from ferflow.recognition.recognizer import BUNDLED, SMALL


def test_importing_ferflow_loads_nothing_else(run_python):
    run_python(
        "import sys, ferflow; heavy = {'numpy', 'cv2', 'torch', 'sklearn', 'PIL'};"
        "assert not heavy & set(sys.modules);"
        "assert not [name for name in sys.modules if name.startswith('ferflow.')]"
    )
    assert ferflow.Recognizer is Recognizer
    with pytest.raises(AttributeError, match="Recogniser"):
        ferflow.Recogniser  # noqa: B018


def test_a_cut_out_face_is_the_one_that_was_put_there():
    for face in FACES:
        cut = cut_out(picture_of(face, 192, (220, 140)), Box(220, 140, 192, 192))
        assert np.abs(cut.astype(int) - face).mean() < 6  # enlarging blurs a little
        shifted = cut_out(picture_of(face, 192, (220, 140)), Box(220, 152, 192, 192))
        assert np.abs(shifted[:-3].astype(int) - face[3:]).mean() < 6


def test_faces_are_numbered_from_left_to_right(model_folder):
    both = picture_of(FACES[0], 120, (20, 300))
    both[20:260, 300:540] = cv2.resize(FACES[3], (240, 240))
    for picture in (both, both[:, ::-1].copy()):
        left, right = Recognizer(model_folder)(picture)
        assert left.box.left < 300 < right.box.left + right.box.width


def test_boxes_of_ones_own(model_folder):
    recognizer = Recognizer(model_folder)
    picture = picture_of(FACES[3])
    boxes = [(220, 140, 200, 200), (-10, 0, 60, 80)]
    places, faces = recognizer.locate(picture, boxes=np.array(boxes))
    assert places == boxes
    assert np.array_equal(faces[1], cut_out(picture, Box(-10, 0, 60, 80)))
    assert [face.box for face in recognizer(picture, boxes=boxes)] == boxes
    assert recognizer(picture, boxes=[]) == []


@pytest.mark.parametrize(
    ("box", "line"),
    [
        ((640, 0, 10, 10), r"area on the picture of 640x480 pixels; got 10x10 pixels at 640,0"),
        ((-10, 0, 10, 10), "area"),
        ((0, 0, 0, 10), "area"),
        ((0, 0, 10, -1), "area"),
        ((0, 0, 10), "four whole numbers"),
        ((0, 0, 10.5, 10), r"four whole numbers: .* got \(0, 0, 10\.5, 10\)"),
        ("face", "four whole numbers"),
    ],
)
def test_boxes_that_are_none(model_folder, box, line):
    with pytest.raises(DataError, match=line):
        Recognizer(model_folder)(picture_of(FACES[3]), boxes=[box])


@pytest.mark.parametrize("tilt", [90, 180, -90, 30])
def test_a_tilted_face_is_cut_out_upright(tilt):
    picture = picture_of(FACES[3], 192, (220, 140))
    turn = cv2.getRotationMatrix2D((315.5, 235.5), -tilt, 1.0)  # the face's centre
    turned = cv2.warpAffine(picture, turn, (640, 480), borderValue=110)
    upright = cut_out(picture, Box(220, 140, 192, 192))
    cut = cut_out(turned, Box(220, 140, 192, 192), tilt)
    assert np.abs(cut.astype(int) - upright).mean() < (1 if tilt % 90 == 0 else 3)


def test_beyond_the_edge_the_last_pixels_are_repeated():
    picture = np.arange(100, dtype=np.uint8)[None].repeat(100, 0)
    cut = cut_out(picture, Box(-48, 0, 96, 96))
    assert cut.shape == (48, 48)
    assert (cut[:, :24] == 0).all()
    assert cut[0, -1] in (46, 47)  # the mean of both columns


def test_three_lines(model_folder):
    recognizer = Recognizer(model_folder)
    picture = picture_of(FACES[3])
    (face,) = recognizer(picture)
    assert list(face.probabilities) == list(recognizer.labels)
    assert sum(face.probabilities.values()) == pytest.approx(1)
    assert face.label == max(face.probabilities, key=face.probabilities.get)
    encoded = cv2.imencode(".png", picture)[1].tobytes()
    assert recognizer(encoded) == recognizer(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)) == [face]


def test_probabilities_are_the_classifiers_for_the_cut_out_face(model_folder):
    recognizer = Recognizer(model_folder)
    picture = picture_of(FACES[3])
    (face,) = recognizer(picture)
    expected = recognizer.classifier(cut_out(picture, face.box)[None])[0]
    assert list(face.probabilities.values()) == expected.tolist()


def test_without_detection_the_picture_is_the_face(model_folder):
    recognizer = Recognizer(model_folder)
    for face in FACES:
        (named,) = recognizer(face, detect=False)
        assert named.box == Box(0, 0, 48, 48)
        assert list(named.probabilities.values()) == recognizer.classifier(face[None])[0].tolist()


def test_no_face_is_an_empty_list(model_folder):
    assert Recognizer(model_folder)(np.full((200, 300), 120, np.uint8)) == []


def test_a_file_that_is_no_picture_is_named(model_folder, tmp_path):
    (tmp_path / "x.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"x\.png is not a picture"):
        Recognizer(model_folder)(tmp_path / "x.png")


def test_the_bundled_model_is_missed_or_there(monkeypatch, tmp_path):
    assert Recognizer.bundled().labels == FER2013_LABELS
    monkeypatch.setattr(module, "BUNDLED", tmp_path)
    with pytest.raises(DataError, match="--model"):
        Recognizer.bundled()


def test_a_folder_of_another_kind(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        Recognizer(tmp_path / "absent")
    with pytest.raises(DataError, match=r"has no classifier\.json"):
        Recognizer(tmp_path)
    (tmp_path / "classifier.json").write_text('{"model_type": "resnet"}')
    with pytest.raises(DataError, match="does not describe a classifier"):
        Recognizer(tmp_path)


@pytest.mark.parametrize("name", ["model.skops", "mask.npy"])
def test_a_tampered_file_is_refused(model_folder, tmp_path, name):
    copy = shutil.copytree(model_folder, tmp_path / "copy")
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} is not the file"):
        Recognizer(copy)
    (copy / name).unlink()
    with pytest.raises(DataError, match=name):
        Recognizer(copy)


def test_the_bundled_network_answers_fast_and_nearly_as_it_is_scored(monkeypatch):
    monkeypatch.setattr(
        "ferflow.training.families.network.family.pick_dtype", lambda *_: torch.bfloat16
    )
    exact, fast = FaceClassifier(BUNDLED), FaceClassifier(BUNDLED, fast=True)
    assert exact.classifier.model.dtype == torch.float32
    assert fast.classifier.model.dtype == torch.bfloat16
    faces = np.concatenate([FACES] * 10)  # more than go through the network at once
    scored, answered = exact(faces), fast(faces)
    assert 0 < np.abs(scored - answered).max() < 0.05
    assert np.allclose(answered.sum(axis=1), 1)
    assert np.array_equal(answered[:7], answered[-7:])


def test_a_machine_without_bfloat16_answers_as_it_scores(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # which it does not use
    exact, fast = FaceClassifier(BUNDLED), FaceClassifier(BUNDLED, fast=True)
    assert np.array_equal(exact(FACES), fast(FACES))


def test_small_is_the_one_that_comes_with_ferflow_unless_a_folder_is_called_so(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    small = Recognizer("small", threads=1).classifier
    assert np.array_equal(small(FACES), OnnxModel(SMALL)(FACES))
    (tmp_path / "small").mkdir()
    with pytest.raises(DataError, match="small is not a model folder: it has no"):
        Recognizer("small")
