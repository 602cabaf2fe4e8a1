"""The part of the section `data` that says what faces are made of pictures."""

from pydantic import Field

from ferflow.core.face_shape import GREY_48, MAX_SIDE, MIN_SIDE, Colour, FaceShape
from ferflow.core.params import Record


class FaceParams(Record):
    """Read by `preprocess`; `download` reads the rest of the section."""

    size: int = Field(GREY_48.size, ge=MIN_SIDE, le=MAX_SIDE)
    colour: Colour = "grey"
    resize: bool

    @property
    def shape(self) -> FaceShape:
        """The shape that all pictures get."""
        return FaceShape(self.size, self.colour)
