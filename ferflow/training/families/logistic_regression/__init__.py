"""Multinomial logistic regression with an L2 penalty, scikit-learn's."""

from typing import Literal

from pydantic import Field

from ferflow.training.shared.classical.params import ScaledParams


class Params(ScaledParams):
    """The section `train.logistic_regression`."""

    C: float = Field(gt=0)
    max_iter: int = Field(ge=1)
    class_weight: Literal["balanced"] | None
