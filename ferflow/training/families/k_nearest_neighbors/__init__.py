"""Nearest neighbours (Cover and Hart 1967), scikit-learn's."""

from typing import Literal

from pydantic import Field

from ferflow.training.shared.classical.params import ScaledParams


class Params(ScaledParams):
    """The section `train.k_nearest_neighbors`."""

    n_neighbors: int = Field(ge=1)
    weights: Literal["uniform", "distance"]
    metric: Literal["euclidean", "manhattan", "cosine"]
