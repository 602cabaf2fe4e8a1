"""What a network weighs, asked of the network."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ferflow.images.size import SIDE


def measure(network: nn.Module) -> tuple[int, int, int]:
    """(trainable, fixed, multiply-adds) of a network for grey images of 48x48."""
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    fixed = sum(
        b.numel() for name, b in network.named_buffers() if name.endswith(("_mean", "_var"))
    )
    return trainable, fixed, multiply_adds(network, torch.zeros(1, 1, SIDE, SIDE))


def multiply_adds(network: nn.Module, image: Tensor) -> int:
    """Of a network for one image (1, channels, height, width), in convolutions and dense layers."""
    counts: list[int] = []

    def count(layer: nn.Module, _: Any, output: Tensor) -> None:
        if isinstance(layer, nn.Conv2d):
            counts.append(output[0].numel() * layer.weight[0].numel())
        elif isinstance(layer, nn.Linear):
            counts.append(output[0].numel() * layer.in_features)

    hooks: list[Callable[[], None]] = [
        layer.register_forward_hook(count).remove for layer in network.modules()
    ]
    with torch.inference_mode():
        network.eval()(image)
    for remove in hooks:
        remove()
    return sum(counts)
