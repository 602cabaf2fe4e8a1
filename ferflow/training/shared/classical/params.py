"""What the sections of scikit-learn's families share."""

from typing import Any, Literal

from pydantic import Field, field_validator

from ferflow.core.params import Record


class ScaledParams(Record):
    """What the families that measure distances or sizes have before their classifier."""

    scaling: Literal["none", "zscore", "minmax"]
    pca: int | float | None

    @field_validator("pca")
    @classmethod
    def _size(cls, value: int | float | None) -> int | float | None:
        count = type(value) is int and value >= 1
        share = type(value) is float and 0 < value < 1
        if not (value is None or count or share):
            raise ValueError(
                "must be null, a number of components from 1, or the share of the variance to "
                f"keep, between 0 and 1; got {value!r}."
            )
        return value

    @property
    def own(self) -> dict[str, Any]:
        """The keys of the classifier itself."""
        return self.model_dump(exclude=set(ScaledParams.model_fields))


class ForestParams(Record):
    """The section of a forest."""

    n_estimators: int = Field(ge=1)
    max_depth: int | None = Field(ge=1)
    min_samples_leaf: int = Field(ge=1)
    max_features: Literal["sqrt", "log2"] | None
    class_weight: Literal["balanced"] | None
