"""Gradient boosting of trees on binned values (Friedman 2001; Ke et al. 2017), scikit-learn's."""

from typing import Literal

from pydantic import Field

from ferflow.core.params import Record


class Params(Record):
    """The section `train.hist_gradient_boosting`."""

    learning_rate: float = Field(gt=0)
    max_iter: int = Field(ge=1)
    max_leaf_nodes: int = Field(ge=2)
    min_samples_leaf: int = Field(ge=1)
    l2_regularization: float = Field(ge=0)
    max_features: float = Field(gt=0, le=1)
    class_weight: Literal["balanced"] | None
