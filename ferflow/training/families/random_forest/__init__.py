"""Random forest (Breiman 2001), scikit-learn's."""

from ferflow.training.shared.classical.params import ForestParams


class Params(ForestParams):
    """The section `train.random_forest`."""
