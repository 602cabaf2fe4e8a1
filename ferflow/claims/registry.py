"""The registry of the five papers: what each claims, which preset answers, what it leaves open.

The facts stand in papers.yaml beside this file; here they become closed records, so that a
misspelt key or an impossible figure is found by a test and not by a reader.
"""

from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from ferflow.core.errors import DataError
from ferflow.core.params import Record, read_yaml

FOLDER = Path(__file__).parent
METRICS = {
    "accuracy": "accuracy",
    "precision_weighted": "precision, weighted",
    "recall_weighted": "recall, weighted",
    "f1_weighted": "F1, weighted",
    "precision_macro": "precision, macro",
    "recall_macro": "recall, macro",
    "f1_macro": "F1, macro",
}


class Claim(Record):
    """One system's figures, as its paper states them."""

    system: str
    preset: str  # the preset that implements it, whether it is there yet or not
    data_set: str
    stated: str  # the protocol, in the paper's own terms
    values: dict[str, float] = Field(min_length=1)  # metric, a key of METRICS -> 0 to 1
    n_images: int = Field(ge=1)  # test images behind the figures
    n_images_assumed: bool = False  # whether the number is our reading, not the paper's
    caveat: str | None = None  # what else keeps its test images apart from the preset's
    n_classes: int = Field(default=7, ge=2)
    # the split of ours that answers it; _tta: the mean over several views of each image
    split: Literal["val", "test", "val_tta", "test_tta"] = "test"
    averaging: str | None = None  # how we know it, where the paper does not say
    range: tuple[float, float] | None = None  # of its accuracy over its runs
    fer2013: bool = True  # whether FER-2013's ceiling bounds it

    @field_validator("range", mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("values")
    @classmethod
    def _known(cls, values: dict[str, float]) -> dict[str, float]:
        for metric, value in values.items():
            if metric not in METRICS or not 0 <= value <= 1:
                raise ValueError(f"{metric}: {value} must be one of {list(METRICS)}, from 0 to 1")
        return values


class Matrix(Record):
    """A confusion matrix that a paper prints."""

    file: str  # CSV beside papers.yaml; a row is a true class
    caption: str

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return FOLDER / self.file


class OpenPoint(Record):
    """What a paper does not say, and how the preset reads it."""

    silent: str
    reading: str


class Paper(Record):
    """A paper: its reference, its claims, its gaps."""

    key: str
    number: int
    title: str
    kind: str
    system: str
    claims: list[Claim] = Field(min_length=1)
    open: list[OpenPoint]
    authors: str | None = None
    year: int | None = None
    epochs: int | None = Field(default=None, ge=1)  # of its networks, where it states them
    matrices: list[Matrix] = Field(default=[])
    variants: list[str] = Field(default=[])  # presets beside those of the claims

    @property
    def reference(self) -> str:
        """Authors (year): title. Kind. What the text does not name is left out."""
        year = f" ({self.year})" if self.year else ""
        by = f"{self.authors}{year}: " if self.authors else ""
        return f"{by}{self.title}. {self.kind[0].upper()}{self.kind[1:]}."


@cache
def load_papers() -> dict[str, Paper]:
    """Key -> paper, in the order of their numbers. Raises DataError where papers.yaml is wrong."""
    try:
        papers = [
            Paper.model_validate({"key": key, **content})
            for key, content in read_yaml(FOLDER / "papers.yaml").items()
        ]
    except ValidationError as error:
        raise DataError(f"papers.yaml: {error}") from None
    return {paper.key: paper for paper in sorted(papers, key=lambda paper: paper.number)}


def claims_of(preset: str) -> list[Claim]:
    """What is claimed of the system that a preset implements."""
    return [c for paper in load_papers().values() for c in paper.claims if c.preset == preset]


def paper_of(preset: str) -> Paper | None:
    """The paper that a preset follows, or None."""
    for paper in load_papers().values():
        if preset in {*(claim.preset for claim in paper.claims), *paper.variants}:
            return paper
    return None


def claim_text(claim: Claim) -> str:
    """A claim's figures in a line: 'accuracy 0.497; precision, weighted 0.498; ...'."""
    return "; ".join(f"{METRICS[name]} {digits(value)}" for name, value in claim.values.items())


def digits(value: float) -> str:
    """A share with three decimals, or with four where the fourth is not 0."""
    return f"{value:.4f}".removesuffix("0")
