"""The section `train.extra_trees`."""

from ferflow.training.shared.classical.params import ForestParams


class Params(ForestParams):
    """The section `train.extra_trees`."""
