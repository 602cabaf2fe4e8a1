"""Cleaning and lighting: what is dropped, from which split, and what stays as it was."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import FILTERS_OFF

from ferflow.core.errors import ParamError
from ferflow.core.params import load_params
from ferflow.core.split import load_split, save_split
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.images.lighting import correct_lighting
from ferflow.images.measures import is_constant
from ferflow.preprocess.clean import preprocess
from ferflow.preprocess.params import PreprocessParams


def settings(**changes):
    legal = {"drop_constant": True, "classes": None, "lighting": "none"}
    return PreprocessParams(**FILTERS_OFF | legal | changes)


def thrice(split, seeds=(0, 1, 2)):
    """The same labels for train, val and test, each with images of its own."""
    rng = np.random.default_rng(seeds)
    noise = [rng.integers(0, 256, split.x.shape, dtype=np.uint8) for _ in range(2)]
    return {
        "train": split,
        "val": replace(split, x=noise[0]),
        "test": replace(split, x=noise[1]),
    }


@pytest.fixture
def splits(make_split):
    """Six images a split, of which the second (black) and the fourth (grey) are constant."""
    splits = thrice(make_split())
    for split in splits.values():
        split.x[1], split.x[3] = 0, 128
    return splits


@pytest.mark.usefixtures("workplace")
def test_the_section_of_the_defaults_fits():
    assert load_params("preprocess", PreprocessParams) == settings()


def test_constant_images_leave_the_training_split(splits):
    cleaned = preprocess(splits, settings())
    train = cleaned.splits["train"]
    assert train.source_id.tolist() == ["image_0", "image_2", "image_4", "image_5"]
    assert np.array_equal(train.x, splits["train"].x[[0, 2, 4, 5]])
    assert cleaned.counts["train"] == {"constant": {"angry": 1, "disgust": 1, "fear": 0}}


@pytest.mark.parametrize("name", ["val", "test"])
def test_constant_images_stay_in_val_and_test(splits, name):
    cleaned = preprocess(splits, settings())
    assert np.array_equal(cleaned.splits[name].x, splits[name].x)
    assert cleaned.counts[name] == {}


def test_with_filter_val_test_they_leave_and_the_meta_counts_them(splits):
    cleaned = preprocess(splits, settings(filter_val_test=True))
    for name in ("train", "val", "test"):
        assert len(cleaned.splits[name]) == 4
        assert cleaned.counts[name] == {"constant": {"angry": 1, "disgust": 1, "fear": 0}}
    meta = cleaned.splits["test"].meta
    assert meta["val_test_filters"] == {"constant": {"val": 2, "test": 2}}


def test_the_filter_can_be_switched_off(splits):
    cleaned = preprocess(splits, settings(drop_constant=False))
    assert [len(split) for split in cleaned.splits.values()] == [6, 6, 6]
    assert cleaned.counts == {"train": {}, "val": {}, "test": {}}
    assert cleaned.splits["train"].meta["train_filters"] == []


def test_meta_says_what_was_done(splits):
    for split in preprocess(splits, settings(lighting="clahe")).splits.values():
        assert split.meta == {
            "data_set": "noise",
            "lighting": "clahe",
            "train_filters": ["constant"],
            "val_test_filters": {},
            "twin_distance": 8,
        }
        json.dumps(split.meta)


def test_filters_that_leave_nothing_are_an_error(make_split):
    splits = thrice(make_split())
    with pytest.raises(ParamError, match="the filters remove every image of train"):
        preprocess(splits, settings(min_contrast=127.0))


@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_a_class_subset_is_renumbered_in_the_data_sets_order(make_split, name):
    cleaned = preprocess(thrice(make_split()), settings(classes=["fear", "angry"]))
    split = cleaned.splits[name]
    assert split.labels == ("angry", "fear")
    assert [split.labels[y] for y in split.y] == ["angry", "fear", "angry", "angry"]
    assert split.source_id.tolist() == ["image_0", "image_2", "image_3", "image_5"]
    assert split.meta["class_subset_of"] == ["angry", "disgust", "fear"]
    assert cleaned.counts[name]["class not wanted"] == {"angry": 0, "disgust": 2, "fear": 0}


def test_without_a_subset_the_meta_says_nothing_of_one(splits):
    assert "class_subset_of" not in preprocess(splits, settings()).splits["train"].meta


def test_an_unknown_class_is_refused_with_the_nearest(make_split):
    with pytest.raises(ParamError, match=r"'angri' is not a class.*Did you mean 'angry'"):
        preprocess(thrice(make_split()), settings(classes=["angri", "fear"]))


@pytest.mark.parametrize("classes", [[], ["fear"], ["fear", "fear"]])
def test_a_subset_needs_two_different_classes(make_split, classes):
    with pytest.raises(ParamError, match="two or more different classes"):
        preprocess(thrice(make_split()), settings(classes=classes))


def test_no_lighting_correction_leaves_every_byte():
    faces = draw_faces(["happy", "sad"], seed=0)
    assert np.array_equal(correct_lighting(faces, "none"), faces)


@pytest.mark.parametrize("method", ["equalize", "clahe"])
def test_lighting_spreads_the_grey_levels_of_a_dim_face(method):
    dim = draw_faces(["happy", "sad"], seed=0) // 4 + 20
    corrected = correct_lighting(dim, method)
    assert (corrected.dtype, corrected.shape) == (np.uint8, dim.shape)
    assert (np.ptp(corrected, axis=(1, 2)) > 1.3 * np.ptp(dim, axis=(1, 2))).all()


def test_equalize_is_the_same_for_any_brightness_and_contrast():
    face = draw_faces(["fear"], seed=2) // 4
    assert np.array_equal(
        correct_lighting(face, "equalize"), correct_lighting(face * 3 + 30, "equalize")
    )


@pytest.mark.parametrize("method", ["equalize", "clahe"])
def test_each_image_is_corrected_on_its_own(method):
    faces = draw_faces(["happy", "sad", "fear"], seed=0)
    together = correct_lighting(faces, method)
    alone = [correct_lighting(face[None], method)[0] for face in faces]
    assert np.array_equal(together, alone)


@pytest.mark.parametrize("method", ["none", "equalize", "clahe"])
def test_lighting_takes_no_images_and_images_mapped_from_disk(tmp_path, make_split, method):
    assert correct_lighting(np.empty((0, 48, 48), np.uint8), method).shape == (0, 48, 48)
    split = make_split()
    save_split(tmp_path / "split", split)
    mapped = load_split(tmp_path / "split").x
    assert np.array_equal(correct_lighting(mapped, method), correct_lighting(split.x, method))


def test_a_constant_image_survives_equalisation_without_a_warning():
    assert is_constant(correct_lighting(np.full((1, 48, 48), 7, np.uint8), "equalize")).all()
