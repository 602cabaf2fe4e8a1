"""Which sides of faces each network takes, and that others are refused beforehand."""

import pytest
import torch
from network_data import ROOT
from network_data import params as network_params

from ferflow.core.errors import ParamError
from ferflow.core.params import read_yaml
from ferflow.settings.check import check_params
from ferflow.training.families.network import (
    architecture,
    architecture_names,
    build_network,
    check_side,
)


def paper_sides():
    modules = {name: architecture(name) for name in architecture_names()}
    return {name: module.SIDES for name, module in modules.items() if hasattr(module, "SIDES")}


@pytest.mark.parametrize("name", paper_sides())
def test_a_papers_network_takes_the_sizes_that_it_says_and_no_other(name):
    sides = paper_sides()[name]
    network = build_network(name, 3, {}, 3).eval()
    with torch.inference_mode():
        for side in (sides[0], sides[-1]):
            check_side(name, side)
            assert network(torch.zeros(1, 3, side, side)).shape == (1, 3)
        for side in (sides[0] - 1, sides[-1] + 1):
            with pytest.raises(
                ParamError, match=rf"{name} takes faces of 48 to 63 .*got {side}.*allconv"
            ):
                check_side(name, side)
            with pytest.raises(RuntimeError):
                network(torch.zeros(1, 3, side, side))


@pytest.mark.parametrize("name", ["allconv", "resnet"])
def test_other_networks_take_any_size_and_colours(name):
    options = network_params().options if name == "resnet" else {}
    network = build_network(name, 3, options, 3).eval()
    with torch.inference_mode():
        for side in (32, 65):
            check_side(name, side)
            assert network(torch.zeros(1, 3, side, side)).shape == (1, 3)


def test_check_refuses_a_size_that_the_network_or_hog_does_not_take():
    params = read_yaml(ROOT / "presets/defaults.yaml")
    params["train"]["family"], params["data"]["size"] = "network", 64
    images = {"features": "pixels", "balance": "none", "selection": "none"}
    check_params(params | {name: params[name] | {"method": images[name]} for name in images})
    params["train"]["network"]["architecture"] = "fernet"
    with pytest.raises(
        ParamError, match=r"fernet takes faces of 48 to 63 pixels, data\.size; got 64"
    ):
        check_params(params)
    params["train"]["family"], params["data"]["size"] = "random_forest", 60
    with pytest.raises(ParamError, match="multiple of 8; got 60"):
        check_params(params)
