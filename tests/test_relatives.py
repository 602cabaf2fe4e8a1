"""Relatives: which changed copies are found, that others are not, and what groups they make."""

import json

import cv2
import numpy as np
import pytest

from ferflow.audit.measures import RECALL_FILE
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.images import relatives as module
from ferflow.images.relatives import alike, look, relatives, unexplained
from ferflow.images.twins import twin_groups
from ferflow.images.waves import make_waves
from tests.test_twins import noise

N = 60


def shifted(image, across, down=0):
    matrix = np.array([[1, 0, across], [0, 1, down]], np.float32)
    return cv2.warpAffine(image, matrix, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


def turned(image, degrees, zoom=1.0):
    matrix = cv2.getRotationMatrix2D((23.5, 23.5), degrees, zoom)
    return cv2.warpAffine(image, matrix, (48, 48), borderMode=cv2.BORDER_REPLICATE)


def found(images):
    return relatives(images, twin_groups(images))


@pytest.fixture(scope="module")
def photographs():
    """Smooth noise: the waves see most of it, as they do of photographs."""
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (N, 8, 8), dtype=np.uint8)
    return np.stack(
        [cv2.resize(image, (48, 48), interpolation=cv2.INTER_CUBIC) for image in coarse]
    )


def test_a_mirrored_image_is_found_and_said_to_be_mirrored(photographs):
    """Small input 9: an image and its mirror image."""
    both = np.concatenate([photographs, photographs[:, :, ::-1]])
    assert twin_groups(both).tolist() == list(range(2 * N))  # no twins: headline figures stay
    wide = found(both)
    assert wide.groups.tolist() == [*range(N), *range(N)]
    assert wide.mirrored.tolist() == [False] * N + [True] * N


@pytest.mark.parametrize(
    "change",
    [
        lambda image: shifted(image, 2),
        lambda image: shifted(image, -1, 1),
        lambda image: turned(image, 5),
        lambda image: turned(image, 0, 1.06),
        cv2.equalizeHist,
        lambda image: shifted(image[:, ::-1].copy(), 2),
    ],
    ids=["shifted across", "both ways", "turned", "zoomed", "equalised", "mirrored and shifted"],
)
def test_changed_copies_are_found_and_nothing_else(photographs, change):
    copies = np.stack([change(image) for image in photographs])
    groups = found(np.concatenate([photographs, copies])).groups
    assert (groups[:N] == np.arange(N)).all()
    assert (groups[N:] == np.arange(N)).mean() >= 0.9
    assert ((groups[N:] == np.arange(N)) | (groups[N:] >= N)).all()


def test_drawn_faces_of_one_expression_are_not_taken_for_each_other():
    faces = draw_faces(list(FER2013_LABELS) * 40, seed=3)
    groups = found(faces).groups
    assert (groups != np.arange(len(groups))).mean() < 0.02


def test_senses_are_handed_on_along_a_chain():
    """1 mirrors 0, 2 mirrors 1: 2 has the sense of 0. 4 mirrors 3, and 5 is a twin of 4."""
    twins = np.array([0, 1, 2, 3, 4, 4])
    wide = module._joined(
        twins, np.array([0, 1, 3]), np.array([1, 2, 4]), np.array([True, True, True])
    )
    assert wide.groups.tolist() == [0, 0, 0, 3, 3, 3]
    assert wide.mirrored.tolist() == [False, True, False, False, True, True]


def test_an_image_that_is_its_own_mirror_image_has_no_sense():
    wide = module._joined(np.arange(2), np.array([0, 0]), np.array([1, 1]), np.array([True, False]))
    assert (wide.groups.tolist(), wide.mirrored.tolist()) == ([0, 0], [False, False])


def test_blocks_find_what_one_large_product_finds(photographs, monkeypatch):
    views = look(np.concatenate([photographs, photographs[:, :, ::-1], noise(50)]))
    sides = module.on_axes(views)
    even, odd = (side[: len(views)].astype(int) for side in sides)
    likeness = even @ even.T + np.abs(odd @ odd.T)
    monkeypatch.setattr(module, "LIKENESS", 0.3)
    expected = np.nonzero(np.triu(likeness >= 0.3 * 700**2, 1))
    for rows, columns in ((256, 512), (16, 32), (64, 8)):
        monkeypatch.setattr(module, "_ROWS", rows)
        monkeypatch.setattr(module, "_COLUMNS", columns)
        first, second, mirrored = np.concatenate(list(alike(*sides)), axis=1)
        order = np.lexsort((second, first))
        assert np.array_equal(first[order], expected[0])
        assert np.array_equal(second[order], expected[1])
        assert np.array_equal(mirrored[order] > 0, (odd @ odd.T)[expected] < 0)


def test_waves_do_not_see_brightness_and_know_their_mirror_image():
    waves = make_waves()
    n = len(waves.even)
    own = waves.projections[:n]
    assert np.abs(own.sum(axis=1)).max() < 1e-5
    mirrored = own.reshape(n, 24, 24)[:, :, ::-1].reshape(n, -1)
    sign = np.where(waves.even, 1, -1)[:, None]
    assert mirrored == pytest.approx(own * sign, abs=1e-6)


def test_what_is_left_unexplained(photographs):
    a, b = (look(np.stack([change(i) for i in photographs])) for change in (np.copy, np.copy))
    nothing = np.zeros(N, bool)
    assert unexplained(a, b, nothing) == pytest.approx(np.zeros(N), abs=1e-5)
    mirrored = look(np.ascontiguousarray(photographs[:, :, ::-1]))
    assert unexplained(a, mirrored, ~nothing) == pytest.approx(np.zeros(N), abs=1e-4)
    assert unexplained(a, np.roll(a, 1, axis=0), nothing).min() > 0.1


def test_flat_images_and_such_as_are_flat_once_small_have_no_relatives(photographs):
    checks = np.kron(np.ones((24, 24), np.uint8), np.array([[0, 200], [200, 0]], np.uint8))
    images = np.stack([np.zeros((48, 48), np.uint8)] * 2 + [checks, 255 - checks, photographs[0]])
    wide = found(images)
    assert wide.groups.tolist() == [0, 0, 2, 3, 4]
    assert not wide.mirrored.any()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_image(photographs, n):
    assert found(photographs[:n]).groups.tolist() == list(range(n))


def test_images_need_not_be_square_or_of_48_pixels():
    images = np.random.default_rng(0).integers(0, 256, (2, 10, 8), dtype=np.uint8)
    images = np.stack([cv2.resize(image, (64, 80)) for image in images])
    wide = found(np.concatenate([images, images[:, :, ::-1]]))
    assert wide.groups.tolist() == [0, 1, 0, 1]
    assert wide.mirrored.tolist() == [False, False, True, True]


def test_the_measured_recall_meets_what_was_asked():
    kept = json.loads(RECALL_FILE.read_text())
    found = {kind: counts["relatives"] for kind, counts in kept["found"].items()}
    assert kept["images"] == 210
    assert found["mirrored"] >= 200
    assert min(n for kind, n in found.items() if kind.startswith("shifted")) >= 190
    assert found["turned by 5 degrees"] >= 150
    assert kept["false_pairs"]["relatives"] <= kept["false_pairs"]["twins"]
    assert kept["limit"] == module.LIMIT
