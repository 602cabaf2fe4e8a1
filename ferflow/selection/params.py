"""The section `selection`: how many features stay, and who chooses them."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ferflow.core.errors import ParamError
from ferflow.core.params import Record


class SelectionParams(Record):
    """The section `selection`."""

    method: Literal["none", "ant_colony", "k_best", "random"]
    n_features: Any
    n_ants: int = Field(ge=1)
    n_iterations: int = Field(ge=1)
    alpha: float = Field(ge=0)
    beta: float = Field(ge=0)
    q0: float = Field(ge=0, le=1)
    rho: float = Field(ge=0, le=1)
    parsimony: float = Field(ge=0)
    score: Literal["f1_macro", "accuracy"]
    n_trees: int = Field(ge=1)
    max_rows: int = Field(ge=10)

    @field_validator("n_features")
    @classmethod
    def _size(cls, value: Any) -> Any:
        count = type(value) is int and value >= 1
        fraction = type(value) is float and 0 < value < 1
        if not (count or fraction or value == "auto"):
            raise ValueError(
                f"must be 'auto', a count from 1, or a fraction between 0 and 1; got {value!r}."
            )
        return value

    @model_validator(mode="after")
    def _auto_needs_ants(self) -> "SelectionParams":
        if self.method in ("k_best", "random") and self.n_features == "auto":
            raise ValueError(f"n_features: 'auto' needs ants; with {self.method} give a number.")
        return self

    def n_kept(self, n_features: int) -> int | None:
        """How many of n_features to keep, or None if the ants choose."""
        match self.n_features:
            case "auto":
                return None
            case int(count) if count > n_features:
                raise ParamError(f"selection.n_features: asked {count}, there are {n_features}.")
            case int(count):
                return int(count)
            case fraction:
                return max(1, round(float(fraction) * n_features))
