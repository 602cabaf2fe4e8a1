"""Extremely randomised trees (Geurts, Ernst and Wehenkel 2006), scikit-learn's."""

from ferflow.training.shared.classical.params import ForestParams


class Params(ForestParams):
    """The section `train.extra_trees`."""
