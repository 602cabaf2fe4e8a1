"""Faces of other sizes and in colours: from pictures of any shape to features and networks."""

import json
import shutil
from dataclasses import asdict

import cv2
import numpy as np
import pytest
import torch
from colour_data import COLOURS, coloured, write_colours
from conftest import FILTERS_OFF
from network_data import ROOT
from network_data import params as network_params
from training_rows import LABELS, training_data

from ferflow.augment.operations import DRAWS, change
from ferflow.backbones.channels import to_channels
from ferflow.core.errors import DataError, ParamError
from ferflow.core.face_shape import FaceShape, noted_shape, row_shape
from ferflow.core.hashing import sha256_of
from ferflow.core.image_steps import KINDS
from ferflow.core.params import read_yaml
from ferflow.core.split import load_split, save_split
from ferflow.download.sources import load_images, read_path
from ferflow.evaluation.tta import _views
from ferflow.features.extraction import extract_features, make_extractor
from ferflow.features.params import FeaturesParams
from ferflow.images.faces import Faces, faces_of, grey_levels, pack, small_grey
from ferflow.images.lighting import Lit, correct_lighting
from ferflow.images.sheets import draw_sheet
from ferflow.preprocess.clean import preprocess
from ferflow.preprocess.params import PreprocessParams
from ferflow.recognition.boxes import Box
from ferflow.recognition.export import export
from ferflow.recognition.page.view import face_cards
from ferflow.recognition.recognizer import Recognizer
from ferflow.training.families.network.batches import to_tensor
from ferflow.training.families.network.family import fit, predict_proba
from ferflow.training.shared.classifier import Classifier, save_classifier
from ferflow.training.shared.family import family_module
from ferflow.training.shared.params import pick_family

RGB_64, RGB_32 = FaceShape(64, "rgb"), FaceShape(32, "rgb")


@pytest.fixture
def colours(tmp_path):
    return write_colours(tmp_path / "colours")


@pytest.fixture
def filters_off():
    return PreprocessParams(**FILTERS_OFF, classes=None, lighting="none")


def png(picture):
    return np.frombuffer(cv2.imencode(".png", picture)[1].tobytes(), np.uint8)


def encoded(*pictures):
    return pack([png(p if p.ndim == 2 else p[..., ::-1]) for p in pictures])


# --- from files to faces


def test_grey_pictures_of_48_pixels_are_kept_as_pixels_and_others_as_their_files(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    for k, picture in enumerate(grey):
        (tmp_path / "set" / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "set" / "ab"[k % 2] / f"{k}.png"), picture)
    rows = read_path(tmp_path / "set").rows
    assert rows.x.dtype == np.uint8
    assert np.array_equal(rows.x, grey[[0, 2, 1]])
    cv2.imwrite(str(tmp_path / "set/b/3.png"), coloured(COLOURS["red"], 0)[..., ::-1])
    rows = read_path(tmp_path / "set").rows
    assert rows.x.dtype == object
    assert np.array_equal(small_grey(rows.x)[:3], grey[[0, 2, 1]])
    assert np.array_equal(faces_of(rows.x, RGB_64)[3], coloured(COLOURS["red"], 0))


def test_a_split_file_holds_pictures_as_files(tmp_path, make_split):
    pictures = encoded(coloured((200, 0, 0), 0), np.zeros((5, 9), np.uint8), np.eye(48, dtype="u1"))
    split = make_split(y=(0, 1, 2)).take(slice(3))
    split = type(split)(pictures, split.y, split.source_id, split.transform, split.labels)
    save_split(tmp_path / "a.safetensors", split)
    loaded = load_split(tmp_path / "a.safetensors")
    assert [x.tobytes() for x in loaded.x] == [x.tobytes() for x in pictures]
    both = type(split).join([loaded, split.take([2, 0])])
    save_split(tmp_path / "b.safetensors", both)
    again = load_split(tmp_path / "b.safetensors")
    assert [len(x) for x in again.x] == [len(pictures[k]) for k in (0, 1, 2, 2, 0)]
    content = bytearray((tmp_path / "a.safetensors").read_bytes())
    place = content.rindex(np.cumsum([len(x) for x in pictures], dtype=np.int64).tobytes())
    content[place] ^= 1
    (tmp_path / "a.safetensors").write_bytes(content)
    load_split(tmp_path / "a.safetensors")  # another cut, and none outside
    content[place + 16 : place + 24] = (1 << 40).to_bytes(8, "little")
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(DataError, match="not a complete split file"):
        load_split(tmp_path / "a.safetensors")


def test_faces_are_made_a_part_at_a_time_of_pictures_of_any_shape():
    picture = coloured(COLOURS["green"], 1)
    grey = np.random.default_rng(0).integers(0, 256, (30, 70), dtype=np.uint8)
    faces = Faces(encoded(picture, grey), RGB_64)
    assert faces.shape == (2, 64, 64, 3) and len(faces) == 2
    assert np.array_equal(faces[0], picture) and faces[:1].shape == (1, 64, 64, 3)
    assert (faces[1] == faces[1][..., :1]).all()
    assert np.array_equal(np.stack(list(faces)), faces[[0, 1]])
    levels = grey_levels(faces)[:]
    assert levels.shape == (2, 64, 64)
    assert np.abs(levels[0] - cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(int)).max() <= 1
    assert faces[:0].shape == (0, 64, 64, 3)
    assert np.array_equal(Lit(faces, "equalize")[:1], correct_lighting(faces[:1], "equalize"))


def test_a_row_tells_the_shape_of_its_face():
    assert row_shape(48 * 48) == (48, 1)
    assert row_shape(64 * 64 * 3) == (64, 3)
    assert [row_shape(n) for n in (0, 2, 900 + 2124, 48 * 48 * 2)] == [None] * 4


# --- preprocess


def test_preprocess_writes_the_shape_that_is_asked_for(tmp_path, colours, data_params, filters_off):
    raw = load_images(
        data_params(path=str(colours), split="fraction", sha256=sha256_of(colours)), 0
    )
    cleaned = preprocess(raw, filters_off, RGB_64)
    for name, split in cleaned.splits.items():
        save_split(tmp_path / f"{name}.safetensors", split)
        written = load_split(tmp_path / f"{name}.safetensors")
        assert written.x.shape[1:] == (64, 64, 3) and len(written) == len(raw[name])
        assert noted_shape(written.meta) == RGB_64
        expected = [faces_of(raw[name].x, RGB_64)[k] for k in range(len(written))]
        assert np.array_equal(written.x, expected)
    grey = preprocess(raw, filters_off)
    assert grey.splits["val"].x.shape[1:] == (48, 48)
    assert "face" not in grey.splits["val"].meta


def test_twins_are_judged_by_their_grey_versions(make_split, filters_off):
    one, other = (coloured(COLOURS["red"], seed) for seed in (0, 1))
    small = cv2.resize(one, (40, 40), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(one, cv2.COLOR_RGB2GRAY)
    split = make_split(y=(0, 1, 2, 0))
    split = type(split)(
        encoded(one, other, small, grey), split.y, split.source_id, split.transform, split.labels
    )
    pool = preprocess({"train": split}, filters_off, RGB_64).pool
    assert pool.twins.tolist() == [0, 1, 0, 0]
    assert pool.exact.tolist() == [0, 1, 2, 3]


# --- what works on faces


@pytest.mark.parametrize("method", ["equalize", "clahe"])
def test_lighting_corrects_the_luma_and_keeps_the_colour(method):
    dark = coloured(COLOURS["blue"], 0)[None] // 3
    lit = correct_lighting(dark, method)
    assert lit.shape == dark.shape
    assert lit.mean() > 1.3 * dark.mean()
    assert (lit.mean(axis=(0, 1, 2)).argsort() == dark.mean(axis=(0, 1, 2)).argsort()).all()


@pytest.mark.parametrize("name", sorted(DRAWS))
def test_a_copy_changes_all_colours_alike(name):
    face = coloured((200, 100, 50), 0)[None]
    drawn = DRAWS[name](KINDS[name].default, 1, (64, 64), np.random.default_rng(0))
    copy = change(face, drawn)
    for k in range(3):
        plane = change(np.ascontiguousarray(face[..., k]), drawn)
        assert np.abs(copy[..., k].astype(int) - plane).max() <= 1


def settings(**changes):
    section = read_yaml(ROOT / "presets/defaults.yaml")["features"]
    return FeaturesParams.model_validate(section | changes)


@pytest.mark.parametrize(
    ("method", "shape", "n"),
    [
        ("pixels", RGB_64, 64 * 64 * 3),
        ("hog", RGB_64, 7 * 7 * 36),
        ("lbp", RGB_64, 2124),
        ("lbp", FaceShape(size=50), 2124),
        ("hog", FaceShape(size=224), 27 * 27 * 36),
    ],
)
def test_features_follow_the_shape(method, shape, n):
    picture = coloured((200, 100, 50), 0, side=shape.size)
    faces = Faces(encoded(picture, picture // 2), shape)[:]
    features = extract_features(faces, make_extractor(settings(method=method), shape))
    assert features.shape == (2, n)
    if method == "lbp":
        assert features.reshape(2, 36, 59).sum(axis=2) == pytest.approx(1)


def test_a_grey_face_in_colours_has_the_grey_faces_features():
    grey = Faces(encoded(coloured((90, 90, 90), 0)), FaceShape(size=64))
    for method in ("hog", "lbp"):
        answers = [
            extract_features(faces[:], make_extractor(settings(method=method), faces.face))
            for faces in (grey, Faces(grey.pictures, RGB_64))
        ]
        assert answers[0] == pytest.approx(answers[1], abs=1e-6)


def test_hog_names_the_sizes_that_it_takes():
    with pytest.raises(ParamError, match=r"data\.size must be a multiple of 8; got 50"):
        make_extractor(settings(method="hog"), FaceShape(size=50))


def test_a_contact_sheet_and_test_time_views_are_in_colours(tmp_path):
    faces = np.stack([coloured(rgb, 0) for rgb in COLOURS.values()])
    draw_sheet([("a", faces), ("none", faces[:0])], tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert (sheet[..., 0] != sheet[..., 2]).any()
    for method in ("flip", "ten_crop", "draws"):
        views = list(_views(faces, method, [], 2, 0))
        assert all(view.shape == faces.shape and view.dtype == np.uint8 for view in views)
    assert np.array_equal(views[0], faces)  # a policy of no steps


def test_rows_become_images_with_their_channels_first():
    faces = np.stack([coloured(rgb, 0) for rgb in COLOURS.values()])
    x = to_tensor(faces.reshape(3, -1))
    assert x.shape == (3, 3, 64, 64)
    assert np.array_equal((x * 255).round().permute(0, 2, 3, 1).numpy(), faces)


# --- colour


def rows_of(shape, n, first):
    """Faces of that shape, flat (3 n, d), and their classes."""
    made = [
        coloured(rgb, first + 100 * k + i, 32)
        for k, rgb in enumerate(COLOURS.values())
        for i in range(n)
    ]
    faces = Faces(encoded(*made), shape)[:]
    return faces.reshape(len(faces), -1), np.repeat(np.arange(3), n)


@pytest.mark.parametrize(("colour", "low", "high"), [("rgb", 0.9, 1.0), ("grey", 0.0, 0.5)])
def test_classes_that_differ_in_colour_alone_are_told_apart_by_it(colour, low, high):
    shape = FaceShape(size=32, colour=colour)
    params = network_params(epochs=8, batch_size=10, learning_rate=0.05)
    val, y = rows_of(shape, 30, 5000)
    fitted = fit(training_data(*rows_of(shape, 20, 0), val=(val, y)), params, 0)
    accuracy = (predict_proba(fitted.model, val, 7).argmax(axis=1) == y).mean()
    assert low <= accuracy <= high


# --- models


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A small forest on the pixels of 32x32 faces in colours: its folder, and its ONNX file."""
    folder = tmp_path_factory.mktemp("models") / "forest"
    params = read_yaml(ROOT / "presets/defaults.yaml")
    params["train"]["family"] = "random_forest"
    params["train"]["random_forest"]["n_estimators"] = 10
    x, y = rows_of(RGB_32, 10, 0)
    forest = family_module("random_forest").fit(training_data(x, y), pick_family(params)[1], 0)
    mask, meta = np.ones(x.shape[1], np.bool_), {"lighting": "none", "face": asdict(RGB_32)}
    save_classifier(folder, Classifier("random_forest", forest.model, mask, LABELS, meta))
    export(folder, folder.with_suffix(".onnx"))
    return [folder, folder.with_suffix(".onnx")]


def test_a_models_folder_and_its_file_know_the_shape_of_their_faces(models):
    picture = np.full((200, 300, 3), 90, np.uint8)
    picture[20:84, 100:164] = coloured(COLOURS["red"], 77)
    for model in models:
        recognizer = Recognizer(model)
        assert recognizer.shape == RGB_32
        (face,) = recognizer(picture, boxes=[(100, 20, 64, 64)])
        assert face.label == LABELS[list(COLOURS).index("red")]
        assert len(recognizer(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), detect=False)) == 1
        with pytest.raises(DataError, match=r"uint8 of shape \(n, 32, 32, 3\); got uint8 \(1, 48"):
            recognizer.classifier(np.zeros((1, 48, 48), np.uint8))


def test_the_page_shows_faces_in_their_colours(models):
    face = coloured(COLOURS["red"], 77, 32)[None]
    recognizer = Recognizer(models[0])
    named = recognizer.name([Box(0, 0, 32, 32)], face)
    cards = face_cards(face, named, np.ones((1, 32, 32), np.float32))
    assert cards.count("data:image/jpeg") == 2


def test_networks_of_other_channels_get_the_luma_or_three_like_ones():
    face = torch.from_numpy(coloured(COLOURS["red"], 0)).permute(2, 0, 1)[None].float()
    grey = to_channels(face, 1)
    assert grey.shape == (1, 1, 64, 64)
    expected = cv2.cvtColor(coloured(COLOURS["red"], 0), cv2.COLOR_RGB2GRAY)
    assert np.abs(grey[0, 0].numpy() - expected).max() <= 1
    assert torch.equal(to_channels(grey, 3), torch.cat([grey] * 3, dim=1))
    assert torch.equal(to_channels(face, 3), face)


@pytest.mark.parametrize("face", [{"size": 31}, {"size": "a"}, {"colour": "cmyk"}, {"sides": 3}, 5])
def test_a_model_that_notes_an_impossible_shape_is_refused(models, tmp_path, face):
    folder = shutil.copytree(models[0], tmp_path / "other")
    about = json.loads((folder / "classifier.json").read_text())
    about["meta"]["face"] = face
    (folder / "classifier.json").write_text(json.dumps(about))
    with pytest.raises(DataError, match="is not a working classifier of faces"):
        Recognizer(folder)
