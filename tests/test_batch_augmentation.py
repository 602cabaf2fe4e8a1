"""What is done to batches in training: how far each step goes, and what older builds drew."""

import numpy as np
import pytest
import torch

from ferflow.settings.presets import load_preset
from ferflow.training.shared.batch_augmentation import make_augmentation
from ferflow.training.shared.policy import check_policy

pytestmark = pytest.mark.usefixtures("one_thread")
BUNDLED = load_preset("bundled").overlay["train.network.augmentation"]


@pytest.mark.parametrize(
    "step",
    [
        "horizontal_flip",
        "rotation_degrees",
        "shift_share",
        "zoom_share",
        "stretch_share",
        "shear_degrees",
    ],
)
def test_a_policy_changes_images_and_keeps_their_range(step):
    torch.manual_seed(0)
    x = torch.rand(8, 1, 48, 48)
    drawn = make_augmentation(check_policy([step]))(x)
    assert drawn.shape == x.shape
    assert not torch.equal(drawn, x)
    assert drawn.min() >= 0
    assert drawn.max() <= 1


# grey levels that build 16676a2 draws, at nine places of every fourth image
FLIPPED_FIRST = (
    "4184c7d2155862a58dac52914dc033bc61d4a7505d6fadd08a3976957d91c750"
    "c4ad22973171b194c3333e89852089c9dcb2899c72495290cdd66a515a98d5a0"
    "7c57d8d8b45a3510"
)
FLIPPED_LAST = (
    "4386c8d1145760a29cb930a648bf35b44ec4d23f4b6da9cd1f44819279c3bd52"
    "c5b72b9e215e9b96c6505247850f97b9dcb38aad845b508ecbd66a515c99d794"
    "714ed8dab7674421"
)


@pytest.mark.parametrize(
    "policy, levels",
    [
        (
            ["horizontal_flip", {"rotation": 10}, {"shift": 0.1}, {"zoom": 0.1}, {"erasing": 0.25}],
            FLIPPED_FIRST,
        ),
        (BUNDLED, FLIPPED_FIRST),
        (
            [{"rotation": 10}, {"shift": 0.1}, {"shear": 0.1}, {"zoom": 0.1}, "horizontal_flip"],
            FLIPPED_LAST,
        ),
    ],
)
def test_a_policy_of_build_16676a2_draws_the_same_images(policy, levels):
    """To a grey level, which processors round otherwise; `bundled` means what it meant."""
    x = (torch.arange(32 * 48 * 48) * 7919 % 256).reshape(32, 1, 48, 48) / 255
    torch.manual_seed(5)
    drawn = (make_augmentation(check_policy(policy))(x) * 255).round()
    places = drawn[::4, 0, 11::13, 7::17].numpy().ravel()
    assert np.abs(places - np.frombuffer(bytes.fromhex(levels), np.uint8)).max() <= 1


@pytest.mark.parametrize(
    "step, wanted",
    [
        ({"brightness_factors": [0.5, 0.5]}, [0.1, 0.3]),
        ({"brightness_factors": [3.0, 3.0]}, [0.6, 1.0]),
        ({"contrast_factors": [0.5, 0.5]}, [0.3, 0.5]),
        ({"contrast_factors": [4.0, 4.0]}, [0.0, 1.0]),
    ],
)
def test_brightness_multiplies_and_contrast_does_so_about_the_mean(step, wanted):
    x = torch.tensor([0.2, 0.6]).expand(3, 1, 8, 2).contiguous()
    drawn = make_augmentation(check_policy([step]))(x)
    assert torch.allclose(drawn, torch.tensor(wanted).expand_as(x), atol=1e-6)


def test_every_image_draws_its_own_factor_from_the_whole_range():
    torch.manual_seed(0)
    drawn = make_augmentation(check_policy([{"brightness_factors": [0.2, 1.5]}]))(
        torch.full((400, 1, 2, 2), 0.5)
    )
    factors = drawn[:, 0, 0, 0] / 0.5
    assert factors.min() == pytest.approx(0.2, abs=0.02)
    assert factors.max() == pytest.approx(1.5, abs=0.02)


@pytest.mark.parametrize(
    "step, measure, largest",
    [
        ({"rotation_degrees": 40}, lambda x, y: torch.rad2deg(torch.atan2(x, y)), 40),
        ({"shear_degrees": 11.31}, lambda x, y: x / y, 0.2),
        ({"zoom_share": 0.2}, lambda x, y: torch.hypot(x, y) / 16 - 1, 0.2),
        ({"shift_share": 0.1}, lambda x, y: torch.cat([x, y - 16]) / 49, 0.1),
    ],
)
def test_affine_steps_reach_their_amount_either_way_and_no_further(step, measure, largest):
    """By where a blot 16 pixels below the middle of a 49 x 49 image comes to lie."""
    torch.manual_seed(0)
    place = torch.arange(49.0) - 24
    blot = torch.exp(-((place[:, None] - 16) ** 2 + place[None, :] ** 2) / 4)
    drawn = make_augmentation(check_policy([step]))(blot.expand(300, 1, 49, 49).contiguous())[:, 0]
    weights = drawn / drawn.sum((1, 2), keepdim=True)
    x, y = (
        (weights * place[None, None, :]).sum((1, 2)),
        (weights * place[None, :, None]).sum((1, 2)),
    )
    amounts = measure(x, y)
    assert amounts.max() == pytest.approx(largest, rel=0.08)
    assert amounts.min() == pytest.approx(-largest, rel=0.08)


def test_an_empty_policy_changes_nothing():
    x = torch.rand(4, 1, 8, 8)
    assert torch.equal(make_augmentation([])(x), x)


def test_a_shift_repeats_the_edge():
    """A white image stays white, whatever comes in from outside."""
    policy = check_policy([{"shift_share": 0.5}, {"rotation_degrees": 180}, {"zoom_share": 0.9}])
    drawn = make_augmentation(policy)(torch.ones(16, 1, 48, 48))
    assert drawn.min() == pytest.approx(1, abs=1e-5)
