"""`finetune`: any image backbone of `transformers`, trained further end to end, and kept."""

import json
import shutil

import numpy as np
import pytest
import torch
from network_data import faces, params
from training_rows import training_data
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    MobileNetV2Config,
    MobileNetV2Model,
    ResNetConfig,
    ResNetModel,
    ViTConfig,
    ViTModel,
)

from ferflow.core.errors import DataError, ParamError
from ferflow.core.hashing import sha256_of
from ferflow.training.families.network import build_network
from ferflow.training.families.network.family import fit, load, predict_proba, save

TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
NETWORKS = {  # one ends in maps, the other in tokens, and its folder lacks the pooler
    "resnet": lambda: ResNetModel(
        ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ),
    "vit": lambda: ViTModel(
        ViTConfig(**TINY, intermediate_size=32, image_size=32, patch_size=8),
        add_pooling_layer=False,
    ),
}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=NETWORKS)
def backbone(request, tmp_path_factory):
    """The folder of a tiny backbone with weights drawn, and constants of its own."""
    folder = tmp_path_factory.mktemp("backbones") / request.param
    with torch.random.fork_rng():
        torch.manual_seed(0)
        NETWORKS[request.param]().save_pretrained(folder)
    constants = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 0.3]}
    (folder / "preprocessor_config.json").write_text(json.dumps(constants))
    return folder


@pytest.fixture
def resnet(tmp_path):
    """A folder of a tiny backbone for a test to damage."""
    NETWORKS["resnet"]().save_pretrained(tmp_path / "resnet")
    return tmp_path / "resnet"


def finetuned(folder, **changes):
    """Ten epochs, or other parameters, on a backbone in a folder."""
    options = {"backbone": str(folder), "backbone_sha256": sha256_of(folder), "input_size": 32}
    settings = {"architecture": "finetune", "options": options | changes.pop("options", {})}
    settings |= {"optimizer": "adam", "learning_rate": 0.01, "epochs": 10, "input": "unit"}
    rows = training_data(*faces(), val=faces(30, 1))
    return fit(rows, params(**settings | changes), 0)


def test_a_backbone_learns_is_kept_and_comes_back_without_its_folder(backbone, tmp_path):
    folder = shutil.copytree(backbone, tmp_path / "backbone")
    found = finetuned(folder)
    x, y = faces(100, 2)
    p = predict_proba(found.model, x, 7)
    assert (p.argmax(axis=1) == y).mean() > 0.8
    kept = tmp_path / "kept"
    kept.mkdir()
    save(found.model, kept)
    shutil.rmtree(folder)
    loaded = load(kept)
    assert loaded.architecture == "finetune"
    assert np.array_equal(predict_proba(loaded, x, 7), p)


def test_the_backbone_itself_is_trained_and_stays_one_of_transformers(backbone, tmp_path):
    save(finetuned(backbone, epochs=2).model, tmp_path)
    before, after = (AutoModel.from_pretrained(f).state_dict() for f in (backbone, tmp_path))
    assert before.keys() == after.keys()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    weights = {name for name in before if name.endswith("weight") and before[name].ndim > 1}
    assert weights - {"pooler.dense.weight"} <= set(changed), "nothing reads what is pooled"
    constants = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert constants["image_mean"] == pytest.approx([0.4, 0.5, 0.6])


def test_faces_are_scaled_and_normalised_as_the_backbone_expects(backbone):
    network = finetuned(backbone, epochs=1).model.network
    seen = []
    network.backbone.register_forward_pre_hook(
        lambda _, __, named: seen.append(named["pixel_values"]), with_kwargs=True
    )
    network(torch.full((2, 1, 24, 24), 0.8))
    assert seen[0].shape == (2, 3, 32, 32)
    expected = [(0.8 - mean) / std for mean, std in ((0.4, 0.2), (0.5, 0.25), (0.6, 0.3))]
    assert seen[0].mean(dim=(0, 2, 3)).tolist() == pytest.approx(expected, abs=1e-5)


def test_the_statistics_of_the_pretraining_are_kept_and_hold_in_training_too(resnet):
    network = finetuned(resnet, epochs=2, options={"dropout": 0.5}).model.network
    before, after = (
        {name: tensor for name, tensor in each.items() if "running" in name}
        for each in (AutoModel.from_pretrained(resnet).state_dict(), network.backbone.state_dict())
    )
    assert before
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert network.train().dropout.training, "only batch norm is left out"
    x = torch.rand(4, 3, 32, 32)
    in_training = network.backbone(pixel_values=x).last_hidden_state
    assert torch.equal(in_training, network.eval().backbone(pixel_values=x).last_hidden_state)


def test_running_statistics_are_of_many_batches_where_they_are_not_kept(tmp_path):
    """MobileNetV2, as `transformers` builds it, keeps 0.3 % of what went before a batch."""
    folder = tmp_path / "mobilenet"
    theirs = MobileNetV2Model(MobileNetV2Config(depth_multiplier=0.1, image_size=32))
    theirs.save_pretrained(folder)
    options = {"backbone": str(folder), "backbone_sha256": sha256_of(folder), "input_size": 32}
    network = build_network("finetune", 7, options | {"keep_statistics": False})
    assert momenta(theirs) == {0.997}
    assert momenta(network) == {0.01}
    norm = next(layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d))
    before = norm.running_var.clone()
    network.train()(torch.rand(4, 1, 48, 48))
    assert torch.allclose(norm.running_var, before, rtol=0.02)


def momenta(network):
    layers = network.modules()
    return {layer.momentum for layer in layers if isinstance(layer, torch.nn.BatchNorm2d)}


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    options = {"backbone": str(tmp_path / "none"), "backbone_sha256": None}
    with pytest.raises(DataError, match=r"train\.network\.options\.backbone: there is no folder"):
        finetuned(tmp_path, options=options)


def test_a_backbone_that_changed_is_refused(resnet):
    with pytest.raises(ParamError, match="sha256"):
        finetuned(resnet, options={"backbone_sha256": "0" * 64})


def test_damaged_or_lacking_weights_are_refused(resnet):
    weights = resnet / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot load"):
        finetuned(resnet)
    weights.rename(resnet / "pytorch_model.bin")  # what may hold code is not looked at
    with pytest.raises(DataError, match=r"model\.safetensors"):
        finetuned(resnet)


def test_a_network_that_reads_no_images_is_refused(tmp_path):
    BertModel(BertConfig(**TINY, vocab_size=50, intermediate_size=32)).save_pretrained(tmp_path)
    with pytest.raises(ParamError, match="cannot take images of 32x32 pixels") as caught:
        finetuned(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_another_size_than_the_backbones_own_is_taken(tmp_path):
    NETWORKS["vit"]().save_pretrained(tmp_path)
    model = finetuned(tmp_path, epochs=1, options={"input_size": 48}).model
    assert predict_proba(model, faces(2, 2)[0], 7).shape == (2, 7)
