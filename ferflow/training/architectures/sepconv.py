"""`sepconv`, paper 3: 3x1 and 1x3 convolutions; 3,931,975 parameters, 2,944 not trainable.

With a second dense layer of 256 it is the paper's network for CK+: 4,062,535 and 3,456.
"""

from typing import TYPE_CHECKING

from pydantic import Field

from ferflow.core.params import Record
from ferflow.training.families.network import Share

if TYPE_CHECKING:  # torch takes a second; only who builds a network needs it
    from torch import nn

SIDES = range(48, 64)  # of faces: its poolings leave as many places as of 48
_FILTERS = (64, 128, 256, 512)


class Options(Record):
    """dropout : after each block and each dense layer; the paper gives no rates.
    dense : the widths of the dense layers, [512] for FER-2013 and [512, 256] for CK+."""

    dropout: list[Share] = Field([0.25, 0.5], min_length=2, max_length=2)
    dense: list[int] = Field([512], min_length=1, max_length=3)


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

    in_block, in_dense = options.dropout
    layers: list[nn.Module] = []
    for filters in _FILTERS:
        layers += [
            Conv2d(channels, filters, (3, 1)),
            Conv2d(filters, filters, (1, 3)),
            batch_norm(filters),
            nn.ReLU(),
            nn.MaxPool2d(2),
            Dropout(in_block),
        ]
        channels = filters
    head = dense_head(3 * 3 * channels, options.dense, in_dense, n_classes)
    network = nn.Sequential(*layers, Flatten(), *head)
    initialise(network)
    return network
