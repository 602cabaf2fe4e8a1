"""Networks of `transformers` with a classifier on top, trained end to end."""

from functools import partial
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ferflow.backbones.channels import to_channels
from ferflow.backbones.pretrained import features_of
from ferflow.training.families.network.layers import MOMENTUM

_NARROW = 32  # channels; see `step_before_convolving`


class BackboneClassifier(nn.Module):
    """A backbone, the mean over the places of its last map (or its tokens), a dense layer.

    input_size : pixels to which faces are scaled. mean, std : (channels, 1, 1), to be taken off
    its input and divided by. keep_statistics : batch norm goes by its running statistics in
    training too, and leaves them as they are; its scale and shift are trained like any weight.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: Any,
        n_classes: int,
        *,
        input_size: int,
        dropout: float,
        mean: Tensor,
        std: Tensor,
        keep_statistics: bool = False,
    ) -> None:
        super().__init__()
        step_before_convolving(backbone)
        average_batches(backbone)
        self.backbone = backbone
        self.input_size = input_size
        self.keep_statistics = keep_statistics
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            sample = torch.zeros(2, len(mean), input_size, input_size)
            width = features_of(backbone.eval(), sample).shape[-1]
        self.head = nn.Linear(width, n_classes)

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode, for all but batch norm whose statistics are kept."""
        super().train(mode)
        if self.keep_statistics:
            for layer in _batch_norms(self.backbone):
                layer.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Images (n, 1 or 3, height, width) to class scores (n, n_classes)."""
        if x.shape[-1] != self.input_size:
            x = functional.interpolate(x, (self.input_size,) * 2, mode="bilinear")
        x = (to_channels(x, len(self.mean)) - self.mean) / self.std
        features = features_of(self.backbone, x)
        scores: Tensor = self.head(self.dropout(features.flatten(1, -2).mean(dim=1)))
        return scores


def step_before_convolving(network: nn.Module) -> None:
    """Have narrow 1x1 convolutions with a stride convolve, without one, every so-manieth place.

    Values and gradients are the same (for maps of an even side bit for bit). With channels last,
    oneDNN's gradient of such a convolution's weights writes whole blocks of 16 channels (8 without
    AVX-512) where it has room for as many as there are (uxlfoundation/oneDNN issue 6035; torch 2.13
    has it): the gradient is wrong, or the process crashes. Seen with fewer than 16 channels, and a
    crash with 16 on another processor; wide ones stay as they are, the faster way.
    """
    for layer in network.modules():
        if not isinstance(layer, nn.Conv2d) or layer.in_channels >= _NARROW:
            continue
        if layer.kernel_size == (1, 1) and layer.padding == (0, 0) and layer.stride != (1, 1):
            layer.register_forward_pre_hook(partial(_every, layer.stride))
            layer.stride = (1, 1)


def average_batches(network: nn.Module) -> None:
    """Have batch norm average many batches where its running statistics would be the last one's.

    The MobileNets of `transformers` hand TensorFlow's momentum, 0.997 or so, to torch: there it is
    the share that is kept, here the share that is replaced.
    """
    for layer in _batch_norms(network):
        if (layer.momentum or 0.0) > 0.5:
            layer.momentum = MOMENTUM


def _batch_norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]


def _every(step: tuple[int, ...], _: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    """A hook: of a layer's input (n, channels, height, width) only every so-manieth place."""
    return inputs[0][:, :, :: step[0], :: step[1]]
