"""The section `data`: where images come from, and how they are dealt out to the splits."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ferflow.core.face_params import FaceParams
from ferflow.core.params import Record


class SplitParams(Record):
    """The part of the section `data` that deals images out."""

    split: Literal["official", "fraction", "kfold"]
    val_fraction: float = Field(ge=0.01, le=0.5)
    test_fraction: float = Field(ge=0.01, le=0.5)
    n_folds: int = Field(ge=3, le=20)
    fold: int = Field(ge=0)

    @model_validator(mode="after")
    def _fold_exists(self) -> "SplitParams":
        if self.fold >= self.n_folds:
            raise ValueError(f"fold must be below n_folds ({self.n_folds}); got {self.fold}.")
        return self


class DataParams(SplitParams, FaceParams):
    """The section `data`."""

    source: Literal["synthetic", "path", "kaggle"]
    path: str | None
    sha256: str | None
    kaggle: Literal["msambare/fer2013", "jonathanoheix/face-expression-recognition-dataset"]
    classes_map: dict[str, str] = Field(default={})  # newer than some files
    n_synthetic: int = Field(ge=200, le=1_000_000)
    defects: bool
    labels: Literal["source", "ferplus", "ferplus_votes"] = "source"  # newer than some files
    ferplus_contempt: bool = False

    @field_validator("classes_map", mode="before")
    @classmethod
    def _words(cls, names: Any) -> Any:
        """Folders may be numbers: `1: surprise`. DVC cannot sort numbers among words."""
        if not isinstance(names, dict):
            return names
        numbers = [key for key in names if type(key) is int]
        if numbers and len(numbers) < len(names):
            raise ValueError(
                f"numbers among words need quotes: '{numbers[0]}': {names[numbers[0]]}."
            )
        return {str(key) if type(key) is int else key: value for key, value in names.items()}

    @field_validator("classes_map")
    @classmethod
    def _not_blank(cls, names: dict[str, str]) -> dict[str, str]:
        for word, name in names.items():
            if not word.strip() or not name.strip():
                raise ValueError(
                    "a class and its new name must not be blank. Legal: {class of the data: new "
                    f"name}}, such as {{anger: angry}}; got {{{word!r}: {name!r}}}."
                )
        return names

    @model_validator(mode="after")
    def _was_voted_on(self) -> "DataParams":
        if self.labels != "source" and self.source == "synthetic":
            raise ValueError(
                f"labels: {self.labels} needs FER-2013, whose images people voted on; source is "
                "synthetic. Set labels to source, or source to path or kaggle."
            )
        return self
