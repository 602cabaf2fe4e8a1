"""`littlevgg`, paper 5: 1,326,567 trainable parameters and 2,176 not trainable."""

from typing import TYPE_CHECKING

from ferflow.core.params import Record

if TYPE_CHECKING:  # torch takes a second; only who builds a network needs it
    from torch import nn

SIDES = range(48, 64)  # of faces: its poolings leave as many places as of 48
_FILTERS = (32, 64, 128, 256)
_DROPOUT = 0.2
_DENSE, _DENSE_DROPOUT = (64, 64), 0.5
_COLOURS = 3


class Options(Record):
    """None: the paper leaves nothing open."""


def build(n_classes: int, options: Options, channels: int = 1) -> "nn.Module":
    """From images (n, channels, 48, 48), grey ones repeated as three, to scores (n, n_classes)."""
    from torch import nn

    from ferflow.training.families.network.layers import (
        Conv2d,
        Dropout,
        Flatten,
        Repeat,
        batch_norm,
        batch_norm_dense,
        initialise,
    )

    del options
    layers: list[nn.Module] = [Repeat(_COLOURS)]
    channels = _COLOURS  # whatever the faces have
    for filters in _FILTERS:
        for _ in range(2):
            layers += [Conv2d(channels, filters, 3), nn.ELU(), batch_norm(filters)]
            channels = filters
        layers += [nn.MaxPool2d(2), Dropout(_DROPOUT)]
    layers.append(Flatten())
    width = 3 * 3 * channels
    for dense in _DENSE:
        layers += [nn.Linear(width, dense), nn.ELU(), batch_norm_dense(dense)]
        layers += [Dropout(_DENSE_DROPOUT)]
        width = dense
    network = nn.Sequential(*layers, nn.Linear(width, n_classes))
    initialise(network)
    return network
