"""Changed copies of training images: what is done to them, and what is said of them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ferflow.augment.copies import augment, augment_file
from ferflow.augment.params import AugmentParams
from ferflow.core.errors import ParamError
from ferflow.core.image_steps import COPIES, KINDS
from ferflow.core.params import pick_section
from ferflow.core.split import load_split, save_split

EVERY_NAME = [name for name, kind in KINDS.items() if COPIES in kind.places]
DRAWN = [
    name for name in EVERY_NAME if name not in ("horizontal_flip", "turn_degrees", "scale_factor")
]


def params(*copies, fill_rare="none"):
    return AugmentParams(copies=list(copies), fill_rare=fill_rare)


def refused(copies, fill_rare="none"):
    with pytest.raises(ParamError) as caught:
        section = {"augment": {"copies": copies, "fill_rare": fill_rare}}
        pick_section(section, "augment", AugmentParams)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def copies_of(split, *copies, seed=0):
    return augment(split, params(*copies), seed=seed).x[len(split) :]


@pytest.fixture
def spots(make_split):
    """Black images with one white spot of 5x5 pixels, blurred, right of and above the middle."""
    split = make_split(y=[0] * 200)
    x = np.zeros_like(split.x)
    x[:, 14:19, 28:33] = 255
    return replace(split, x=np.stack([cv2.GaussianBlur(image, (0, 0), 1) for image in x]))


def centres(images):
    """(n, 2) centre of brightness, x before y, from the middle of the image."""
    weights = images.astype(float) / images.sum(axis=(1, 2), keepdims=True)
    steps = np.arange(48) - 23.5
    return np.stack([(weights.sum(axis=1) * steps), (weights.sum(axis=2) * steps)], 2).sum(axis=1)


def test_the_originals_come_first_unchanged(make_split, same_split):
    split = make_split()
    augmented = augment(split, params(*EVERY_NAME, fill_rare="crop_pad_flip"), seed=0)
    same_split(augmented.take(np.arange(len(split))), split)


def test_a_flip_mirrors_left_and_right(make_split):
    split = make_split()
    assert np.array_equal(copies_of(split, "horizontal_flip")[:, :, ::-1], split.x)


@pytest.mark.parametrize(("degrees", "quarters"), [(90, 1), (-90, -1), (180, 2)])
def test_a_quarter_turn_moves_pixels_and_changes_none(make_split, degrees, quarters):
    split = make_split()
    turned = copies_of(split, {"turn_degrees": degrees})
    assert np.array_equal(turned, np.rot90(split.x, quarters, axes=(1, 2)))


def test_a_copy_keeps_its_source_and_class_and_says_what_was_done(make_split):
    split = make_split()
    wanted = [
        "horizontal_flip",
        "rotation_degrees",
        {"rotation_degrees": 40},
        {"brightness_factors": [0.2, 1.5]},
    ]
    augmented = augment(split, params(*wanted), seed=0)
    copies = augmented.take(~augmented.original)
    names = [
        "horizontal_flip",
        "rotation_degrees 10",
        "rotation_degrees 40",
        "brightness_factors 0.2 to 1.5",
    ]
    assert copies.transform.tolist() == list(np.repeat(names, len(split)))
    assert np.array_equal(copies.source_id, np.tile(split.source_id, 4))
    assert np.array_equal(copies.y, np.tile(split.y, 4))


def test_no_copies_means_no_change(make_split, same_split):
    same_split(augment(make_split(), params(), seed=0), make_split())


@pytest.mark.parametrize("name", EVERY_NAME)
def test_the_seed_fixes_every_copy(make_split, name):
    split = make_split()
    first = copies_of(split, name, seed=1)
    assert np.array_equal(first, copies_of(split, name, seed=1))
    assert np.array_equal(first, copies_of(split, name, seed=2)) == (name not in DRAWN)


@pytest.mark.parametrize("name", DRAWN)
def test_every_image_and_every_copy_has_a_draw_of_its_own(make_split, name):
    split = make_split(y=[0] * 30)
    split = replace(split, x=np.tile(split.x[:1], (30, 1, 1)))
    alone = copies_of(split, name)
    # OpenCV resamples at 32nds of a pixel, so that two draws may come out alike
    assert len({copy.tobytes() for copy in alone}) >= 28
    second = copies_of(split, {"shift_share": 0.3}, name)[30:]
    assert not np.array_equal(second, alone)


def test_a_rotation_keeps_the_distance_from_the_middle_and_stays_in_range(spots):
    before, after = centres(spots.x), centres(copies_of(spots, {"rotation_degrees": 30}))
    assert np.hypot(*after.T) == pytest.approx(np.hypot(*before.T), abs=0.2)
    turned = np.rad2deg(np.arctan2(*before.T[::-1]) - np.arctan2(*after.T[::-1]))
    assert 27 < turned.max() < 30.5 and -30.5 < turned.min() < -27


def test_a_positive_turn_is_counter_clockwise(spots):
    x, y = centres(copies_of(spots, {"turn_degrees": 20}))[0]
    before_x, before_y = centres(spots.x)[0]
    assert x < before_x and y > before_y - 20  # from the right towards the top
    assert np.arctan2(-y, x) - np.arctan2(-before_y, before_x) == pytest.approx(0.349, abs=0.02)


def test_a_shift_moves_by_up_to_its_share_along_both_axes(spots):
    moved = centres(copies_of(spots, {"shift_share": 0.1})) - centres(spots.x)
    assert (np.abs(moved) < 4.85).all()
    assert (moved.max(axis=0) > 4).all() and (moved.min(axis=0) < -4).all()
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.3


def test_a_zoom_keeps_the_direction_and_both_enlarges_and_shrinks(spots):
    ratio = centres(copies_of(spots, {"zoom_share": 0.2})) / centres(spots.x)
    assert ratio[:, 0] == pytest.approx(ratio[:, 1], abs=0.02)
    assert 0.79 < ratio.min() < 0.83 and 1.17 < ratio.max() < 1.21


def test_a_stretch_has_a_factor_for_each_axis_and_shrinks_above_one(spots):
    ratio = centres(spots.x) / centres(copies_of(spots, {"stretch_share": 0.2}))
    assert 0.79 < ratio.min() < 0.82 and 1.18 < ratio.max() < 1.21
    assert abs(np.corrcoef(ratio.T)[0, 1]) < 0.3


def test_a_scale_is_the_same_for_all(spots):
    ratio = centres(copies_of(spots, "scale_factor")) / centres(spots.x)
    assert ratio == pytest.approx(0.7, abs=0.02)


def test_a_shear_moves_sideways_in_proportion_to_the_height(spots):
    before = centres(spots.x)
    moved = centres(copies_of(spots, {"shear_degrees": 11.31})) - before
    assert moved[:, 1] == pytest.approx(0, abs=0.1)
    slope = moved[:, 0] / before[:, 1]
    assert 0.18 < slope.max() < 0.21 and -0.21 < slope.min() < -0.18


def test_crop_and_pad_moves_each_edge_by_up_to_its_share(spots):
    marks = np.zeros((48, 48), np.uint8)
    marks[:, :8], marks[:, 40:] = 100, 200  # where the left and the right part begin and end
    copies = copies_of(
        replace(spots, x=np.tile(marks, (len(spots), 1, 1))), {"crop_pad_share": 0.1}
    )
    left = (copies[:, 24] == 100).sum(axis=1)
    right = (copies[:, 24] == 200).sum(axis=1)
    assert left.min() < 6 and left.max() > 10 and right.min() < 6 and right.max() > 10
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.5


def test_edges_are_filled_with_the_nearest_pixel(make_split):
    split = make_split()
    white = replace(split, x=np.full_like(split.x, 255))
    for name in (
        "rotation_degrees",
        "shift_share",
        "zoom_share",
        "stretch_share",
        "shear_degrees",
        "crop_pad_share",
        "turn_degrees",
        "scale_factor",
    ):
        assert (copies_of(white, name) == 255).all(), name


def test_brightness_multiplies_and_does_not_wrap_around(make_split):
    split = make_split(y=[0] * 300)
    factors = copies_of(
        replace(split, x=np.full_like(split.x, 100)), {"brightness_factors": [0.5, 1.5]}
    )
    assert np.ptp(factors, axis=(1, 2)).max() == 0
    assert 50 <= factors.min() < 53 and 147 < factors.max() <= 150
    bright = copies_of(
        replace(split, x=np.full_like(split.x, 250)), {"brightness_factors": [1.1, 4]}
    )
    assert (bright == 255).all()


def test_rare_classes_are_filled_up_by_copies_spread_over_their_images(make_split):
    split = make_split(y=[0] * 20 + [1] * 3 + [2] * 7)
    filled = augment(split, params("horizontal_flip", fill_rare="crop_pad_flip"), seed=0)
    assert filled.class_counts() == {"angry": 40, "disgust": 40, "fear": 40}
    added = filled.take(filled.transform == "crop_pad_flip")
    assert added.class_counts() == {"angry": 0, "disgust": 34, "fear": 26}
    label_of = dict(zip(split.source_id, split.y, strict=True))
    assert all(label_of[s] == y for s, y in zip(added.source_id, added.y, strict=True))
    for label in (1, 2):
        _, times = np.unique(added.source_id[added.y == label], return_counts=True)
        assert np.ptp(times) <= 1
    assert len({image.tobytes() for image in added.x}) == len(added)


def test_about_half_of_the_filling_copies_are_mirrored(make_split):
    split = make_split(y=[0] * 200 + [1])
    x = split.x.copy()
    x[200] = np.where(np.arange(48) < 24, 0, 255)
    filled = augment(replace(split, x=x), params(fill_rare="crop_pad_flip"), seed=0)
    added = filled.x[len(split) :]
    assert 0.4 < (added[:, 24, 0] > added[:, 24, -1]).mean() < 0.6


def test_a_class_without_any_image_stays_empty(make_split):
    filled = augment(make_split(y=[0, 0, 2]), params(fill_rare="crop_pad_flip"), seed=0)
    assert filled.class_counts() == {"angry": 2, "disgust": 0, "fear": 2}


@pytest.mark.parametrize("copies", [[], ["rotation_degrees", {"turn_degrees": 90}]])
@pytest.mark.parametrize("fill_rare", ["none", "crop_pad_flip"])
def test_the_file_holds_what_is_made_in_memory(make_split, same_split, tmp_path, copies, fill_rare):
    split, wanted = make_split(), params(*copies, fill_rare=fill_rare)
    save_split(tmp_path / "in", split)
    rows = augment_file(tmp_path / "in", tmp_path / "out", wanted, seed=3)
    same_split(load_split(tmp_path / "out"), augment(split, wanted, seed=3))
    assert len(rows) >= 1


def test_without_copies_the_file_is_handed_on(make_split, tmp_path):
    save_split(tmp_path / "in", make_split())
    (row,) = augment_file(tmp_path / "in", tmp_path / "out", params(), seed=0)
    assert (tmp_path / "out").samefile(tmp_path / "in")
    assert row[0] == "no copies" and len(row[1]) == 0


def test_the_contact_sheet_shows_an_image_of_each_class_above_its_copies(make_split, tmp_path):
    split = make_split(y=[2, 0, 0, 2, 0])
    save_split(tmp_path / "in", split)
    wanted = params({"turn_degrees": 180}, fill_rare="crop_pad_flip")
    rows = dict(augment_file(tmp_path / "in", tmp_path / "out", wanted, seed=0))
    assert list(rows) == ["images", "turn_degrees 180", "crop_pad_flip"]
    assert np.array_equal(rows["images"], split.x[[1, 0]])
    assert np.array_equal(rows["turn_degrees 180"], split.x[[1, 0], ::-1, ::-1])
    assert (rows["crop_pad_flip"][0] == 255).all()  # the largest class is not filled up
    assert not (rows["crop_pad_flip"][1] == 255).all()


def test_each_copy_is_named_once():
    message = refused(["rotation", {"rotation_degrees": 10}])
    assert message.startswith("params.yaml: augment.copies: ")
    assert "may be named once; got 'rotation_degrees 10' again" in message


def test_a_misspelt_fill_is_refused_with_the_nearest():
    assert "Did you mean 'crop_pad_flip'?" in refused([], fill_rare="crop_pad_flop")
