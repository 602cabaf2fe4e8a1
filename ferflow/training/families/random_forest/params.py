"""The section `train.random_forest`."""

from ferflow.training.shared.classical.params import ForestParams


class Params(ForestParams):
    """The section `train.random_forest`."""
