"""`widekernel`, paper 4's second method: kernels of 3, 5, 5 and 7."""

from typing import TYPE_CHECKING

from pydantic import Field

from ferflow.core.params import Record

if TYPE_CHECKING:  # torch takes a second; only who builds a network needs it
    from torch import nn

SIDES = range(48, 64)  # of faces: its poolings leave as many places as of 48
_KERNELS = (3, 5, 5, 7)
_DROPOUT = (0.25, 0.25, 0.5, 0.5)
_DENSE, _DENSE_DROPOUT = (192, 192), 0.25


class Options(Record):
    """filters : of the four blocks. The paper gives none; these are the usual ones."""

    filters: list[int] = Field([64, 128, 512, 512], min_length=4, max_length=4)


def build(n_classes: int, options: Options, channels: int = 1) -> "nn.Module":
    """From images (n, channels, 48, 48) to class scores (n, n_classes)."""
    from torch import nn

    from ferflow.training.families.network.layers import (
        Conv2d,
        Dropout,
        Flatten,
        batch_norm,
        dense_head,
        initialise,
    )

    layers: list[nn.Module] = []
    for filters, kernel, share in zip(options.filters, _KERNELS, _DROPOUT, strict=True):
        layers += [Conv2d(channels, filters, kernel), batch_norm(filters), nn.ReLU()]
        layers += [nn.MaxPool2d(2), Dropout(share)]
        channels = filters
    head = dense_head(3 * 3 * channels, _DENSE, _DENSE_DROPOUT, n_classes)
    network = nn.Sequential(*layers, Flatten(), *head)
    initialise(network)
    return network
