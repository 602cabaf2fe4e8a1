"""The section `features`: which numbers of an image the classifier sees."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

import ferflow.features.extractors
from ferflow.core.choices import known
from ferflow.core.errors import ParamError
from ferflow.core.face_shape import FaceShape
from ferflow.core.params import Record

HOG_CELL = 8  # pixels, both ways


class FeaturesParams(Record):
    """The section `features`."""

    method: str
    joined: list[str]
    landmarks: str | None
    landmarks_sha256: str | None
    landmarks_size: int = Field(ge=16, le=512)
    backbone: str
    backbone_sha256: str | None
    input_size: int = Field(ge=16, le=512)
    pooling: Literal["flatten", "avg"]
    batch_size: int = Field(ge=1)
    precision: Literal["float32", "bfloat16"]
    device: Literal["auto", "cpu", "cuda"]

    @field_validator("method")
    @classmethod
    def _known(cls, name: str) -> str:
        return known(name, ferflow.features.extractors)

    @field_validator("joined")
    @classmethod
    def _all_known(cls, names: list[str]) -> list[str]:
        if "joined" in names:
            raise ValueError("must name extractors, not joined itself.")
        return [known(name, ferflow.features.extractors) for name in names]

    @model_validator(mode="after")
    def _complete(self) -> "FeaturesParams":
        if self.method == "joined" and (
            len(self.joined) < 2 or len(set(self.joined)) < len(self.joined)
        ):
            raise ValueError(
                f"joined must list two or more different extractors; got {self.joined}."
            )
        if "landmarks" in self.parts and self.landmarks is None:
            raise ValueError(
                "landmarks needs a landmark network as an ONNX file; "
                "ferflow/features/extractors/landmarks.py describes it. Set it: ferflow use PRESET "
                "--set features.landmarks=FILE"
            )
        return self

    def check_face(self, face: FaceShape) -> None:
        """ParamError if a part cannot be made of faces of that shape."""
        if "hog" in self.parts and face.size % HOG_CELL:
            raise ParamError(
                f"features.method hog divides faces into cells of {HOG_CELL}x{HOG_CELL} pixels: "
                f"data.size must be a multiple of {HOG_CELL}; got {face.size}."
            )

    @property
    def parts(self) -> list[str]:
        """The extractors that are in use."""
        return list(self.joined) if self.method == "joined" else [self.method]
