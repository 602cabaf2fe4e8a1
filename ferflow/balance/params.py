"""The section `balance`: how rare classes are filled up, or others cut down."""

from typing import Literal

from pydantic import Field, model_validator

from ferflow.core.errors import ParamError
from ferflow.core.params import Record

Method = Literal[
    "none",
    "smote",
    "borderline_smote",
    "svm_smote",
    "adasyn",
    "smote_tomek",
    "smote_enn",
    "random_oversampling",
    "random_undersampling",
]


class BalanceParams(Record):
    """The section `balance`."""

    method: Method
    k_neighbors: int = Field(ge=1)
    max_rows: int | None = Field(default=None, ge=2)  # kept params of older builds lack it

    @model_validator(mode="after")
    def _enough_rows(self) -> "BalanceParams":
        if self.max_rows is not None and self.max_rows <= self.k_neighbors:
            raise ValueError(
                f"max_rows must be above k_neighbors ({self.k_neighbors}), or null for all rows; "
                f"got {self.max_rows}."
            )
        return self


def check_soft_method(method: Method) -> None:
    """ParamError if a method makes rows of one class only: votes are for several."""
    legal = ("none", "random_oversampling", "random_undersampling")
    if method not in legal:
        raise ParamError(
            f"balance.method {method} mixes rows of one class; data.labels: ferplus_votes gives "
            f"shares of several. Legal with it: {', '.join(legal)}. Set one of them, or "
            "data.labels to ferplus."
        )
