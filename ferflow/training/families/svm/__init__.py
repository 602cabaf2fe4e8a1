"""Support vector machine (Cortes and Vapnik 1995), one against one, scikit-learn's."""

from typing import Any, Literal

from pydantic import Field, field_validator

from ferflow.training.shared.classical.params import ScaledParams


class Params(ScaledParams):
    """The section `train.svm`."""

    kernel: Literal["linear", "poly", "rbf"]
    C: float = Field(gt=0)
    gamma: float | Literal["scale", "auto"]
    degree: int = Field(ge=1)
    class_weight: Literal["balanced"] | None
    max_iter: int = Field(ge=1)
    max_rows: int | None = Field(ge=10)

    @property
    def own(self) -> dict[str, Any]:
        limits = ("max_iter", "max_rows")
        return {key: value for key, value in super().own.items() if key not in limits}

    @field_validator("gamma")
    @classmethod
    def _positive(cls, value: float | str) -> float | str:
        if not isinstance(value, str) and value <= 0:
            raise ValueError(f"must be above 0, scale or auto; got {value!r}.")
        return value
