"""Pretrained networks, loaded through `transformers` by name or from a folder."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ferflow.backbones.files import checked_name, open_network, read_part
from ferflow.backbones.kinds import TOWERS, check_kind, own_size
from ferflow.backbones.levels import normalisation
from ferflow.core.errors import DataError, ParamError, one_line

_COLOURS = 3
_UNREAD = "pooler."  # what follows the last hidden state; many a published ViT comes without
_TOLERANCE = 1e-4  # of the largest value, between two calls
# what networks of other kinds raise when they are handed an image, or one of another size
_UNFIT = (AttributeError, IndexError, RuntimeError, TypeError, ValueError, NotImplementedError)


@dataclass(frozen=True)
class Pretrained:
    """A network, and what it expects of its input.

    network : a model of `transformers` that has a `last_hidden_state`, float32, in eval mode.
    mean, std : (channels, 1, 1), to be taken off and divided by, of values from 0 to 1.
    """

    network: Any
    mean: Tensor
    std: Tensor


def load_pretrained(
    name: str, sha256: str | None, key: str, *, size: int, size_key: str
) -> Pretrained:
    """The network that a parameter names: a model of the hub or a local folder.

    sha256 : the fingerprint that a local folder must have. key : the parameter, for messages.
    size : pixels of the images that it will be asked about; size_key : the parameter.
    Raises ParamError if the local folder is another one or the network takes no such images,
    DataError if it cannot be loaded, or answers the same images otherwise the next time.
    """
    place = checked_name(name, sha256, key)
    try:
        config = read_part(place, "config.json")
    except (DataError, OSError):  # said when it is loaded
        config = {}
    check_kind(config, name, key, size, size_key)
    network = _load(place, key).eval()
    channels = getattr(network.config, "num_channels", _COLOURS)
    _check_answers(network, channels, name, key, size, size_key)
    return Pretrained(network, *normalisation(place, channels))


def read_backbone(folder: Path) -> Any:
    """The network in a folder that a training wrote, float32; DataError if it is not one."""
    return _load(str(folder), str(folder / "config.json"))


def map_features(output: Any) -> Tensor:
    """The last map (n, height, width, channel), or tokens (n, token, channel), channel last.

    Height, width, channel is the order in which Keras, the papers' library, flattens.
    """
    hidden: Tensor = output.last_hidden_state
    return hidden.permute(0, 2, 3, 1) if hidden.ndim == 4 else hidden


def features_of(network: Any, x: Tensor, pooling: str = "flatten") -> Tensor:
    """The features (n, ...) that a network makes of its input x (n, channel, height, width).

    Positions that the network learnt for images of another size are interpolated.
    pooling : 'flatten' for all of the last map or all tokens; 'avg' for the mean over places,
    (n, channel): class, distillation, register and detection tokens are not places.
    """
    own = own_size(getattr(network.config, "image_size", None))
    takes = inspect.signature(network.forward).parameters
    interpolated = "interpolate_pos_encoding" in takes and own != x.shape[-1]
    options = {"interpolate_pos_encoding": True} if interpolated else {}
    maps = map_features(network(pixel_values=x, **options))
    if pooling == "flatten":
        return maps
    if maps.ndim == 3:
        maps = maps[:, _places(network.config, maps.shape[1], x.shape[-1])]
    return maps.flatten(1, -2).mean(dim=1)


def _places(config: Any, n_tokens: int, size: int) -> slice:
    """Which of a network's tokens are places of an image of size x size pixels."""
    if config.model_type == "yolos":
        return slice(1, n_tokens - config.num_detection_tokens)
    if config.model_type in ("dinov3_convnext", "pvt"):
        return slice(1, None)  # one that is made of all places stands in front
    patch = getattr(config, "patch_size", None)
    if isinstance(patch, list | tuple) and patch:
        patch = patch[0]
    if not isinstance(patch, int) or patch < 1:
        return slice(None)
    # all else stands in front. Networks that merge patches have fewer tokens than patches.
    return slice(max(n_tokens - (size // patch) ** 2, 0), None)


def _check_answers(
    network: Any, channels: int, name: str, key: str, size: int, size_key: str
) -> None:
    """Refuse a network that answers no images, or the same ones otherwise when asked again."""
    x = torch.rand(2, channels, size, size, generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            first, second = (features_of(network, x) for _ in range(2))
    except _UNFIT as error:
        reason = one_line(error)
        own = own_size(getattr(network.config, "image_size", None))
        cure = f"Set {size_key} to {own}, its own size, or name" if own else "Name"
        raise ParamError(
            f"{key}: '{name}' cannot take images of {size}x{size} pixels ({reason}). {cure} an "
            "image backbone that takes them."
        ) from None
    if not (first - second).abs().max() <= _TOLERANCE * first.abs().max():
        raise DataError(
            f"{key}: '{name}' gives different features for the same images from call to call. Use "
            "another backbone."
        )


def _load(name: str, key: str) -> Any:
    network, lacking = open_network(
        name, key, lambda config: TOWERS.get(str(config.get("model_type")), "AutoModel")
    )
    if absent := [weight for weight in lacking if not weight.startswith(_UNREAD)]:
        # transformers would draw them at random, and the features with them
        raise DataError(f"{key}: '{name}' lacks weights: {', '.join(absent[:5])}.")
    return network
