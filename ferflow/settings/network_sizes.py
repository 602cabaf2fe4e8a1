"""What each architecture weighs: `ferflow models`."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

import torch
from torch import Tensor, nn

from ferflow.core.errors import ParamError
from ferflow.core.params import nearest
from ferflow.images.size import SIDE
from ferflow.settings.presets import OPTIONS, load_preset, preset_names
from ferflow.training.families.network import architecture, architecture_names, build_network

N_CLASSES = 7


@dataclass(frozen=True)
class Size:
    """An architecture with a preset's options.

    trainable, fixed : numbers, as Keras counts them: batch norm's running statistics are fixed.
    multiply_adds : of one image of 48x48, in convolutions and dense layers.
    """

    architecture: str
    options: dict[str, Any]
    trainable: int
    fixed: int
    multiply_adds: int
    presets: tuple[str, ...]
    papers: tuple[str, ...]


def network_sizes() -> list[Size]:
    """Every architecture as its presets use it, but `finetune`, which is what its backbone is."""
    uses: dict[tuple[str, str], list[str]] = {}
    for name in preset_names():
        overlay = load_preset(name).overlay
        kind = overlay.get("train.network.architecture")
        if kind is not None:
            options = _options(overlay)
            uses.setdefault((kind, repr(sorted(options.items()))), []).append(name)
    return [_size(kind, names) for (kind, _), names in sorted(uses.items()) if kind != "finetune"]


def measure(network: nn.Module) -> tuple[int, int, int]:
    """(trainable, fixed, multiply-adds) of a network for grey images of 48x48."""
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    fixed = sum(
        b.numel() for name, b in network.named_buffers() if name.endswith(("_mean", "_var"))
    )
    return trainable, fixed, _multiply_adds(network)


def explain(name: str) -> str:
    """What an architecture is, and its options with their defaults."""
    legal = architecture_names()
    if name not in legal:
        raise ParamError(
            f"there is no architecture '{name}'.{nearest(name, legal)} Legal: {', '.join(legal)}."
        )
    module = architecture(name)
    fields = module.Options.model_fields
    defaults = [f"  {key}: {field.default!r}" for key, field in fields.items()]
    parts = [cleandoc(module.__doc__), cleandoc(module.Options.__doc__)]
    if defaults:
        parts.append("\n".join(["defaults:", *defaults]))
    return "\n\n".join(parts)


def _size(kind: str, names: list[str]) -> Size:
    presets = [load_preset(name) for name in names]
    options = _options(presets[0].overlay)
    sizes = measure(build_network(kind, N_CLASSES, options))
    papers = tuple(sorted({preset.paper for preset in presets if preset.paper}))
    return Size(kind, options, *sizes, presets=tuple(names), papers=papers)


def _multiply_adds(network: nn.Module) -> int:
    counts: list[int] = []

    def count(layer: nn.Module, _: Any, output: Tensor) -> None:
        if isinstance(layer, nn.Conv2d):
            counts.append(output[0].numel() * layer.weight[0].numel())
        elif isinstance(layer, nn.Linear):
            counts.append(layer.weight.numel())

    hooks: list[Callable[[], None]] = [
        layer.register_forward_hook(count).remove for layer in network.modules()
    ]
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 1, SIDE, SIDE))
    for remove in hooks:
        remove()
    return sum(counts)


def _options(overlay: dict[str, Any]) -> dict[str, Any]:
    """A preset's options of its architecture."""
    start = f"{OPTIONS}."
    return {k.removeprefix(start): v for k, v in overlay.items() if k.startswith(start)}
