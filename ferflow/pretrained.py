"""Pretrained networks, loaded through `transformers` by name or from a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModel
from transformers.utils import cached_file, logging

from ferflow.artifacts import read_json
from ferflow.errors import DataError
from ferflow.hashing import check_sha256
from ferflow.params import repository_root

_COLOURS = 3
_UNREAD = "pooler."  # what follows the last hidden state; many a published ViT comes without


@dataclass(frozen=True)
class Pretrained:
    """A network, and what it expects of its input.

    network : a model of `transformers` that has a `last_hidden_state`, float32, in eval mode.
    mean, std : (channels, 1, 1), to be taken off and divided by, of values from 0 to 1.
    """

    network: Any
    mean: torch.Tensor
    std: torch.Tensor


def load_pretrained(name: str, sha256: str | None, key: str) -> Pretrained:
    """The network that a parameter names: a model of the hub or a local folder.

    sha256 : the fingerprint that a local folder must have. key : the parameter, for messages.
    Raises ParamError where the local folder is another one, DataError where it cannot be loaded.
    """
    place = _checked_name(name, sha256, key)
    network = _load(place, key).eval()
    channels = getattr(network.config, "num_channels", _COLOURS)
    return Pretrained(network, *_normalisation(place, channels))


def read_backbone(folder: Path) -> Any:
    """The network in a folder that a training wrote, float32; DataError where it is none."""
    return _load(str(folder), str(folder / "config.json"))


def map_features(output: Any) -> torch.Tensor:
    """The last map (n, height, width, channel), or tokens (n, token, channel), channel last.

    Height, width, channel is the order in which Keras, the papers' library, flattens.
    """
    hidden: torch.Tensor = output.last_hidden_state
    return hidden.permute(0, 2, 3, 1) if hidden.ndim == 4 else hidden


def _checked_name(name: str, sha256: str | None, key: str) -> str:
    """What `from_pretrained` is to load: the hub's name, or the local folder's full path."""
    folder = repository_root() / name
    if not folder.is_dir():
        if sha256 is not None or name.startswith((".", "/")):
            raise DataError(f"{key}: there is no folder {name}.")
        return name
    check_sha256(folder, sha256, key)
    return str(folder)


def _load(name: str, key: str) -> Any:
    """The network with all its weights, from safetensors; code from the hub is never run."""
    logging.disable_progress_bar()
    options = {"use_safetensors": True, "trust_remote_code": False, "output_loading_info": True}
    try:
        network, report = AutoModel.from_pretrained(name, dtype=torch.float32, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"{key}: cannot load '{name}' ({reason}). Name a model of the "
            "Hugging Face hub, or, without a network, a folder with config.json and "
            "model.safetensors."
        ) from None
    needed = {key for key in report["missing_keys"] if not key.startswith(_UNREAD)}
    if absent := sorted(needed):
        # transformers would draw them at random, and the features with them
        raise DataError(f"{key}: '{name}' lacks weights: {', '.join(absent[:5])}.")
    return network


def _normalisation(name: str, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation (channels, 1, 1) that the network expects of values from 0 to 1.

    Without a preprocessor_config.json they are 0.5: inputs from -1 to 1.
    """
    file = cached_file(
        name, "preprocessor_config.json", _raise_exceptions_for_missing_entries=False
    )
    config = read_json(Path(file)) if file else {}
    mean = config.get("image_mean") or [0.5] * channels
    std = config.get("image_std") or [0.5] * channels
    return torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]
