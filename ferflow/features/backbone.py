"""A frozen, pretrained image network as feature extractor, loaded through `transformers`."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch.nn import functional
from transformers import AutoModel
from transformers.utils import cached_file, logging

from ferflow.artifacts import read_json
from ferflow.errors import DataError, ParamError
from ferflow.extraction import Extractor, FeaturesParams
from ferflow.hashing import check_sha256
from ferflow.params import repository_root

_COLOURS = 3


def make(params: FeaturesParams) -> Extractor:
    """The network named by `features.backbone`: a model of the hub or a local folder.

    Feature shape: (height, width, channel) with pooling 'flatten', (channel,) with 'avg', for
    networks with maps; (token, channel) and (channel,) for vision transformers.
    Raises ParamError where the device is not there or the local folder is not the one that
    params.yaml was written for, DataError where the network cannot be loaded.
    """
    device = _device(params.device)
    name = _checked_name(params)
    network = _load(name).eval().to(device, memory_format=torch.channels_last)
    mean, std = _normalisation(name)
    dtype = torch.bfloat16 if params.precision == "bfloat16" else torch.float32

    @torch.inference_mode()
    def extract(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        x = torch.from_numpy(np.array(images)).to(device)[:, None].float()  # (n, 1, 48, 48)
        if x.shape[-1] != params.input_size:
            x = functional.interpolate(x, (params.input_size,) * 2, mode="bilinear")
        x = (x.expand(-1, _COLOURS, -1, -1) / 255 - mean.to(device)) / std.to(device)
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            maps = network(pixel_values=x).last_hidden_state.float()
        return _pool(maps, params.pooling).cpu().numpy()

    shape = extract(np.zeros((1, 48, 48), np.uint8)).shape[1:]
    return Extractor(extract, tuple(shape), params.batch_size)


def _pool(maps: torch.Tensor, pooling: str) -> torch.Tensor:
    """Maps (n, channel, height, width) or tokens (n, token, channel) as features, channel last.

    Height, width, channel is the order in which Keras, the papers' library, flattens.
    """
    channels_last = maps.permute(0, 2, 3, 1) if maps.ndim == 4 else maps
    if pooling == "avg":
        return channels_last.flatten(1, -2).mean(dim=1)
    return channels_last.contiguous()


def _checked_name(params: FeaturesParams) -> str:
    """What `from_pretrained` is to load: the hub's name, or the local folder's full path."""
    folder = repository_root() / params.backbone
    if not folder.is_dir():
        if params.backbone_sha256 is not None or params.backbone.startswith((".", "/")):
            raise DataError(f"features.backbone: there is no folder {params.backbone}.")
        return params.backbone
    check_sha256(folder, params.backbone_sha256, "features.backbone")
    return str(folder)


def _load(name: str) -> Any:
    """The network with all its weights, from safetensors; code from the hub is never run."""
    logging.disable_progress_bar()
    options = {"use_safetensors": True, "trust_remote_code": False, "output_loading_info": True}
    try:
        network, report = AutoModel.from_pretrained(name, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"features.backbone: cannot load '{name}' ({reason}). Name a model of the "
            "Hugging Face hub, or, without a network, a folder with config.json and "
            "model.safetensors."
        ) from None
    if absent := sorted(report["missing_keys"]):
        # transformers would draw them at random, and the features with them
        raise DataError(f"features.backbone: '{name}' lacks weights: {', '.join(absent[:5])}.")
    return network


def _normalisation(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation (3, 1, 1) that the network expects of values from 0 to 1.

    Without a preprocessor_config.json they are 0.5: inputs from -1 to 1.
    """
    file = cached_file(
        name, "preprocessor_config.json", _raise_exceptions_for_missing_entries=False
    )
    config = read_json(Path(file)) if file else {}
    mean = config.get("image_mean") or [0.5] * _COLOURS
    std = config.get("image_std") or [0.5] * _COLOURS
    return torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise ParamError(
            "features.device is 'cuda', and torch sees no CUDA device. Legal: cpu, auto."
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
