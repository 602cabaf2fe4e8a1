"""Finding faces: each detector on drawn faces, and the search at sizes and in orientations."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import onnx
import pytest
from recognition_data import FACES, picture_of

from ferflow.core.errors import DataError, ParamError
from ferflow.recognition.detectors import NAMES, Detector, Found, load_detector, yunet
from ferflow.recognition.detectors.search import search
from ferflow.recognition.recognizer import BUNDLED


def faces_on(name, grey, thorough=False):
    return search(load_detector(name), np.repeat(grey[..., None], 3, axis=2), thorough=thorough)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("side", "place"), [(72, (30, 40)), (200, (220, 140)), (400, (100, 60))])
def test_a_face_is_found_where_it_is(name, side, place):
    found = [one for face in FACES for one in faces_on(name, picture_of(face, side, place))]
    for one in found:
        assert abs(one.side - side) < 0.3 * side
        assert abs(one.x - place[0] - side / 2) < 0.15 * side
        assert abs(one.y - place[1] - side / 2) < 0.15 * side
    assert len(found) >= {"yunet": 1.0, "haar": 0.5}[name] * len(FACES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (24, 24), (47, 33), (30, 2000)])
def test_pictures_of_odd_sizes_have_no_face(name, shape):
    assert faces_on(name, np.full(shape, 90, np.uint8), thorough=True) == []


def test_a_scaled_picture_gives_scaled_boxes():
    small = picture_of(FACES[0])
    large = cv2.resize(small, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    (one,), (other,) = faces_on("yunet", small), faces_on("yunet", large)
    assert np.abs(np.array(other[:3]) / 4 - one[:3]).max() < 8


def test_a_thorough_search_finds_small_faces_on_large_pictures():
    large = picture_of(FACES[0], 48, (2000, 700), (3000, 2000))
    large[100:1300, 100:1300] = cv2.resize(FACES[3], (1200, 1200))
    (one,) = faces_on("yunet", large)
    assert abs(one.x - 700) < 200
    small, other = sorted(faces_on("yunet", large, thorough=True), key=lambda face: face.side)
    assert abs(other.x - 700) < 200
    assert abs(small.x - 2024) < 10
    assert abs(small.y - 724) < 10


def test_a_picture_that_is_a_small_face_is_enlarged():
    found = [face for picture in FACES for face in faces_on("yunet", picture)]
    assert len(found) >= 0.5 * len(FACES)
    assert all(abs(face.side - 48) < 20 for face in found)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_thorough_search_finds_turned_faces(quarters):
    picture = np.rot90(picture_of(FACES[3], 200, (220, 140)), quarters)
    (face,) = faces_on("yunet", np.ascontiguousarray(picture), thorough=True)
    middle = {0: (320, 240), 1: (240, 320), 2: (320, 240), 3: (240, 320)}[quarters]
    assert abs(face.x - middle[0]) < 25
    assert abs(face.y - middle[1]) < 25
    off = (face.tilt + 90 * quarters + 180) % 360 - 180  # np.rot90 turns the other way
    assert abs(off) < 15


def test_each_place_is_searched_and_a_face_counts_once():
    """A detector that finds bright pixels, and tells what it was given."""
    seen = []

    def find(pixels):
        seen.append(pixels.shape)
        rows, columns = np.nonzero(pixels[..., 0] > 250)
        return [Found(x + 0.5, y + 0.5, 9.0, 1.0) for x, y in zip(columns, rows, strict=True)]

    pixels = np.zeros((1000, 1500, 3), np.uint8)
    spots = [(3, 3), (799, 201), (740, 999), (1499, 999)]
    for x, y in spots:
        pixels[y, x] = 255
    found = search(Detector(find, 1, 200), pixels, thorough=True)
    assert sorted((int(face.x), int(face.y)) for face in found) == sorted(spots)
    assert max(max(shape) for shape in seen) == 200
    seen.clear()
    search(Detector(find, 1, 200), pixels, thorough=False)
    assert seen == [(133, 200, 3)]


def with_sides(tmp_path, height, width):
    """The bundled file with another declaration of its input, as OpenCV's files have."""
    model = onnx.load(yunet.BUNDLED)
    for dimension, side in zip(
        model.graph.input[0].type.tensor_type.shape.dim[2:], (height, width), strict=True
    ):
        dimension.dim_value = side
    onnx.save(model, tmp_path / "yunet.onnx")
    return tmp_path / "yunet.onnx"


@pytest.mark.parametrize("sides", [(640, 640), (320, 480)])
def test_a_yunet_of_ones_own_with_a_fixed_size(tmp_path, sides):
    grey = picture_of(FACES[3])
    (one,), (other,) = faces_on("yunet", grey), faces_on(with_sides(tmp_path, *sides), grey)
    assert np.abs(np.array(one[:3]) - other[:3]).max() < 8


def test_a_file_that_is_no_yunet(tmp_path):
    with pytest.raises(DataError, match=r"absent\.onnx does not exist"):
        load_detector(tmp_path / "absent.onnx")
    (tmp_path / "words.onnx").write_text("nothing")
    with pytest.raises(DataError, match=r"words\.onnx is not an ONNX file"):
        load_detector(tmp_path / "words.onnx")
    with pytest.raises(DataError, match=r"bundled\.onnx is not a YuNet"):
        load_detector(BUNDLED.with_suffix(".onnx"))


def test_a_detector_that_is_not_known():
    with pytest.raises(ParamError, match=r"must be yunet, haar or .* got 'harr'"):
        load_detector("harr")


def test_threads_find_the_same_faces():
    detector = load_detector("yunet")
    pictures = [np.repeat(picture_of(face)[..., None], 3, axis=2) for face in FACES] * 4
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(detector.find, pictures))
    assert together == [detector.find(picture) for picture in pictures]
