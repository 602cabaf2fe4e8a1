"""`resnet`: our own network, a small residual one (He et al. 2016) in the format of `transformers`.

Faces are scaled up before the first convolution, of 7x7 with stride 2, and the pooling after it:
so the residual blocks see maps of half the face's resolution, at little cost.
"""

from typing import TYPE_CHECKING

from pydantic import Field

from ferflow.core.params import Record
from ferflow.training.families.network import Share

if TYPE_CHECKING:  # torch takes a second; only who builds a network needs it
    from torch import nn


class Options(Record):
    """embedding_size : filters of the first convolution.
    hidden_sizes, depths : filters and residual blocks of each stage; each stage after the first
    halves the resolution.
    input_size : pixels to which faces are scaled.
    dropout : before the dense layer."""

    embedding_size: int = Field(48, ge=1)
    hidden_sizes: list[int] = Field([48, 96, 192], min_length=1)
    depths: list[int] = Field([2, 2, 2], min_length=1)
    input_size: int = Field(96, ge=16, le=512)
    dropout: Share = 0.2


def build(n_classes: int, options: Options, channels: int = 1) -> "nn.Module":
    """From images (n, channels, height, width) to class scores (n, n_classes)."""
    import torch
    from transformers import ResNetConfig, ResNetModel

    from ferflow.training.families.network.backbones import BackboneClassifier

    config = ResNetConfig(
        num_channels=channels,
        embedding_size=options.embedding_size,
        hidden_sizes=options.hidden_sizes,
        depths=options.depths,
        layer_type="basic",
    )
    return BackboneClassifier(
        ResNetModel(config),
        n_classes,
        input_size=options.input_size,
        dropout=options.dropout,
        mean=torch.zeros(channels, 1, 1),
        std=torch.ones(channels, 1, 1),
    )
