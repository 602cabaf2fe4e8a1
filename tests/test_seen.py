"""A backbone is not used on the images that it was trained on."""

import cv2
import numpy as np
import pytest

from ferflow.core.errors import DataError
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.images.seen import SEEN_FILE, refuse_seen, write_seen


@pytest.fixture(scope="module")
def faces():
    return np.concatenate([draw_faces(FER2013_LABELS, seed=seed) for seed in range(20)])


def test_the_images_that_it_was_trained_on_are_refused(tmp_path, faces):
    write_seen(tmp_path, faces)
    with pytest.raises(DataError, match="was trained on 100% of the images in train"):
        refuse_seen(tmp_path, faces, "train")


def test_re_encoding_them_hides_nothing(tmp_path, faces):
    write_seen(tmp_path, faces)
    jpeg = [cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 90])[1] for face in faces]
    again = np.stack([cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) for content in jpeg])
    assert not np.array_equal(again, faces)
    with pytest.raises(DataError, match="was trained on"):
        refuse_seen(tmp_path, again, "train")


def test_other_faces_pass_even_with_some_twins_among_them(tmp_path, faces):
    write_seen(tmp_path, faces[:20])
    refuse_seen(tmp_path, faces[10:], "val")


def test_a_network_that_tells_nothing_passes(tmp_path, faces):
    refuse_seen(tmp_path, faces, "train")


def test_a_damaged_list_is_refused(tmp_path, faces):
    (tmp_path / SEEN_FILE).write_bytes(b"nothing")
    with pytest.raises(DataError, match="is not a list of images"):
        refuse_seen(tmp_path, faces, "train")
