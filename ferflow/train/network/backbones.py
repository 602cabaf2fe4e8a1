"""Networks of `transformers` with a classifier on top, trained end to end."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ferflow.pretrained import map_features


class BackboneClassifier(nn.Module):
    """A backbone, the mean over the places of its last map (or its tokens), a dense layer.

    input_size : pixels to which faces are scaled. mean, std : (channels, 1, 1), to be taken off
    its input and divided by.
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
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.input_size = input_size
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            sample = torch.zeros(2, len(mean), input_size, input_size)
            width = map_features(backbone.eval()(pixel_values=sample)).shape[-1]
        self.head = nn.Linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Grey images (n, 1, height, width) to class scores (n, n_classes)."""
        if x.shape[-1] != self.input_size:
            x = functional.interpolate(x, (self.input_size,) * 2, mode="bilinear")
        x = (x.expand(-1, len(self.mean), -1, -1) - self.mean) / self.std
        features = map_features(self.backbone(pixel_values=x))
        scores: Tensor = self.head(self.dropout(features.flatten(1, -2).mean(dim=1)))
        return scores
