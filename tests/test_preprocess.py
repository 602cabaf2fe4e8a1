"""Cleaning and lighting: what is dropped, from which split, and what stays as it was."""

from dataclasses import replace

import numpy as np
import pytest

from ferflow.artifacts import load_split, save_split
from ferflow.data.lighting import correct_lighting
from ferflow.data.preprocess import PreprocessParams, is_constant, preprocess
from ferflow.data.synthetic import draw_faces
from ferflow.errors import ParamError


def settings(**changes):
    return PreprocessParams(
        **{"drop_constant": True, "classes": None, "lighting": "none"} | changes
    )


@pytest.fixture
def with_constants(make_split):
    """Six images, of which the second (black) and the fourth (grey) are constant."""
    split = make_split()
    x = split.x.copy()
    x[1], x[3] = 0, 128
    return replace(split, x=x)


def test_constant_means_one_grey_level_throughout():
    images = np.full((3, 48, 48), 200, np.uint8)
    images[1, 47, 47] = 201
    assert is_constant(images).tolist() == [True, False, True]


def test_constant_images_leave_the_training_split(with_constants):
    cleaned, removed = preprocess(with_constants, settings(), is_train=True)
    assert cleaned.source_id.tolist() == ["image_0", "image_2", "image_4", "image_5"]
    assert np.array_equal(cleaned.x, with_constants.x[[0, 2, 4, 5]])
    assert removed == {"constant": {"angry": 1, "disgust": 1, "fear": 0}}


def test_constant_images_stay_in_val_and_test(with_constants):
    cleaned, removed = preprocess(with_constants, settings(), is_train=False)
    assert np.array_equal(cleaned.x, with_constants.x)
    assert removed == {}


def test_the_filter_can_be_switched_off(with_constants):
    cleaned, removed = preprocess(with_constants, settings(drop_constant=False), is_train=True)
    assert len(cleaned) == 6
    assert removed == {}
    assert cleaned.meta["train_filters"] == []


def test_meta_says_what_was_done(with_constants):
    for is_train in (True, False):
        cleaned, _ = preprocess(with_constants, settings(lighting="clahe"), is_train=is_train)
        assert cleaned.meta == {
            "data_set": "noise",
            "lighting": "clahe",
            "train_filters": ["constant"],
        }


@pytest.mark.parametrize("is_train", [True, False])
def test_a_class_subset_is_renumbered_in_the_data_sets_order(make_split, is_train):
    split = make_split()
    cleaned, removed = preprocess(split, settings(classes=["fear", "angry"]), is_train=is_train)
    assert cleaned.labels == ("angry", "fear")
    assert [cleaned.labels[y] for y in cleaned.y] == ["angry", "fear", "angry", "angry"]
    assert cleaned.source_id.tolist() == ["image_0", "image_2", "image_3", "image_5"]
    assert cleaned.meta["class_subset_of"] == ["angry", "disgust", "fear"]
    assert removed["class not wanted"] == {"angry": 0, "disgust": 2, "fear": 0}


def test_without_a_subset_the_meta_says_nothing_of_one(make_split):
    assert "class_subset_of" not in preprocess(make_split(), settings(), is_train=True)[0].meta


def test_an_unknown_class_is_refused_with_the_nearest(make_split):
    with pytest.raises(ParamError, match=r"'angri' is no class.*Did you mean 'angry'"):
        preprocess(make_split(), settings(classes=["angri", "fear"]), is_train=True)


@pytest.mark.parametrize("classes", [[], ["fear"], ["fear", "fear"]])
def test_a_subset_needs_two_different_classes(make_split, classes):
    with pytest.raises(ParamError, match="two or more different classes"):
        preprocess(make_split(), settings(classes=classes), is_train=True)


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
