"""Backbones of many kinds, each a tiny network with weights drawn: what works, what is refused."""

import json

import numpy as np
import pytest
import torch
import transformers
from test_features import FACES, network
from torch.nn import functional

from ferflow.backbones.levels import normalisation
from ferflow.core.errors import DataError, ParamError
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.core.split import save_split
from ferflow.features.extraction import extract_features, extract_files, make_extractor
from ferflow.images.seen import write_seen
from ferflow.settings.check import check_params
from ferflow.settings.presets import use

pytestmark = pytest.mark.usefixtures("one_thread")

VIT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
VIT |= {"intermediate_size": 32, "image_size": 96, "patch_size": 16}
TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50}
TEXT |= {"intermediate_size": 32, "max_position_embeddings": 8}
TOWERS = {"vision_config": VIT, "text_config": TEXT}
# class, config and tokens that are no places, of networks that take another size than their own
TOKENS = {
    "vit": ("ViT", {**VIT}, 1),
    "deit": ("DeiT", {**VIT}, 2),
    "vit_msn": ("ViTMSN", {**VIT}, 1),
    "ijepa": ("IJepa", {**VIT}, 0),
    "beit": ("Beit", {**VIT, "use_relative_position_bias": True}, 1),
    "dinov2": ("Dinov2", {**VIT}, 1),
    "dinov2_with_registers": ("Dinov2WithRegisters", {**VIT, "num_register_tokens": 4}, 5),
    "clip_vision": ("CLIPVision", {**VIT}, 1),
    "siglip_vision": ("SiglipVision", {**VIT}, 0),
    "clip": ("CLIP", TOWERS, 1),
    "siglip": ("Siglip", TOWERS, 0),
    "yolos": ("Yolos", {**VIT, "num_detection_tokens": 7, "image_size": [96, 96]}, 8),
}
SWIN = {"embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 6}
PVT = {"hidden_sizes": [8, 16, 16, 32], "depths": [1] * 4, "num_attention_heads": [1, 2, 2, 2]}
OWN_SIZE = {
    "swin": ("Swin", {**SWIN, "image_size": 96}),
    "hiera": ("Hiera", {"image_size": [224, 224], "embed_dim": 8, "depths": [1, 1, 1, 1]}),
    "pvt": ("Pvt", {**PVT, "image_size": 96}),
    "levit": (
        "Levit",
        {"image_size": 96, "hidden_sizes": [16, 24, 32], "depths": [1, 1, 1]}
        | {"num_attention_heads": [2, 2, 2], "key_dim": [8, 8, 8]},
    ),
}


def save(folder, kind, config, model="Model"):
    """The folder of a network of transformers with weights drawn."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = getattr(transformers, f"{kind}{model}")(
            getattr(transformers, f"{kind}Config")(**config)
        )
    made.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("size", [48, 64])
def test_tokens_at_another_size_and_the_mean_over_places(tmp_path, kind, size):
    name, config, n_others = TOKENS[kind]
    folder = save(tmp_path / kind, name, config)
    flat = make_extractor(network(folder, input_size=size))
    n_places = (size // 16) ** 2
    assert flat.shape == (n_places + n_others, 16)
    tokens = extract_features(FACES, flat).reshape(len(FACES), *flat.shape)
    places = tokens[:, 1 : 1 + n_places] if kind == "yolos" else tokens[:, n_others:]
    pooled = make_extractor(network(folder, input_size=size, pooling="avg"))
    assert np.allclose(extract_features(FACES, pooled), places.mean(axis=1), atol=1e-5)


def test_positions_are_interpolated_as_transformers_does(tmp_path):
    folder = save(tmp_path / "vit", "ViT", VIT)
    x = functional.interpolate(torch.from_numpy(FACES)[:, None].float(), (64, 64), mode="bilinear")
    x = (x.expand(-1, 3, -1, -1) / 255 - 0.5) / 0.5
    with torch.no_grad():
        theirs = transformers.ViTModel.from_pretrained(folder).eval()
        expected = theirs(x, interpolate_pos_encoding=True).last_hidden_state
    found = extract_features(FACES, make_extractor(network(folder, input_size=64)))
    assert np.allclose(found, expected.flatten(1), atol=1e-5)


def test_the_vision_tower_alone_is_what_its_own_class_reads(tmp_path, capfd):
    folder = save(tmp_path / "clip", "CLIP", TOWERS)
    transformers.CLIPVisionModel.from_pretrained(folder).save_pretrained(tmp_path / "tower")
    capfd.readouterr()
    both, tower = (
        extract_features(FACES, make_extractor(network(each)))
        for each in (folder, tmp_path / "tower")
    )
    assert np.array_equal(both, tower)
    assert "UNEXPECTED" not in capfd.readouterr().err


@pytest.mark.parametrize("kind", OWN_SIZE)
def test_one_that_takes_its_own_size_alone_says_so_before_anything_runs(tmp_path, kind):
    name, config = OWN_SIZE[kind]
    folder = save(tmp_path / kind, name, config)
    size = np.ravel(config["image_size"])[0]
    line = rf"takes only images of {size}x{size} pixels; .*Set features\.input_size to {size}"
    with pytest.raises(ParamError, match=line):
        make_extractor(network(folder, input_size=64))
    with pytest.raises(ParamError, match=line) as caught:
        check_params(params_with(folder, input_size=64))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("kind", ["swin", "pvt"])
def test_at_its_own_size_it_works(tmp_path, kind):
    name, config = OWN_SIZE[kind]
    folder = save(tmp_path / kind, name, config)
    flat = make_extractor(network(folder, input_size=96))
    tokens = extract_features(FACES, flat).reshape(len(FACES), *flat.shape)
    n_others = int(kind == "pvt")
    pooled = make_extractor(network(folder, input_size=96, pooling="avg"))
    found = extract_features(FACES, pooled)
    assert np.allclose(found, tokens[:, n_others:].mean(axis=1), atol=1e-5)


def params_with(folder, **features):
    params = read_yaml(PARAMS_FILE)
    own = {"method": "backbone", "backbone": str(folder)}
    return params | {"features": params["features"] | own | features}


@pytest.mark.usefixtures("workplace")
def test_use_and_check_refuse_what_cannot_work(tmp_path):
    folder = save(tmp_path / "swin", *OWN_SIZE["swin"])
    settings = {"features.backbone": str(folder), "features.input_size": 64}
    with pytest.raises(ParamError, match=r"features\.input_size to 96"):
        use("quickstart", settings)
    use("quickstart", settings | {"features.input_size": 96})
    options = {"backbone": str(folder), "input_size": 64}
    with pytest.raises(ParamError, match=r"train\.network\.options\.input_size to 96"):
        use("finetune", {"data.path": str(tmp_path), "train.network.options": options})


def test_masks_drawn_anew_are_refused(tmp_path):
    mae = {"decoder_hidden_size": 16, "decoder_num_hidden_layers": 1}
    mae |= {"decoder_num_attention_heads": 2, "decoder_intermediate_size": 32}
    folder = save(tmp_path / "mae", "ViTMAE", VIT | mae)
    for refuse in (
        lambda: make_extractor(network(folder, input_size=96)),
        lambda: check_params(params_with(folder, input_size=96)),
    ):
        with pytest.raises(ParamError, match=r"\(vit_mae\) masks random patches"):
            refuse()


def test_any_network_whose_two_calls_differ_is_refused(tmp_path, monkeypatch):
    folder = save(tmp_path / "vit", "ViT", VIT)
    forward = transformers.ViTModel.forward

    def noisy(self, pixel_values, interpolate_pos_encoding=False):
        noise = torch.rand_like(pixel_values)
        return forward(
            self, pixel_values + noise, interpolate_pos_encoding=interpolate_pos_encoding
        )

    monkeypatch.setattr(transformers.ViTModel, "forward", noisy)
    with pytest.raises(DataError, match="different features for the same images from call to call"):
        make_extractor(network(folder))


def test_a_network_of_timm_says_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setattr("ferflow.backbones.kinds.find_spec", lambda _: None)
    config = {"architecture": "resnet18", "model_type": "timm_wrapper", "pretrained_cfg": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ParamError, match="it needs the packages timm and torchvision") as caught:
        check_params(params_with(tmp_path))
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(ParamError, match="it needs the packages timm and torchvision"):
        make_extractor(network(tmp_path))


MOBILEVIT = {"feature_extractor_type": "MobileViTFeatureExtractor", "do_flip_channel_order": True}
HALVES = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3}


@pytest.mark.parametrize(
    ("settings", "black", "white"),  # what they are to the network
    [
        ({}, -1, 1),
        (HALVES, -2, 2),
        (HALVES | {"do_normalize": False}, 0, 1),
        (HALVES | {"do_rescale": False, "do_normalize": False}, 0, 255),
        (HALVES | {"rescale_factor": 1 / 127.5}, -2, 6),
        (HALVES | {"rescale_factor": 1 / 127.5, "rescale_offset": True}, -6, 2),
        (MOBILEVIT, 0, 1),
        ({"image_processor_type": "ViTImageProcessor", **HALVES}, -2, 2),
        ({"image_processor_type": "NoSuchProcessor", **HALVES}, -2, 2),
        (
            {"image_processor_type": "EfficientNetImageProcessor", "rescale_offset": True}
            | {"rescale_factor": 1 / 127.5, "do_normalize": False, "include_top": False},
            -1,
            1,
        ),
    ],
)
def test_grey_levels_become_what_the_processor_makes_of_them(tmp_path, settings, black, white):
    if settings:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    mean, std = normalisation(str(tmp_path), 3)
    assert ((0 - mean) / std).flatten().tolist() == pytest.approx([black] * 3, abs=1e-5)
    assert ((1 - mean) / std).flatten().tolist() == pytest.approx([white] * 3, rel=1e-5)


@pytest.mark.parametrize("method", ["backbone", "joined"])
def test_images_that_the_network_was_trained_on_are_refused(
    tmp_path, make_split, monkeypatch, method
):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    folder = save(tmp_path / "vit", "ViT", VIT)
    split = make_split()
    write_seen(folder, split.x)
    save_split(tmp_path / "images", split)
    params = network(folder, method=method, joined=["backbone", "hog"])
    with pytest.raises(DataError, match="was trained on 100% of the images in train"):
        extract_files({"train": tmp_path / "images"}, tmp_path / "out", params)
    assert not (tmp_path / "out").exists()
