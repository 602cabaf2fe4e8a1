"""The shape of the faces that every stage after `preprocess` sees, and models with them.

Without pydantic, which takes a while to import: who only names faces needs no parameters.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ferflow.core.errors import DataError

if TYPE_CHECKING:  # a check of params.yaml needs no arrays
    from numpy.typing import NDArray

Colour = Literal["grey", "rgb"]
MIN_SIDE, MAX_SIDE = 32, 224  # pixels

_RGB = 3


@dataclass(frozen=True)
class FaceShape:
    """How many pixels a face has each way, and whether they are grey or have colours.

    Arrays of faces are uint8 (n, size, size), grey levels, or (n, size, size, 3), RGB.
    ValueError if either is impossible.
    """

    size: int = 48
    colour: Colour = "grey"

    def __post_init__(self) -> None:
        if type(self.size) is not int or not MIN_SIDE <= self.size <= MAX_SIDE:
            raise ValueError(f"faces have {MIN_SIDE} to {MAX_SIDE} pixels; got {self.size!r:.80}")
        if self.colour not in get_args(Colour):
            raise ValueError(f"faces are grey or rgb; got {self.colour!r:.80}")

    @property
    def channels(self) -> int:
        """1 or 3."""
        return 1 if self.colour == "grey" else _RGB

    @property
    def array(self) -> tuple[int, ...]:
        """Of one face in an array: (size, size) or (size, size, 3)."""
        return (self.size, self.size) if self.colour == "grey" else (self.size, self.size, _RGB)

    def __str__(self) -> str:
        return f"{self.colour} {self.size}x{self.size}"


GREY_48 = FaceShape()  # as FER-2013 has them
META_KEY = "face"  # of a split's meta, where the shape is another


def noted_shape(meta: dict[str, Any]) -> FaceShape:
    """The shape that a split's or a classifier's meta notes; ValueError or TypeError if none is."""
    return FaceShape(**meta.get(META_KEY, {}))


def check_faces(images: "NDArray[Any]", shape: FaceShape) -> None:
    """DataError if images are not faces of that shape."""
    if images.dtype != "uint8" or images.shape[1:] != shape.array:
        expected = ", ".join(map(str, shape.array))
        raise DataError(
            f"faces must be uint8 of shape (n, {expected}); got {images.dtype} {images.shape}."
        )


def row_shape(n: int) -> tuple[int, int] | None:
    """(side, channels) of the face that a row of n values is; None if it is not one.

    Three times a square is never a square, so there is one answer at most.
    """
    for channels in (1, _RGB):
        side = math.isqrt(n // channels)
        if n and channels * side * side == n:
            return side, channels
    return None
