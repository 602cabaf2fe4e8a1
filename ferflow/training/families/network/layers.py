"""Layers with Keras' meaning, in which the papers' networks are written.

Where the two libraries differ, Keras' default counts: batch norm's momentum, epsilon and running
variance, the initial weights, 'same' padding with a stride, and how a map is flattened. Dropout is
the same in both; here it is faster.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

MOMENTUM = 0.01  # of batch norm: the share of its running statistics that a batch replaces


class Conv2d(nn.Conv2d):
    """A convolution with Keras' padding, 'same' or 'valid'.

    'same' with a stride pads so that the output has ceil(side / stride) places; an odd number of
    padded places puts one more at the bottom and the right.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: str = "same",
    ) -> None:
        self._same = padding == "same"
        symmetric = self._same and stride == 1
        super().__init__(
            channels, filters, kernel, stride, padding="same" if symmetric else "valid"
        )
        self._pad_first = self._same and not symmetric

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, height, width) -> (n, filters, ...)."""
        if self._pad_first:
            x = functional.pad(x, [*self._edges(x, 1), *self._edges(x, 0)])
        return super().forward(x)

    def _edges(self, x: Tensor, axis: int) -> tuple[int, int]:
        """Places to pad before and after, along height (0) or width (1)."""
        side, kernel, stride = x.shape[2 + axis], self.kernel_size[axis], self.stride[axis]
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        return total // 2, total - total // 2


class Flatten(nn.Module):
    """(n, channels, height, width) -> (n, d), by height, width, channel as Keras flattens."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


class Repeat(nn.Module):
    """(n, 1, height, width) -> (n, channels, height, width): the same map as every channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return x.expand(-1, self._channels, -1, -1)


class AveragePool(nn.Module):
    """(n, channels, height, width) -> (n, channels): the mean over all places."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


class Dropout(nn.Dropout):
    """Dropout whose mask is made of random bytes on the processor: several times as fast there.

    The share left out is the nearest of 256ths, 0.1992 for 0.2, and the rest is scaled to match.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        if not self.training or not self.p or x.device.type != "cpu":
            return super().forward(x)
        left_out = min(round(self.p * 256), 255)
        drawn = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = torch.empty_like(x, requires_grad=False)
        # compared into a tensor of x's type: the bools of `>=` are many times slower to multiply
        torch.ge(drawn.view(torch.uint8).as_strided(x.shape, kept.stride()), left_out, out=kept)
        return x * kept.mul_(256 / (256 - left_out))


class BiasedVariance(_BatchNorm):
    """Batch norm whose running variance is the mean of the batches' own variances, as Keras'.

    torch's is the mean of n / (n - 1) times as much, n being the values that a batch has for a
    channel: 3.2 % more after a dense layer at batch 32.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, ...) -> the same shape."""
        n = self.n_values(x)
        kept = self.running_var
        if not self.training or kept is None or n == 1:  # torch refuses to norm one value
            return super().forward(x)
        self.running_var = kept * (n / (n - 1))
        out = super().forward(x)
        self.running_var = kept.copy_(self.running_var * ((n - 1) / n))
        return out

    def n_values(self, x: Tensor) -> int:
        """How many values the batch of images x (n, channels, ...) has for a channel."""
        return x.numel() // x.shape[1]


class _MapNorm(BiasedVariance, nn.BatchNorm2d):
    pass


class _DenseNorm(BiasedVariance, nn.BatchNorm1d):
    pass


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm over maps: momentum 0.99 in Keras' sense (0.01 in torch's), epsilon 0.001."""
    return _MapNorm(channels, eps=1e-3, momentum=MOMENTUM)


def batch_norm_dense(width: int) -> nn.BatchNorm1d:
    """As `batch_norm`, after a dense layer."""
    return _DenseNorm(width, eps=1e-3, momentum=MOMENTUM)


def dense_head(
    width: int, widths: Sequence[int], dropout: float, n_classes: int
) -> list[nn.Module]:
    """Dense layers, each with batch norm, ReLU and dropout, and the one that gives class scores."""
    layers: list[nn.Module] = []
    for dense in widths:
        layers += [nn.Linear(width, dense), batch_norm_dense(dense), nn.ReLU(), Dropout(dropout)]
        width = dense
    return [*layers, nn.Linear(width, n_classes)]


def initialise(network: nn.Module) -> None:
    """Keras' first weights, drawn from torch's stream: Glorot and Bengio 2010; biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
