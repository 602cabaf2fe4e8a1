"""The section `balance`: how rare classes are filled up, or others cut down."""

from typing import Literal

from pydantic import Field

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
