"""Narrow residual networks: torch's own gradient of their shortcuts crashes, or is wrong."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from ferflow.training.families.network import build_network
from ferflow.training.families.network.backbones import step_before_convolving
from ferflow.training.families.network.batches import channels_last

ROOT = Path(__file__).parents[1]
OPTIONS = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "input_size": 256}

TRAINED = """
import json
import sys
import torch
from ferflow.training.families.network.batches import channels_last
from ferflow.training.families.network import build_network
torch.manual_seed(0)
network = channels_last(build_network("resnet", 7, json.loads(sys.argv[1]))).train()
for n in (32, 31, 32):
    x = torch.rand(n, 1, 48, 48).contiguous(memory_format=torch.channels_last)
    torch.nn.functional.cross_entropy(network(x), torch.arange(n) % 7).backward()
"""


def test_a_narrow_network_trains_in_every_process_that_tries():
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    environment |= {"OMP_WAIT_POLICY": "passive"}  # kinder to a busy machine
    command = [sys.executable, "-c", TRAINED, json.dumps(OPTIONS)]
    for _ in range(3):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-500:]


@pytest.fixture
def two_threads():
    """With one thread torch takes another path for one of the two, whose last bits differ."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("side", [12, 13])
@pytest.mark.parametrize("channels", [16, 24])  # where torch's own gradient is right
def test_stepping_before_a_convolution_changes_nothing(channels, side):
    torch.manual_seed(0)
    plain = channels_last(nn.Sequential(nn.Conv2d(channels, 32, 1, stride=2, bias=False)))
    stepping = deepcopy(plain)
    step_before_convolving(stepping)
    assert stepping[0].stride == (1, 1)
    x = torch.rand(8, channels, side, side).contiguous(memory_format=torch.channels_last)
    found = []
    for network in (plain, deepcopy(stepping)):  # as a moving average copies it
        image = x.clone().requires_grad_()
        y = network(image)
        y.square().sum().backward()
        found.append((y, image.grad, network[0].weight.grad))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other) if side % 2 == 0 else torch.allclose(one, other, rtol=1e-4)


def test_a_narrow_shortcuts_gradient_is_right():
    torch.manual_seed(0)
    network = channels_last(nn.Sequential(nn.Conv2d(4, 8, 1, stride=2, bias=False)))
    step_before_convolving(network)
    x = torch.rand(32, 4, 24, 24).contiguous(memory_format=torch.channels_last)
    network(x).sum().backward()
    expected = x[:, :, ::2, ::2].double().sum(dim=(0, 2, 3))
    assert torch.allclose(network[0].weight.grad[..., 0, 0].double(), expected, rtol=1e-5)


def test_wide_and_other_convolutions_stay_as_they_are():
    network = nn.Sequential(
        nn.Conv2d(32, 64, 1, stride=2),
        nn.Conv2d(8, 8, 3, stride=2, padding=1),
        nn.Conv2d(8, 8, 1, stride=2, padding=1),
        nn.Conv2d(8, 8, 1),
    )
    step_before_convolving(network)
    assert [layer.stride[0] for layer in network] == [2, 2, 2, 1]
    assert not any(layer._forward_pre_hooks for layer in network)


def test_our_own_network_is_wide_enough_to_stay_as_it_is():
    network = build_network("resnet", 7, {})
    assert not any(layer._forward_pre_hooks for layer in network.modules())
