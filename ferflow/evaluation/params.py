"""The section `evaluate`: which splits are scored, and how."""

from typing import Any, Literal

from pydantic import Field, field_validator

from ferflow.core.errors import ParamError
from ferflow.core.params import Record
from ferflow.training.shared.policy import check_policy


class EvaluateParams(Record):
    """The section `evaluate`."""

    splits: list[Literal["train", "val", "test"]] = Field(min_length=1)
    tta: Literal["none", "flip", "ten_crop", "draws"]
    tta_draws: int = Field(ge=1, le=1000)
    tta_policy: list[Any]
    calibration_bins: int = Field(ge=2, le=100)
    gallery_size: int = Field(ge=1, le=200)

    @field_validator("tta_policy")
    @classmethod
    def _legal_policy(cls, policy: list[Any]) -> list[Any]:
        if any(step.name == "stretch_levels" for step in check_policy(policy)):
            raise ValueError(
                f"stretch_levels acts in training only; got {policy!r}. Leave it out here."
            )
        return policy

    def scored(self, trained_on: list[str]) -> list[str]:
        """The splits to score: val is not among them once its rows were fitted."""
        scored: list[str] = [
            name for name in self.splits if name != "val" or "val" not in trained_on
        ]
        if not scored:
            raise ParamError(
                "evaluate.splits is val alone, but train.add_validation trains on val. Add train "
                "or test, or set train.add_validation to false."
            )
        return scored
