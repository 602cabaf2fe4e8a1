"""`allconv`, paper 4's first method: eight convolutions, no pooling but the last.

Where it reduces resolution the paper does not say. As in the network that it is modelled on
(Springenberg et al. 2015, Striving for simplicity) the third and the sixth convolution have
stride 2; a literal reading never reduces it and costs 5.7 times the multiply-adds.
"""

from typing import TYPE_CHECKING, Literal

from ferflow.core.params import Record

if TYPE_CHECKING:  # torch takes a second; only who builds a network needs it
    from torch import nn

_FILTERS = (96, 96, 96, 192, 192, 192, 192, 192)
_STRIDED = (2, 5)
_DROPOUT = {
    "eight": (0.2, 0.2, 0.2, 0.5, 0.5, 0.5, 0.5, 0.5),
    "three": (0.2, 0.0, 0.5, 0.0, 0.0, 0.5, 0.0, 0.0),
}


class Options(Record):
    """dropout : after all eight convolutions, as the paper's chapter on methods has it (0.2 after
    the first three, 0.5 after the others), or the three layers of its chapter on results, for
    which it gives no place: 0.2 after the first, 0.5 after the two with a stride."""

    dropout: Literal["eight", "three"] = "three"


def build(n_classes: int, options: Options, channels: int = 1) -> "nn.Module":
    """From images (n, channels, height, width) to class scores (n, n_classes)."""
    from torch import nn

    from ferflow.training.families.network.layers import AveragePool, Conv2d, Dropout, initialise

    layers: list[nn.Module] = []
    for k, (filters, share) in enumerate(zip(_FILTERS, _DROPOUT[options.dropout], strict=True)):
        stride = 2 if k in _STRIDED else 1
        layers += [Conv2d(channels, filters, 3, stride=stride), nn.ReLU()]
        layers += [Dropout(share)] if share else []
        channels = filters
    network = nn.Sequential(*layers, AveragePool(), nn.Linear(channels, n_classes))
    initialise(network)
    return network
