"""The section `preprocess`: which images stay, and what is done to their pixels."""

from typing import Literal

from pydantic import Field

from ferflow.core.params import Record

Lighting = Literal["none", "equalize", "clahe"]


class FilterParams(Record):
    """The filters among the parameters of the section `preprocess`; null and false are off."""

    drop_constant: bool
    max_black_white: float | None = Field(ge=0, lt=1)
    min_contrast: float | None = Field(gt=0, le=127)
    min_texture: float | None = Field(gt=0, le=1)
    drop_without_face: bool
    drop_contradictory: bool
    drop_twins_of_val_test: bool
    drop_exact_duplicates: bool
    drop_near_duplicates: bool
    twin_distance: int = Field(ge=0, le=8)
    filter_val_test: bool


class PreprocessParams(FilterParams):
    """The section `preprocess`."""

    classes: list[str] | None
    lighting: Lighting
