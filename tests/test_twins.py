"""Twins: what is found, what is not, and that the fast search finds all that a slow one does."""

import cv2
import numpy as np
import pytest

from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.images import twins
from ferflow.images.measures import is_constant
from ferflow.images.twins import (
    Pairs,
    close_pairs,
    correlation,
    exact_groups,
    join,
    near_pairs,
    perceptual_hashes,
    twin_groups,
)


def noise(n, seed=0):
    """Blurred noise: every image has other low frequencies, as photographs have."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 12, 12), dtype=np.uint8)
    return np.stack([cv2.resize(image, (48, 48)) for image in coarse])


def reencoded(image, quality=60):
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def test_exact_groups_name_the_first_row_of_each():
    images = noise(3)[[0, 1, 0, 2, 1, 0]]
    assert exact_groups(images).tolist() == [0, 1, 0, 3, 1, 0]


def test_one_level_in_one_pixel_makes_an_image_another():
    images = noise(1)[[0, 0]]
    images[1, 5, 5] += 1
    assert exact_groups(images).tolist() == [0, 1]
    assert twin_groups(images, 0).tolist() == [0, 0]


@pytest.mark.parametrize(
    "change",
    [
        reencoded,
        lambda image: image // 2 + 60,
        lambda image: cv2.resize(cv2.resize(image, (96, 96)), (48, 48)),
        lambda image: np.clip(image + np.random.default_rng(0).normal(0, 4, (48, 48)), 0, 255),
    ],
    ids=["re-encoded", "darker and flatter", "resized", "noisy"],
)
def test_a_changed_copy_is_a_near_twin_and_another_image_is_not(change):
    originals = noise(40)
    copies = np.stack([change(image) for image in originals]).astype(np.uint8)
    groups = twin_groups(np.concatenate([originals, copies]))
    assert groups.tolist() == [*range(40), *range(40)]


def test_a_mirrored_face_is_no_twin():
    images = noise(1)
    assert twin_groups(np.concatenate([images, images[:, :, ::-1]])).tolist() == [0, 1]


def test_a_constant_image_is_a_twin_of_identical_ones_only():
    images = np.concatenate([np.full((4, 48, 48), 0, np.uint8), noise(2), noise(2)])
    images[2:4] = 9
    images[3, 0, 0] = 12  # flat, but not identical
    assert is_constant(images).tolist() == [True] * 4 + [False] * 4
    assert twin_groups(images).tolist() == [0, 0, 2, 3, 4, 5, 4, 5]


def test_twinhood_is_passed_on():
    exact = np.array([0, 1, 0, 3, 4])
    pairs = Pairs(np.array([0, 1]), np.array([1, 4]), np.array([4, 6]))
    assert join(exact, pairs, 2).tolist() == [0, 1, 0, 3, 4]
    assert join(exact, pairs, 4).tolist() == [0, 0, 0, 3, 4]
    assert join(exact, pairs, 6).tolist() == [0, 0, 0, 3, 0]


def test_pairs_are_named_once_with_their_distance():
    original = noise(1)[0]
    images = np.stack([original, original, reencoded(original)])
    pairs = near_pairs(images, exact_groups(images), 8)
    hashes = perceptual_hashes(images)
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0], [2])
    assert pairs.distance.tolist() == [int(hashes[0] ^ hashes[2]).bit_count()]


def test_close_hashes_of_different_images_are_no_twins():
    """Waves that the hash does not see: more than eight half waves across."""
    rng = np.random.default_rng(0)
    image = noise(1)[0] // 3 + 60
    fine = np.kron(rng.integers(0, 2, (24, 24)), [[1, -1], [-1, 1]]) * 55
    images = np.stack([image + fine, image - fine]).astype(np.uint8)
    hashes = perceptual_hashes(images)
    assert int(hashes[0] ^ hashes[1]).bit_count() <= 8
    assert twin_groups(images).tolist() == [0, 1]


def test_correlation_is_pearsons():
    a, b = noise(20), noise(20, seed=1)
    expected = [np.corrcoef(u.ravel(), v.ravel())[0, 1] for u, v in zip(a, b, strict=True)]
    assert correlation(a, b) == pytest.approx(expected)
    assert correlation(a, a) == pytest.approx(np.ones(20))


@pytest.mark.parametrize("distance", range(9))
def test_the_search_finds_exactly_the_pairs_within_the_distance(distance, monkeypatch):
    monkeypatch.setattr(twins, "_MAX_CANDIDATES", 500)  # several parts
    rng = np.random.default_rng(distance)
    centres = rng.integers(0, 1 << 63, 40, dtype=np.uint64)
    flips = [rng.choice(64, k, replace=False) for k in rng.integers(0, 13, 400)]
    masks = np.array([sum(1 << int(bit) for bit in bits) for bits in flips], np.uint64)
    hashes = np.unique(centres[rng.integers(0, 40, 400)] ^ masks)
    apart = np.bitwise_count(hashes[:, None] ^ hashes)
    expected = set(zip(*np.nonzero(np.triu(apart <= distance, 1)), strict=True))
    found = {
        pair
        for first, second in close_pairs(hashes, distance)
        for pair in zip(first, second, strict=True)
    }
    assert found == expected


def test_every_hash_of_a_face_has_half_of_its_bits_set():
    faces = draw_faces(list(FER2013_LABELS) * 20, seed=3)
    assert (np.bitwise_count(perceptual_hashes(faces)) == 32).all()


def test_the_hash_is_the_same_for_one_image_as_for_many():
    images = noise(50)
    together = perceptual_hashes(images)
    assert together.tolist() == [int(perceptual_hashes(image[None])[0]) for image in images]


@pytest.mark.parametrize("groups", [exact_groups, twin_groups])
@pytest.mark.parametrize("n", [0, 1])
def test_no_image_and_one(groups, n):
    found = groups(noise(1)[:n])
    assert (found.dtype, found.tolist()) == (np.int64, list(range(n)))


def test_images_need_not_be_square():
    images = np.random.default_rng(0).integers(0, 256, (2, 40, 60), dtype=np.uint8)
    assert twin_groups(images[[0, 1, 0]]).tolist() == [0, 1, 0]
