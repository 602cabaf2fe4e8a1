"""The architectures: sizes that the papers print, Keras' meaning of their layers."""

import numpy as np
import pytest
import torch
from torch import nn

from ferflow.core.errors import ParamError
from ferflow.settings import network_sizes as module
from ferflow.settings.measure_network import measure
from ferflow.settings.network_sizes import TABLE, explain, network_sizes, table_text
from ferflow.training.families.network import architecture_names, build_network, check_options
from ferflow.training.families.network.layers import (
    Conv2d,
    Dropout,
    Flatten,
    Repeat,
    batch_norm,
    initialise,
)


@pytest.mark.parametrize(
    ("name", "options", "trainable", "fixed"),
    [
        ("fernet", {}, 879_623, 0),
        ("sepconv", {}, 3_931_975 - 2_944, 2_944),
        ("sepconv", {"dense": [512, 256]}, 4_062_535 - 3_456, 3_456),
        ("littlevgg", {}, 1_326_567, 2_176),
        ("allconv", {}, 1_662_343, 0),
    ],
)
def test_a_papers_network_has_as_many_parameters_as_the_paper_says(name, options, trainable, fixed):
    assert measure(build_network(name, 7, options))[:2] == (trainable, fixed)


def test_multiply_adds_are_those_counted_by_hand():
    network = nn.Sequential(Conv2d(1, 2, 3), nn.MaxPool2d(2), Flatten(), nn.Linear(1152, 7))
    assert measure(network)[2] == 48 * 48 * 2 * 9 + 1152 * 7


def test_the_all_convolutional_net_costs_what_its_strides_save():
    assert measure(build_network("allconv", 7, {}))[2] / 1e6 == pytest.approx(671, abs=1)


@pytest.mark.parametrize("name", sorted(set(architecture_names()) - {"finetune"}))
def test_every_network_maps_faces_to_scores_and_can_learn_ten_of_them(name):
    torch.manual_seed(0)
    network = build_network(name, 7, {})
    y = torch.arange(10) % 7
    bands = (torch.arange(48) // 7)[:, None] == y[:, None, None, None]  # a bright one for a class
    x = 0.2 * torch.rand(10, 1, 48, 48) + 0.8 * bands
    assert network.eval()(x).shape == (10, 7)
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    optimizer = torch.optim.Adam(network.train().parameters(), 1e-3)
    for _ in range(150):
        loss = nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.1:
            break
    assert loss < 0.5


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "first"),
    [(48, 3, 1, 1), (48, 3, 2, 0), (47, 3, 2, 1), (48, 5, 2, 1)],
)
def test_same_padding_is_kerass(side, kernel, stride, first):
    """The first output of a kernel of ones tells how many zeros stand before the image."""
    conv = Conv2d(1, 1, kernel, stride=stride)
    nn.init.ones_(conv.weight)
    nn.init.zeros_(conv.bias)
    out = conv(torch.ones(1, 1, side, side))
    assert out.shape[-1] == -(-side // stride)
    assert out[0, 0, 0, 0] == (kernel - first) ** 2


def test_valid_padding_pads_nothing():
    assert Conv2d(1, 1, 3, padding="valid")(torch.ones(1, 1, 48, 48)).shape[-1] == 46


def test_a_map_is_flattened_by_height_width_channel():
    x = torch.arange(24).view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
    assert (
        Flatten()(x)[0].tolist()
        == np.arange(24).reshape(2, 3, 4).transpose(1, 2, 0).ravel().tolist()
    )


def test_repeat_shows_the_same_map_in_every_channel():
    assert Repeat(3)(torch.rand(2, 1, 4, 4)).std(dim=1).max() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("share", "left_out"), [(0.25, 64), (0.2, 51), (0.5, 128), (0.999, 255)])
def test_dropout_leaves_out_its_share_and_scales_the_rest(share, left_out, dtype):
    torch.manual_seed(0)
    x = torch.ones(41, 7, 31, 29, dtype=dtype).contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    out = Dropout(share)(x)
    assert out.dtype == dtype
    assert out.stride() == x.stride()
    scale = torch.tensor(256 / (256 - left_out), dtype=dtype).item()
    assert out.unique().tolist() == [0, scale]
    assert (out == 0).double().mean().item() == pytest.approx(left_out / 256, abs=0.003)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


def test_dropout_is_drawn_value_by_value_from_torchs_stream():
    layer, x = Dropout(0.5), torch.ones(400, 333)
    torch.manual_seed(3)
    first, second = layer(x), layer(x)
    torch.manual_seed(3)
    assert torch.equal(first, layer(x))
    for other in (second, first.roll(1, 0), first.roll(1, 1), first.roll(8, 1)):
        assert (first == other).double().mean().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("layer", [Dropout(0.5).eval(), Dropout(0.0)])
def test_dropout_leaves_all_in_where_it_must(layer):
    x = torch.rand(3, 4)
    assert torch.equal(layer(x), x)


def test_batch_norm_has_kerass_constants():
    layer = batch_norm(4)
    assert (layer.eps, layer.momentum) == (1e-3, pytest.approx(0.01))


def test_first_weights_are_glorots_and_biases_zero():
    network = nn.Sequential(nn.Linear(300, 100))
    initialise(network)
    bound = (6 / 400) ** 0.5
    assert network[0].weight.abs().max() <= bound
    assert network[0].weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert not network[0].bias.any()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("fernet", {"dropout": [0.5, 0.5]}, "a list of 3 entries"),
        ("fernet", {"dropout": [0.5, 0.5, 1.0]}, "below 1"),
        ("allconv", {"dropout": "six"}, "'eight' or 'three'"),
        ("littlevgg", {"width": 3}, "Legal in this section: none"),
        ("resnet", {"depth": [1]}, "Legal in this section: embedding_size, hidden_sizes"),
    ],
)
def test_an_illegal_option_is_refused_with_those_that_are_legal(name, options, words):
    with pytest.raises(ValueError, match="options") as caught:
        check_options(name, options)
    assert words in str(caught.value)


def test_the_list_names_every_papers_presets():
    found = {preset: size for size in network_sizes() for preset in size.presets}
    assert found["sepconv-ckplus"].trainable + found["sepconv-ckplus"].fixed == 4_062_535
    assert found["widekernel"].papers == ("two-cnns",)
    assert {"fernet", "littlevgg", "best"} <= set(found)


def test_the_table_for_those_without_torch_holds_what_is_measured(monkeypatch):
    """Where it does not: `python -m ferflow.settings.network_sizes` writes it anew."""
    measured = network_sizes()
    assert TABLE.read_text(encoding="utf-8") == table_text(measured)
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert network_sizes() == measured


def test_an_architecture_is_explained_and_a_misspelt_one_refused():
    assert "three" in explain("allconv") and "data.size" not in explain("allconv")
    assert explain("fernet").endswith("data.size: 48 to 63, the sides in pixels that it takes")
    with pytest.raises(ParamError, match="Did you mean 'sepconv'"):
        explain("sepcon")


def test_the_networks_that_come_with_ferflow_are_light():
    found = {name: size for size in network_sizes() for name in size.presets}
    assert found["bundled"].multiply_adds <= 138.2e6
    assert found["small"].multiply_adds <= 40e6
