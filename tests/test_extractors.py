"""Local binary patterns, landmarks by a network of the user's, and extractors side by side."""

import cv2
import numpy as np
import pytest
from onnx_file import linear_network
from test_features import FACES, settings

from ferflow.core.errors import DataError, ParamError
from ferflow.core.hashing import sha256_of
from ferflow.features.extraction import extract_features, make_extractor
from ferflow.features.extractors.lbp import codes
from ferflow.settings.check import check_params
from ferflow.settings.presets import use

SIZE = 32


def points(file, **changes):
    own = {"method": "landmarks", "landmarks": str(file), "landmarks_sha256": sha256_of(file)}
    return settings(**own | {"landmarks_size": SIZE} | changes)


def weights(channels, n_landmarks, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(channels * SIZE * SIZE, 2 * n_landmarks)).astype(np.float32)


def slow_code(image, row, column):
    """Ojala's definition, pixel by pixel."""
    wider = np.pad(image.astype(int), 1, mode="edge")
    around = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    return sum(
        (wider[row + down, column + right] >= image[row, column]) << bit
        for bit, (down, right) in enumerate(around)
    )


def test_codes_are_as_defined():
    found = codes(FACES[:2])
    for row, column in [(0, 0), (0, 47), (47, 20), (13, 29), (30, 1)]:
        assert found[1, row, column] == slow_code(FACES[1], row, column)


def test_lbp_gives_the_shares_of_each_cells_patterns():
    features = extract_features(FACES, make_extractor(settings(method="lbp")))
    assert (features.dtype, features.shape) == (np.float32, (len(FACES), 6 * 6 * 59))
    assert np.allclose(features.reshape(len(FACES), 36, 59).sum(axis=2), 1)


def test_lbp_is_blind_to_light_and_not_to_place():
    extractor = make_extractor(settings(method="lbp"))
    dark = (FACES // 2).repeat(1, axis=0)
    bright = (FACES // 2) + 100
    assert np.array_equal(extractor.extract(dark), extractor.extract(bright))
    image = np.full((1, 48, 48), 100, np.uint8)
    image[0, 20, 10] = 200  # cell (2, 1)
    flat, spot = extractor.extract(np.full((1, 48, 48), 100, np.uint8)), extractor.extract(image)
    assert {tuple(place[:2]) for place in np.argwhere(flat[0] != spot[0])} == {(2, 1)}


def test_lbp_has_a_bin_for_each_uniform_pattern():
    """58 codes change at most twice around the circle; all others share the last bin."""
    from ferflow.features.extractors.lbp import _uniform_bins

    bins = _uniform_bins()
    changes = [bin(c ^ (c >> 1 | (c & 1) << 7)).count("1") for c in range(256)]
    assert sorted(set(bins)) == list(range(59))
    assert (bins == 58).sum() == 256 - 58
    assert all((bins[c] == 58) == (changes[c] > 2) for c in range(256))


def test_joined_extractors_stand_side_by_side():
    joined = make_extractor(settings(method="joined", joined=["lbp", "pixels", "hog"]))
    features = extract_features(FACES, joined)
    alone = [
        extract_features(FACES, make_extractor(settings(method=name)))
        for name in ("lbp", "pixels", "hog")
    ]
    assert np.array_equal(features, np.concatenate(alone, axis=1))
    assert joined.shape == (2124 + 2304 + 900,)


@pytest.mark.parametrize("joined", [[], ["hog"], ["hog", "hog"]])
def test_joining_needs_two_different_extractors(joined):
    with pytest.raises(ValueError, match="two or more different"):
        settings(method="joined", joined=joined)


def test_a_joined_extractor_of_no_such_name_is_refused():
    with pytest.raises(ValueError, match=r"must be one of backbone, hog,.*got 'sift'"):
        settings(method="joined", joined=["hog", "sift"])


@pytest.mark.parametrize("channels", [1, 3])
def test_landmarks_are_the_networks_in_the_faces_own_frame(tmp_path, channels):
    w = weights(channels, 5)
    file = linear_network(tmp_path / "points.onnx", w, channels, SIZE)
    extractor = make_extractor(points(file))
    assert extractor.shape == (5, 2)
    found = extractor.extract(FACES)
    for image, features in zip(FACES, found, strict=True):
        face = cv2.resize(image, (SIZE, SIZE)).astype(np.float32) / 255
        expected = (np.stack([face] * channels).ravel() @ w).reshape(5, 2)
        expected = expected - expected.mean(axis=0)
        expected /= np.sqrt((expected**2).sum(axis=1).mean())
        assert np.allclose(features, expected, atol=1e-3)
    assert np.allclose(found.mean(axis=1), 0, atol=1e-5)


def test_landmarks_join_other_features(tmp_path):
    file = linear_network(tmp_path / "points.onnx", weights(1, 4), 1, SIZE)
    extractor = make_extractor(points(file, method="joined", joined=["landmarks", "hog"]))
    assert extract_features(FACES, extractor).shape == (len(FACES), 8 + 900)


def test_landmarks_without_a_file_are_refused_with_the_cure():
    for changes in ({"method": "landmarks"}, {"method": "joined", "joined": ["hog", "landmarks"]}):
        with pytest.raises(ValueError, match=r"ONNX.*--set features\.landmarks=FILE"):
            settings(**changes)


@pytest.mark.usefixtures("workplace")
def test_use_names_the_cure_and_writes_the_fingerprint(tmp_path):
    with pytest.raises(ParamError, match=r"--set features\.landmarks=FILE") as caught:
        use("quickstart", {"features.method": "landmarks"})
    assert len(str(caught.value).splitlines()) == 1
    file = linear_network(tmp_path / "points.onnx", weights(1, 4), 1, SIZE)
    use("quickstart", {"features.method": "landmarks", "features.landmarks": str(file)})
    from ferflow.core.params import PARAMS_FILE, read_yaml

    params = read_yaml(PARAMS_FILE)
    check_params(params)
    assert params["features"]["landmarks_sha256"] == sha256_of(file)
    with pytest.raises(DataError, match="is not here"):
        use("quickstart", {"features.method": "landmarks", "features.landmarks": "no.onnx"})


def test_a_network_that_changed_is_refused(tmp_path):
    file = linear_network(tmp_path / "points.onnx", weights(1, 4), 1, SIZE)
    params = points(file)
    linear_network(file, weights(1, 4, seed=1), 1, SIZE)
    with pytest.raises(ParamError, match=r"features\.landmarks: .* points\.onnx has the sha256"):
        make_extractor(params)


def test_a_file_that_is_no_network_is_refused_in_one_line(tmp_path, capfd):
    file = tmp_path / "points.onnx"
    file.write_bytes(b"no network")
    with pytest.raises(DataError, match=r"OpenCV cannot read points\.onnx as an ONNX") as caught:
        make_extractor(points(file))
    assert len(str(caught.value).splitlines()) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_of_another_input_is_refused_in_one_line(tmp_path, capfd, channels):
    file = linear_network(tmp_path / "points.onnx", weights(channels, 4), channels, SIZE)
    with pytest.raises(
        DataError, match=r"40x40 pixels, .*features\.landmarks_size must be"
    ) as caught:
        make_extractor(points(file, landmarks_size=40))
    assert len(str(caught.value).splitlines()) == 1
    assert capfd.readouterr() == ("", "")


def test_a_network_of_another_output_is_refused(tmp_path):
    file = linear_network(tmp_path / "points.onnx", weights(1, 4), 1, SIZE, extra_output=True)
    with pytest.raises(DataError, match=r"must have one output .* it has"):
        make_extractor(points(file))
    odd = np.zeros((SIZE * SIZE, 7), np.float32)
    linear_network(file, odd, 1, SIZE)
    with pytest.raises(DataError, match=r"it has \(1, 7\)"):
        make_extractor(points(file))


def test_a_recognizer_finds_the_network_elsewhere(tmp_path):
    """MLflow keeps a copy of the network beside the model."""
    from ferflow.recognition.face_classifier import _feature_maker

    file = linear_network(tmp_path / "points.onnx", weights(1, 4), 1, SIZE)
    meta = {"features": points(file).model_dump()}
    expected = _feature_maker(meta, {})(FACES)
    copy = file.rename(tmp_path / "copy.onnx")
    assert np.array_equal(
        _feature_maker(meta, {"landmarks": copy, "backbone": None})(FACES), expected
    )
