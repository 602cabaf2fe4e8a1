"""A trained network as files: safetensors, and JSON with what building and feeding it need.

A network on a backbone is kept as `transformers` keeps one (config.json, model.safetensors,
preprocessor_config.json), its classifier beside it in head.safetensors: so the folder is a
backbone for others, too. Any other network is one file, network.safetensors.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ferflow.backbones.pretrained import read_backbone
from ferflow.core.errors import DataError, FerflowError, one_line
from ferflow.core.files import atomic, read_json, write_json
from ferflow.training.families.network import architecture, architecture_names, build_network
from ferflow.training.families.network.backbones import BackboneClassifier
from ferflow.training.families.network.batches import Scale, channels_last

ABOUT, WEIGHTS, HEAD = "network.json", "network.safetensors", "head.safetensors"
CONFIG, BACKBONE, PREPROCESSOR = "config.json", "model.safetensors", "preprocessor_config.json"

_MAX_SIDE = 512  # pixels
# what files that do not fit together raise
_UNFIT = (
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    RuntimeError,
    MemoryError,
    SafetensorError,
    FerflowError,
)


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with what is needed to build it again and to feed it.

    side : pixels of the images that it takes. channels : 1 for grey, 3 for colours. dtype : in
    which `predict_proba` computes.
    """

    network: nn.Module
    architecture: str
    options: dict[str, Any]
    n_classes: int
    side: int
    scale: Scale
    channels: int = 1
    dtype: torch.dtype = torch.float32


def save_network(model: TrainedNetwork, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write the network's files; `dtype` float16 halves them."""
    network = model.network
    about = {
        "architecture": model.architecture,
        "options": model.options,
        "n_classes": model.n_classes,
        "side": model.side,
        "scale": asdict(model.scale),
    }
    if model.channels != 1:
        about["channels"] = model.channels
    if isinstance(network, BackboneClassifier):
        about["input_size"] = network.input_size
        _save_backbone(network, model.scale, folder, dtype)
    else:
        _save(network.state_dict(), folder / WEIGHTS, dtype)
    write_json(folder / ABOUT, about)


def load_network(folder: Path) -> TrainedNetwork:
    """The network in a folder; DataError where a file is missing, damaged or of another kind."""
    about = read_json(folder / ABOUT)
    try:
        name, options, n_classes = about["architecture"], about["options"], int(about["n_classes"])
        side, scale = int(about["side"]), Scale(**about["scale"])
        channels = int(about.get("channels", 1))
        if not (1 <= n_classes <= 1000 and math.isfinite(scale.mean) and scale.std > 0):
            raise ValueError("impossible numbers")
        if not 1 <= side <= _MAX_SIDE or channels not in (1, 3):
            raise ValueError(f"images of {side} pixels and {channels} channels")
        if name not in architecture_names():
            raise ValueError(f"no architecture {name!r}")
        network: nn.Module
        if (folder / HEAD).exists():
            network = _load_backbone(folder, n_classes, int(about["input_size"]))
        else:
            network = _load_plain(folder, name, n_classes, options, channels)
    except FileNotFoundError:
        raise DataError(f"{folder / WEIGHTS} is not here. `dvc repro` makes it.") from None
    except _UNFIT as error:
        reason = one_line(error)
        raise DataError(f"{folder} holds no network that can be loaded: {reason}") from None
    return TrainedNetwork(
        channels_last(network.float()).eval(), name, options, n_classes, side, scale, channels
    )


def _save_backbone(
    network: BackboneClassifier, scale: Scale, folder: Path, dtype: torch.dtype
) -> None:
    """The backbone takes values from 0 to 1: the network's own scale goes into its constants."""
    config = network.backbone.config.to_diff_dict()
    config |= {"architectures": [type(network.backbone).__name__]}
    config |= {"dtype": str(dtype).removeprefix("torch.")}
    write_json(folder / CONFIG, json.loads(json.dumps(config)))
    _save(network.backbone.state_dict(), folder / BACKBONE, dtype)
    mean, std = (tensor.flatten().double() for tensor in (network.mean, network.std))
    constants = {
        "image_mean": (mean * scale.std + scale.mean).tolist(),
        "image_std": (std * scale.std).tolist(),
    }
    write_json(folder / PREPROCESSOR, constants)
    head = {"weight": network.head.weight, "bias": network.head.bias}
    head |= {"mean": network.mean, "std": network.std}
    _save(head, folder / HEAD, torch.float32)


def _load_plain(
    folder: Path, name: str, n_classes: int, options: dict[str, Any], channels: int
) -> nn.Module:
    """A network without a backbone, built only after its weights were found to be that large."""
    if "input_size" in architecture(name).Options.model_fields:
        raise ValueError(f"{name} has a backbone, but {HEAD} is missing")
    with torch.device("meta"):  # shapes without memory
        expected = build_network(name, n_classes, options, channels).state_dict()
    weights = load_file(folder / WEIGHTS)
    shapes = [{key: tensor.shape for key, tensor in each.items()} for each in (expected, weights)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"its weights are not those of {name} with {options}")
    network = build_network(name, n_classes, options, channels)
    network.load_state_dict(weights)
    return network


def _load_backbone(folder: Path, n_classes: int, input_size: int) -> BackboneClassifier:
    if not 1 <= input_size <= _MAX_SIDE:
        raise ValueError(f"faces of {input_size} pixels")
    head = load_file(folder / HEAD)
    network = BackboneClassifier(
        read_backbone(folder),
        n_classes,
        input_size=input_size,
        dropout=0.0,
        mean=head["mean"],
        std=head["std"],
    )
    network.head.load_state_dict({"weight": head["weight"], "bias": head["bias"]})
    return network


def _save(tensors: dict[str, Tensor], file: Path, dtype: torch.dtype) -> None:
    packed = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).detach().contiguous()
        for name, tensor in tensors.items()
    }
    with atomic(file) as part:
        save_file(packed, part, metadata={"format": "pt"})
