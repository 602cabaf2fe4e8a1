"""Augmentation beside Keras': the numbers are Keras' own, written by benchmarks/keras_images.py."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ferflow.settings.presets import KERAS, load_preset, preset_names
from ferflow.training.shared.batch_augmentation import generator_maps, make_augmentation
from ferflow.training.shared.policy import check_policy

KEPT = json.loads((Path(__file__).parent / "kept/keras_images.json").read_text())
SIZE = (48, 48)


def kept_maps(generation):
    """(drawn parameters by name, maps (n, 2, 3)) of a generation of ImageDataGenerator."""
    table = np.array(KEPT[generation])
    names = KEPT["columns"]
    drawn = {name: table[:, i] for i, name in enumerate(names[:6])}
    return drawn, table[:, 6:].reshape(-1, 2, 3)


def ours(drawn):
    shift, stretch = (
        torch.tensor(np.stack([drawn[a], drawn[b]], 1)) for a, b in (("tx", "ty"), ("zx", "zy"))
    )
    theta, shear = torch.tensor(drawn["theta"]), torch.tensor(drawn["shear"])
    return generator_maps(theta, shift, shear, stretch, SIZE).numpy()


def batch(policy, x, seed=0):
    torch.manual_seed(seed)
    return make_augmentation(check_policy(policy))(x)


def drawn_for(policy, x):
    """What the affine layer of a policy draws first: degrees, shift, shear, factors."""
    torch.manual_seed(0)
    (layer,) = make_augmentation(check_policy(policy))
    return layer.draw(x)


def test_a_thousand_maps_are_those_of_keras_3():
    drawn, maps = kept_maps("new")
    assert len(maps) == 1000
    assert np.abs(ours(drawn) - maps).max() < 1e-4  # pixels; Keras' numbers are rounded to 1e-6


def test_the_old_generator_swaps_the_axes_and_turns_about_a_point_one_pixel_off():
    """It reads rows before columns, and its centre is (24.5, 24.5); ours is the true one, 23.5."""
    drawn, maps = kept_maps("old")
    swapped = ours(drawn)[:, ::-1][:, :, [1, 0, 2]].copy()
    swapped[:, :, 2] += np.ones(2) - swapped[:, :, :2] @ np.ones(2)
    assert np.abs(swapped - maps).max() < 1e-4
    assert np.abs(ours(drawn) - maps)[:, :, 2].max() > 0.5


def test_a_batch_is_resampled_by_those_maps():
    """A blot lies in the copy where its map says."""
    place = torch.arange(49.0) - 24
    blot = torch.exp(-((place[:, None] - 6) ** 2 + (place[None, :] + 8) ** 2) / 8)
    x = blot.expand(50, 1, 49, 49).contiguous()
    policy = [{"rotation_degrees": 40}, {"shear_degrees": 20}, "stretch_share", "shift_share"]
    maps = generator_maps(*drawn_for(policy, x), (49, 49))
    copies = batch(policy, x)[:, 0]
    weights = copies / copies.sum((1, 2), keepdim=True)
    seen = torch.stack(
        [(weights * place[None, None, :]).sum((1, 2)), (weights * place[None, :, None]).sum((1, 2))]
    ).T
    shown = maps[:, :, :2] @ (seen + 24)[:, :, None] + maps[:, :, 2:]
    assert (shown[:, :, 0] - 24 - torch.tensor([-8.0, 6.0])).abs().max() < 0.1


def test_the_stretch_and_the_shear_of_paper_4_are_keras():
    low, high, mean = KEPT["spread"]["stretch_low_high_mean"]
    assert (low, high, mean) == pytest.approx((0.670, 1.493, 1.150), abs=0.005)
    assert KEPT["spread"]["shear_off_diagonal"] <= 0.0035
    x = torch.rand(4000, 1, 4, 4)
    _, _, shear, stretch = drawn_for(["stretch_share", {"shear_degrees": 0.2}], x)
    ratio = stretch[:, 0] / stretch[:, 1]
    assert float(ratio.min()) == pytest.approx(low, abs=0.01)
    assert float(ratio.max()) == pytest.approx(high, abs=0.02)
    assert float(torch.maximum(ratio, 1 / ratio).mean()) == pytest.approx(mean, abs=0.01)
    slanted = torch.sin(torch.deg2rad(shear)).abs()
    assert 0.0033 < float(slanted.max()) <= 0.00350


def test_a_zoom_has_one_factor_as_the_layer_but_the_other_way_round():
    found = KEPT["random_zoom"]
    assert found["one_factor"]
    assert found["fill_mode"] == "reflect"
    assert (found["low"], found["high"]) == pytest.approx((0.8, 1.2), abs=0.001)
    assert found["area_at_1.2"] == pytest.approx(1 / 1.44, abs=0.03)  # above 1 shrinks
    _, _, _, scale = drawn_for(["zoom_share"], torch.rand(4000, 1, 4, 4))
    assert torch.equal(scale[:, 0], scale[:, 1])
    assert (float(scale.min()), float(scale.max())) == pytest.approx((0.8, 1.2), abs=0.001)


@pytest.mark.parametrize("generation", ["old", "new"])
def test_brightness_is_keras_to_two_grey_levels(generation):
    """Keras cuts to whole levels twice: before the factor and after it."""
    for row in KEPT["brightness"]:
        factors = {"brightness_factors": [row["factor"]] * 2}
        policy = ["stretch_levels", factors] if generation == "old" else [factors]
        x = torch.tensor(row["levels"]).reshape(1, 1, 4, 4) / 255
        found = (batch(policy, x) * 255).flatten()
        assert (found - torch.tensor(row[generation])).abs().max() < 2.6, row


def test_stretched_levels_span_everything_and_a_flat_image_is_black():
    x = torch.stack([torch.linspace(0.2, 0.4, 16), torch.full((16,), 0.5)]).reshape(2, 1, 4, 4)
    found = batch(["stretch_levels", {"brightness_factors": [1, 1]}], x)
    assert (float(found[0].min()), float(found[0].max())) == (0, 1)
    assert (found[1] == 0).all()


def test_what_comes_in_is_the_mirror_image_where_it_is_asked_for():
    assert KEPT["reflect"] == [3, 2, 1, 1, 2, 3, 4, 5]  # a row of 1 to 8, moved by three
    x = torch.rand(1, 1, 48, 48)
    torch.manual_seed(0)
    (layer,) = make_augmentation(check_policy(["shift_share", {"fill": "reflect"}]))
    degrees, _, shear, zoom = layer.draw(x)
    layer.draw = lambda *_: (degrees, torch.tensor([[3.0, 0.0]]), shear, zoom)
    expected = torch.cat([x[..., :3].flip(-1), x[..., :-3]], dim=-1)
    assert torch.allclose(layer(x), expected, atol=1e-4)


def test_every_network_of_a_paper_follows_a_generation_of_keras():
    """But `littlevgg`, which says in its file where it departs from the generator."""
    found = {name: load_preset(name) for name in preset_names()}
    drawn = {
        name
        for name, preset in found.items()
        if preset.paper and preset.overlay.get("train.network.augmentation")
    }
    found = {name: preset for name, preset in found.items() if preset.keras}
    assert drawn - found.keys() == {"littlevgg"}
    assert {preset.keras for preset in found.values()} == {"generator to 2.8", "layers"}
    for preset in found.values():
        policy = check_policy(preset.overlay["train.network.augmentation"])
        steps = {step.name: step.amount for step in policy}
        assert ("brightness_factors" in steps and preset.keras == KERAS[0]) == (
            "stretch_levels" in steps
        )
        assert "fill" not in steps  # the generator's is the edge; fernet still has it, too
        assert ("zoom_share" if preset.keras != "layers" else "stretch_share") not in steps
