"""What is known of the kinds of networks in `transformers` before one is loaded; needs no torch."""

from importlib.util import find_spec
from typing import Any

from ferflow.core.errors import ParamError
from ferflow.core.files import read_json
from ferflow.core.params import from_root

# `model_type`s that take images of their config's image_size alone, at transformers 5.23
OWN_SIZE = {"donut-swin", "hiera", "levit", "pvt", "swin"}
# those that hold a text tower, too, and the class that reads the other one from the same files
TOWERS = {
    "clip": "CLIPVisionModel",
    "metaclip_2": "MetaClip2VisionModel",
    "siglip": "SiglipVisionModel",
}
_MASKED = {"vit_mae"}  # a share of the places is left out, drawn again in every call
_TIMM = {"timm_backbone", "timm_wrapper"}
_LARGEST = 4096  # pixels; what a config says beyond is not passed on


def check_kind(config: dict[str, Any], name: str, key: str, size: int, size_key: str) -> None:
    """Refuse a backbone that cannot make features of images of size x size pixels.

    config : the content of its config.json, {} where it is not known.
    name, key : the backbone, and the parameter that names it. size_key : the one that holds the
    size. Raises ParamError with what to set.
    """
    kind = config.get("model_type")
    if kind in _MASKED:
        raise ParamError(
            f"{key}: '{name}' ({kind}) masks random patches in every call, so the features of an "
            "image differ from call to call. Use another backbone, such as a ViT."
        )
    if (kind in _TIMM or "pretrained_cfg" in config) and find_spec("timm") is None:
        raise ParamError(
            f"{key}: '{name}' is a network of timm: it needs the packages timm and torchvision, "
            "which ferflow does not install. Use one in transformers' own format."
        )
    own = own_size(config.get("image_size"))
    if kind in OWN_SIZE and own is not None and own != size:
        raise ParamError(
            f"{key}: '{name}' ({kind}) takes only images of {own}x{own} pixels; got {size_key} "
            f"{size}. Set {size_key} to {own}, or name another backbone."
        )


def own_size(size: object) -> int | None:
    """The side in pixels of the images that a network was trained on, of a config's image_size."""
    if isinstance(size, list | tuple) and size:
        size = size[0]
    return size if isinstance(size, int) and 0 < size <= _LARGEST else None


def known_config(name: str) -> dict[str, Any]:
    """The config.json of a local folder; {} of a model of the hub, which its stage asks for."""
    file = from_root(name) / "config.json"
    content = read_json(file) if file.exists() else {}
    return content if isinstance(content, dict) else {}
