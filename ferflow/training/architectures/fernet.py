"""`fernet`, paper 2: 879,623 parameters."""

from typing import TYPE_CHECKING

from pydantic import Field

from ferflow.core.params import Record
from ferflow.training.families.network import Share

if TYPE_CHECKING:  # torch takes a second; only who builds a network needs it
    from torch import nn

SIDES = range(48, 64)  # of faces: its poolings leave as many places as of 48


class Options(Record):
    """dropout : after the first pooling, the flattening and the wide dense layer. The paper gives
    no rates; these are the usual ones."""

    dropout: list[Share] = Field([0.25, 0.25, 0.5], min_length=3, max_length=3)


def build(n_classes: int, options: Options, channels: int = 1) -> "nn.Module":
    """From images (n, channels, 48, 48) to class scores (n, n_classes)."""
    from torch import nn

    from ferflow.training.families.network.layers import Dropout, Flatten, initialise

    early, flat, dense = options.dropout
    network = nn.Sequential(
        *_conv(channels, 32),
        *_conv(32, 64),
        nn.MaxPool2d(2),
        Dropout(early),
        *_conv(64, 64),
        *_conv(64, 64),
        *_conv(64, 128),
        nn.MaxPool2d(2),
        *_conv(128, 128),
        *_conv(128, 256),
        nn.MaxPool2d(2),
        nn.MaxPool2d(2),
        Dropout(flat),
        Flatten(),
        nn.Linear(256, 1024),
        nn.ReLU(),
        Dropout(dense),
        nn.Linear(1024, n_classes),
    )
    initialise(network)
    return network


def _conv(channels: int, filters: int) -> "tuple[nn.Module, ...]":
    from torch import nn

    from ferflow.training.families.network.layers import Conv2d

    return Conv2d(channels, filters, 3, padding="valid"), nn.ReLU()
