"""Feature extraction: pixels, HOG, and a frozen network."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, MobileNetV2Config, MobileNetV2Model

from ferflow.backbones.files import checked_name
from ferflow.backbones.kinds import known_config
from ferflow.core.errors import DataError, ParamError
from ferflow.core.hashing import sha256_of
from ferflow.core.split import load_split, save_split
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.features.extraction import Extractor, extract_features, extract_files, make_extractor
from ferflow.features.params import FeaturesParams

FACES = draw_faces(["happy", "sad", "fear", "angry", "neutral"], seed=0)
LEGAL = {
    "method": "hog",
    "joined": ["hog", "lbp"],
    "landmarks": None,
    "landmarks_sha256": None,
    "landmarks_size": 32,
    "backbone": "google/mobilenet_v2_1.0_224",
    "backbone_sha256": None,
    "input_size": 48,
    "pooling": "flatten",
    "batch_size": 2,
    "precision": "float32",
    "device": "cpu",
}


def settings(**changes):
    return FeaturesParams(**LEGAL | changes)


def network(folder, **changes):
    """Parameters that name the network in a local folder."""
    own = {"method": "backbone", "backbone": str(folder), "backbone_sha256": sha256_of(folder)}
    return settings(**own | changes)


@pytest.fixture(scope="module")
def tiny_network(tmp_path_factory):
    """The folder of a small MobileNetV2 with random weights large enough to tell inputs apart."""
    folder = tmp_path_factory.mktemp("networks") / "tiny"
    model = MobileNetV2Model(MobileNetV2Config(image_size=48, depth_multiplier=0.35)).eval()
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        if weight.ndim == 4:
            torch.nn.init.kaiming_normal_(weight, generator=generator)
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def broken_network(tiny_network, tmp_path):
    """A copy of the network for a test to damage."""
    return shutil.copytree(tiny_network, tmp_path / "broken")


def last_maps(folder, faces, mean=0.5, std=0.5):
    """The network's last maps (n, channel, height, width), computed without ferflow."""
    x = torch.from_numpy((faces / 255 - mean) / std).float()
    colours = torch.stack([x, x, x], dim=1)
    with torch.no_grad():
        return AutoModel.from_pretrained(folder).eval()(colours).last_hidden_state.numpy()


def written(split, folder, params=None):
    """The features of a split as the stage writes them."""
    save_split(folder / "images", split)
    extract_files({"train": folder / "images"}, folder, params or settings())
    return load_split(folder / "train.safetensors")


def test_pixels_hand_the_file_on(tmp_path, make_split):
    save_split(tmp_path / "images", make_split())
    extract_files({"train": tmp_path / "images"}, tmp_path, settings(method="pixels"))
    made = (tmp_path / "train.safetensors").read_bytes()
    assert made == (tmp_path / "images").read_bytes()


def test_pixels_are_the_grey_levels_themselves():
    features = extract_features(FACES, make_extractor(settings(method="pixels")))
    assert np.array_equal(features, FACES.reshape(len(FACES), -1))


def test_hog_gives_900_features_from_0_to_1():
    features = extract_features(FACES, make_extractor(settings()))
    assert (features.dtype, features.shape) == (np.float32, (len(FACES), 900))
    assert 0 <= features.min() < features.max() <= 1


def test_hog_is_deterministic_and_blind_to_batch_size():
    expected = extract_features(FACES, make_extractor(settings()))
    for size in (1, 2, 3, 5, 100):
        extractor = make_extractor(settings(batch_size=size))
        assert np.array_equal(extract_features(FACES, extractor), expected)


def test_hog_features_stand_in_columns_of_blocks():
    # Edges only in the right third: whatever comes first must be the left, empty columns.
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, ::4, 34:] = 255
    grid = extract_features(image, make_extractor(settings())).reshape(5, 5, 36)
    assert grid[:3].max() == 0
    assert grid[4].max() > 0


def test_a_file_of_features_holds_the_same_rows(tmp_path, make_split):
    split = make_split()
    features = written(split, tmp_path)
    assert np.array_equal(features.x, extract_features(split.x, make_extractor(settings())))
    for name in ("y", "source_id", "transform"):
        assert np.array_equal(getattr(features, name), getattr(split, name))
    assert features.labels == split.labels


def test_the_file_says_how_its_features_were_made(tmp_path, make_split):
    meta = written(make_split(), tmp_path).meta
    assert meta["data_set"] == "noise"
    assert meta["feature_shape"] == [5, 5, 36]
    assert settings(**meta["features"]) == settings()


def test_a_split_without_images_gives_features_without_rows(tmp_path, make_split):
    assert written(make_split(y=[]), tmp_path).x.shape == (0, 900)


def test_one_batch_at_a_time_is_extracted(make_split):
    sizes = []

    def extract(images):
        sizes.append(len(images))
        return np.zeros((len(images), 2), np.float32)

    extract_features(make_split().x, Extractor(extract, (2,), batch_size=4))
    assert sizes == [4, 2]


@pytest.mark.parametrize(
    ("pooling", "size", "shape"),
    [
        ("flatten", 48, (2, 2, 1280)),
        ("flatten", 96, (3, 3, 1280)),
        ("avg", 48, (1280,)),
        ("avg", 96, (1280,)),
    ],
)
def test_the_network_gives_maps_or_their_average(tiny_network, pooling, size, shape):
    extractor = make_extractor(network(tiny_network, pooling=pooling, input_size=size))
    assert extractor.shape == shape
    assert extract_features(FACES, extractor).shape == (len(FACES), np.prod(shape))


def test_flattening_goes_by_height_width_and_channel(tiny_network):
    maps = last_maps(tiny_network, FACES)
    expected = maps.transpose(0, 2, 3, 1).reshape(len(FACES), -1)
    assert expected.std() > 0.1  # else anything would be close
    features = extract_features(FACES, make_extractor(network(tiny_network)))
    assert np.allclose(features, expected, atol=1e-4)
    assert not np.allclose(features, maps.reshape(len(FACES), -1), atol=1e-2)


def test_averaging_goes_over_places(tiny_network):
    expected = last_maps(tiny_network, FACES).mean(axis=(2, 3))
    features = extract_features(FACES, make_extractor(network(tiny_network, pooling="avg")))
    assert np.allclose(features, expected, atol=1e-4)


def test_network_features_hardly_depend_on_batch_size(tiny_network):
    one, all_at_once = (
        extract_features(FACES, make_extractor(network(tiny_network, batch_size=size)))
        for size in (1, len(FACES))
    )
    assert np.allclose(one, all_at_once, atol=1e-4)


def test_bfloat16_agrees_to_its_precision(tiny_network):
    full, half = (
        extract_features(FACES, make_extractor(network(tiny_network, precision=precision)))
        for precision in ("float32", "bfloat16")
    )
    assert half.dtype == np.float32
    assert 0 < np.abs(full - half).mean() < 0.1 * full.std()


def test_the_normalisation_of_the_networks_own_file_is_used(tiny_network, broken_network):
    preprocessor = {"image_mean": [0.4] * 3, "image_std": [0.25] * 3}
    (broken_network / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    features = extract_features(FACES, make_extractor(network(broken_network, pooling="avg")))
    expected = last_maps(tiny_network, FACES, mean=0.4, std=0.25).mean(axis=(2, 3))
    assert np.allclose(features, expected, atol=1e-4)


def test_a_network_that_changed_is_refused(tiny_network):
    with pytest.raises(ParamError, match=r"tiny has the sha256.*ferflow use"):
        make_extractor(network(tiny_network, backbone_sha256="0" * 64))
    with pytest.raises(ParamError, match="written for the sha256 None; tiny"):
        make_extractor(network(tiny_network, backbone_sha256=None))


def test_a_tilde_is_the_home_folder(tiny_network, monkeypatch):
    monkeypatch.setenv("HOME", str(tiny_network.parent))
    name = f"~/{tiny_network.name}"
    assert checked_name(name, sha256_of(tiny_network), "features.backbone") == str(tiny_network)
    assert known_config(name) == json.loads((tiny_network / "config.json").read_text())


@pytest.mark.parametrize("name", ["/nowhere/network", "./network", "models/network", "~/nothing"])
def test_a_missing_folder_is_named(name):
    params = settings(method="backbone", backbone=name, backbone_sha256="0" * 64)
    with pytest.raises(DataError, match=f"there is no folder {name}"):
        make_extractor(params)


@pytest.mark.parametrize("name", ["google/no_such_network", "not a name"])
def test_a_hub_name_that_cannot_be_loaded_tells_the_cure(name):
    with pytest.raises(DataError, match=f"cannot load '{name}'.*without a network, a folder"):
        make_extractor(settings(method="backbone", backbone=name))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_a_device_is_refused(tiny_network):
    with pytest.raises(ParamError, match="torch sees no CUDA device"):
        make_extractor(network(tiny_network, device="cuda"))


def test_auto_takes_a_device_that_is_there(tiny_network):
    features = extract_features(FACES[:1], make_extractor(network(tiny_network, device="auto")))
    assert np.isfinite(features).all()


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_an_incomplete_folder_is_refused(broken_network, missing):
    (broken_network / missing).unlink()
    with pytest.raises(DataError, match="cannot load"):
        make_extractor(network(broken_network))


def test_a_damaged_weights_file_is_refused(broken_network):
    weights = broken_network / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    with pytest.raises(DataError, match="cannot load"):
        make_extractor(network(broken_network))


@pytest.mark.parametrize("fault", ["missing", "other shape"])
def test_weights_that_do_not_fit_are_refused_not_drawn_at_random(broken_network, fault):
    file = broken_network / "model.safetensors"
    weights = load_file(file)
    name = next(name for name, weight in weights.items() if weight.ndim == 4)
    if fault == "missing":
        del weights[name]
    else:
        weights[name] = torch.zeros(1, 1, 1, 1)
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(DataError, match=r"features\.backbone"):
        make_extractor(network(broken_network))


def test_a_damaged_normalisation_file_is_refused_not_replaced(broken_network):
    (broken_network / "preprocessor_config.json").write_text("{")
    with pytest.raises(DataError, match=r"preprocessor_config\.json is not valid"):
        make_extractor(network(broken_network))


def test_images_mapped_from_disk_give_the_same_features(tmp_path, make_split, tiny_network):
    split = replace(make_split(y=[0] * len(FACES)), x=FACES)
    save_split(tmp_path / "split", split)
    mapped = load_split(tmp_path / "split").x
    for params in (settings(), network(tiny_network)):
        extractor = make_extractor(params)
        assert np.array_equal(
            extract_features(mapped, extractor), extract_features(FACES, extractor)
        )
