"""Pretrained networks, loaded through `transformers` by name or from a folder."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel
from transformers.utils import cached_file, logging

from ferflow.core.errors import DataError
from ferflow.core.files import read_json
from ferflow.core.hashing import check_sha256
from ferflow.core.params import repository_root

_COLOURS = 3
_UNREAD = "pooler."  # what follows the last hidden state; many a published ViT comes without
_MAX_LAYERS = 1000  # of one kind; the deepest image networks have some 150
_COUNTS = re.compile("depth|layer|block|repeat|stage")  # in the keys of config.json that count them
# keys of config.json that bring other files in, or code: none is needed for plain weights
_REFUSED = {
    "attn_implementation",
    "_attn_implementation",
    "auto_map",
    "quantization_config",
    "transformers_weights",
}


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
        _check_files(name)
        network, report = AutoModel.from_pretrained(name, dtype=torch.float32, **options)
    except Exception as error:  # transformers raises what its parts raise: any of them
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


def _check_files(name: str) -> None:
    """Raise DataError where a network's files lead to pickles or code, or to no end of layers.

    `use_safetensors` alone does not keep a list of parts from naming pickles.
    """
    config = _read(name, "config.json")
    if odd := _REFUSED & config.keys():
        raise DataError(f"config.json has the key {min(odd)}, which is not read")
    for key, value in config.items():
        many = value if isinstance(value, list) else [value]
        counts = [n for n in many if isinstance(n, int)] if _COUNTS.search(key) else []
        if max([len(many), *counts]) > _MAX_LAYERS:
            raise DataError(f"config.json: {key} is above {_MAX_LAYERS:,}")
    parts = _read(name, "model.safetensors.index.json").get("weight_map", {})
    if not all(str(part).endswith(".safetensors") for part in dict(parts).values()):
        raise DataError("its weights lie in other files than safetensors")


def _read(name: str, file: str) -> dict[str, Any]:
    """A JSON object among a network's files, empty where there is none."""
    place = cached_file(name, file, _raise_exceptions_for_missing_entries=False)
    content = read_json(Path(place)) if place else {}
    if not isinstance(content, dict):
        raise DataError(f"{file} of {name} holds no object")
    return content


def _normalisation(name: str, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation (channels, 1, 1) that the network expects of values from 0 to 1.

    Without a preprocessor_config.json they are 0.5: inputs from -1 to 1.
    """
    config = _read(name, "preprocessor_config.json")
    mean = config.get("image_mean") or [0.5] * channels
    std = config.get("image_std") or [0.5] * channels
    try:
        constants = torch.tensor([mean, std], dtype=torch.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"preprocessor_config.json of {name} holds no constants: {error}") from None
    if constants.ndim != 2 or not constants.isfinite().all() or constants[1].min() <= 0:
        raise DataError(f"preprocessor_config.json of {name} holds impossible constants.")
    return constants[0][:, None, None], constants[1][:, None, None]
