"""Every filter against planted defects: it takes out all of them, and nothing else."""

import cv2
import numpy as np
import pytest

from ferflow.core.split import Split
from ferflow.images import haar as faces
from ferflow.images import measures as image_measures
from ferflow.preprocess.clean import preprocess
from ferflow.preprocess.filters import Pool, run_filters
from ferflow.preprocess.removed_sheet import draw_removed
from tests.test_preprocess import settings
from tests.test_twins import noise, reencoded

N = 30  # sound images a split
LABELS = ("angry", "disgust", "fear")


def planted(*defects, split="train", seed=0):
    """Splits of sound images, to one of which (image, label) pairs are appended."""
    splits = {}
    for number, name in enumerate(("train", "val", "test")):
        images, y = noise(N, seed=[seed, number]), [k % 3 for k in range(N)]
        if name == split:
            images = np.concatenate([images, *(image[None] for image, _ in defects)])
            y += [label for _, label in defects]
        splits[name] = Split(
            x=images,
            y=np.array(y),
            source_id=np.array([f"{name}_{i}" for i in range(len(y))]),
            transform=np.full(len(y), ""),
            labels=LABELS,
            meta={"data_set": "noise", "split": "drawn"},
        )
    return splits


def taken_out(splits, reason, **switches):
    """Numbers of the training images that one filter takes out; it must be the only one."""
    cleaned = preprocess(splits, settings(**{"drop_constant": False} | switches))
    assert list(cleaned.counts["train"]) == [reason]
    left = {str(name) for name in cleaned.splits["train"].source_id}
    names = [str(name) for name in splits["train"].source_id]
    assert sum(cleaned.counts["train"][reason].values()) == len(names) - len(left)
    return [row for row, name in enumerate(names) if name not in left]


def flat(level):
    return np.full((48, 48), level, np.uint8)


def sign():
    """White lettering on black."""
    return cv2.putText(flat(0), "!", (18, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 1)


def dim():
    """A face's worth of structure, within a few grey levels."""
    return noise(1, seed=99)[0] // 8 + 100


DEFECTS = range(N, N + 3)  # three are planted in each test


def test_constant():
    splits = planted((flat(0), 0), (flat(128), 1), (flat(255), 2))
    splits["train"].x[N + 1, :, :24] += 4  # as JPEG leaves it
    assert taken_out(splits, "constant", drop_constant=True) == list(DEFECTS)


def test_black_and_white():
    splits = planted((sign(), 0), (255 - sign(), 1), (flat(254), 2))
    assert taken_out(splits, "black and white", max_black_white=0.8) == list(DEFECTS)


def test_low_contrast():
    splits = planted((dim(), 0), (flat(9), 1), (255 - dim(), 2))
    assert taken_out(splits, "low contrast", min_contrast=15.0) == list(DEFECTS)


def test_few_textured_pixels():
    splits = planted((sign(), 0), (255 - sign(), 1), (flat(90), 2))
    assert taken_out(splits, "few textured pixels", min_texture=0.25) == list(DEFECTS)


def test_contradictory_labels_all_go_and_repeated_ones_stay():
    a, b = noise(2, seed=77)
    splits = planted((a, 0), (a, 1), (a, 0), (b, 2), (b, 2))
    found = taken_out(splits, "contradictory labels", drop_contradictory=True)
    assert found == [N, N + 1, N + 2]


def test_the_labels_of_val_and_test_contradict_nothing():
    splits = planted((noise(1, seed=77)[0], 0))
    splits["test"].x[0], splits["test"].y[0] = splits["train"].x[N], 1
    assert taken_out(splits, "contradictory labels", drop_contradictory=True) == []


def test_exact_duplicates_keep_the_first():
    splits = planted()
    extra = planted(*((splits["train"].x[k], k % 3) for k in (5, 6, 5)))
    found = taken_out(extra, "exact duplicate", drop_exact_duplicates=True)
    assert found == [N, N + 1, N + 2]


def test_exact_duplicates_are_not_near_ones():
    original = planted()["train"].x[5]
    splits = planted((reencoded(original), 2))
    assert taken_out(splits, "exact duplicate", drop_exact_duplicates=True) == []
    assert taken_out(splits, "near duplicate", drop_near_duplicates=True) == [N]


def test_near_duplicates_count_only_what_the_exact_ones_left():
    original = planted()["train"].x[5]
    splits = planted((original, 2), (reencoded(original), 2))
    cleaned = preprocess(splits, settings(drop_exact_duplicates=True, drop_near_duplicates=True))
    sums = {reason: sum(n.values()) for reason, n in cleaned.counts["train"].items()}
    assert sums == {"constant": 0, "exact duplicate": 1, "near duplicate": 1}
    assert len(cleaned.splits["train"]) == N


def test_twins_of_val_and_test_leave_train():
    splits = planted()
    val, test = splits["val"].x[0], splits["test"].x[3]
    splits = planted((val, 0), (reencoded(test), 1), (reencoded(splits["train"].x[0]), 0))
    found = taken_out(splits, "twin of val or test", drop_twins_of_val_test=True)
    assert found == [N, N + 1]


def test_a_twin_that_was_filtered_from_test_takes_nothing_with_it():
    splits = planted((dim(), 0), split="test")
    splits["train"].x[4] = cv2.convertScaleAbs(noise(1, seed=99)[0], alpha=1)
    on = {"drop_twins_of_val_test": True}
    assert taken_out(splits, "twin of val or test", **on) == [4]
    both = settings(**on, min_contrast=15.0, filter_val_test=True)
    cleaned = preprocess(splits, both)
    assert cleaned.counts["test"]["low contrast"]["angry"] == 1
    assert len(cleaned.splits["train"]) == N


def test_the_distance_is_the_parameters():
    original = planted()["train"].x[5]
    changed = np.clip(original + np.random.default_rng(0).normal(0, 20, (48, 48)), 0, 255)
    splits = planted((changed.astype(np.uint8), 0))
    assert taken_out(splits, "near duplicate", drop_near_duplicates=True, twin_distance=0) == []
    assert taken_out(splits, "near duplicate", drop_near_duplicates=True, twin_distance=8) == [N]


def test_no_face():
    splits = planted((flat(0), 0), (sign(), 1))
    splits["train"].x[:N] = schematic_face()
    assert taken_out(splits, "no face", drop_without_face=True) == [N, N + 1]


def test_the_cascade_answers_in_the_images_order(monkeypatch):
    monkeypatch.setattr(faces, "_PART", 3)
    images = np.repeat(sign()[None], 20, axis=0)
    images[[2, 9, 19]] = schematic_face()
    assert np.flatnonzero(faces.has_face(images)).tolist() == [2, 9, 19]
    assert faces.has_face(images[:0]).shape == (0,)


def schematic_face():
    """Skin, eyes, brows, nose and mouth as blurred shades, in the proportions of a frontal face."""
    face = flat(60)
    cv2.ellipse(face, (24, 25), (17, 21), 0, 0, 360, 190, -1)
    for x in (17, 31):
        cv2.ellipse(face, (x, 20), (5, 2), 0, 0, 360, 60, -1)
        cv2.line(face, (x - 5, 15), (x + 5, 15), 80, 2)
    cv2.line(face, (24, 20), (24, 29), 210, 3)
    cv2.ellipse(face, (24, 35), (7, 2), 0, 0, 360, 90, -1)
    return cv2.GaussianBlur(face, (5, 5), 1.2)


def test_each_image_is_counted_for_the_first_filter_that_takes_it_out():
    splits = planted((flat(0), 0), (flat(0), 1), (sign(), 2))
    everything = settings(
        max_black_white=0.8,
        min_contrast=15.0,
        min_texture=0.25,
        drop_contradictory=True,
        drop_exact_duplicates=True,
        drop_near_duplicates=True,
    )
    counts = preprocess(splits, everything).counts["train"]
    sums = {reason: sum(n.values()) for reason, n in counts.items()}
    assert sums == {
        "constant": 2,
        "black and white": 1,
        "low contrast": 0,
        "few textured pixels": 0,
        "contradictory labels": 0,
        "exact duplicate": 0,
        "near duplicate": 0,
    }


def test_filtering_val_and_test_counts_them_and_keeps_each_splits_own_first():
    image = noise(1, seed=77)[0]
    splits = planted((image, 0), (image, 0), split="val")
    splits["train"].x[0] = image
    cleaned = preprocess(splits, settings(drop_exact_duplicates=True, filter_val_test=True))
    assert [len(split) for split in cleaned.splits.values()] == [N, N + 1, N]
    meta = cleaned.splits["train"].meta["val_test_filters"]
    assert meta["exact duplicate"] == {"val": 1, "test": 0}


def test_measures_by_hand():
    image = np.zeros((1, 4, 4), np.uint8)
    image[0, :2] = 100
    assert image_measures.contrast(image).tolist() == [50]
    assert image_measures.brightness(image).tolist() == [50]
    assert image_measures.black_white_share(image).tolist() == [0.5]
    # of the 3x3 pixels with a neighbour on both sides, those of row 1 differ from the one below
    assert image_measures.textured_share(image).tolist() == [pytest.approx(3 / 9)]
    image[0, :2] = 7
    assert image_measures.textured_share(image).tolist() == [0]


def test_measures_are_the_same_in_parts(monkeypatch):
    images = noise(25)
    names = ("contrast", "brightness", "black_white_share", "textured_share", "is_constant")
    whole = [getattr(image_measures, name)(images) for name in names]
    monkeypatch.setattr(image_measures, "_CHUNK", 7)
    for name, expected in zip(names, whole, strict=True):
        assert np.array_equal(getattr(image_measures, name)(images), expected)


def test_filters_do_not_touch_what_they_are_given():
    splits = planted((flat(0), 0))
    pool = Pool.of(splits, twin_distance=6)
    alive = np.ones(len(pool.y), np.bool_)
    ((reason, rows),) = run_filters(pool, alive, settings())
    assert (reason, rows.tolist()) == ("constant", [N])
    assert alive.all()


def test_the_sheet_of_removed_images_is_the_same_twice_and_there_when_empty(tmp_path):
    cleaned = preprocess(planted((flat(0), 0), (flat(9), 1)), settings())
    for name in ("a", "b"):
        draw_removed(tmp_path / name, cleaned.pool, cleaned.removed, LABELS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    draw_removed(tmp_path / "none", cleaned.pool, {}, LABELS)
    assert cv2.imread(str(tmp_path / "none")) is not None
    drawn, empty = (cv2.imread(str(tmp_path / name)) for name in ("a", "none"))
    assert (drawn < 50).sum() > (empty < 50).sum()
