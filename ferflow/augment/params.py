"""The section `augment`: which changed copies of images there are, and which are made."""

from typing import Literal

from pydantic import field_validator

from ferflow.core.image_steps import COPIES, Step, parse_steps
from ferflow.core.params import Record


class AugmentParams(Record):
    """The section `augment`."""

    copies: list[Step]
    fill_rare: Literal["none", "crop_pad_flip"]

    @field_validator("copies", mode="before")
    @classmethod
    def _parse(cls, entries: object) -> list[Step]:
        copies = parse_steps(entries, COPIES)
        if twice := [str(copy) for copy in copies if copies.count(copy) > 1]:
            raise ValueError(f"each copy may be named once; got '{twice[0]}' again.")
        return copies
