"""Figures on FER-2013 that the field quotes, from published.yaml beside this file."""

from functools import cache
from pathlib import Path

from pydantic import Field, ValidationError

from ferflow.core.errors import DataError
from ferflow.core.params import Record
from ferflow.core.yaml_text import parse_yaml

FILE = Path(__file__).with_suffix(".yaml")


class Published(Record):
    """One quoted accuracy, 0 to 1, and its protocol; published.yaml says what each key means."""

    system: str
    source: str
    figure: float = Field(gt=0, lt=1)
    split: str
    networks: int | None = Field(ge=1)
    pretrained: str | None
    chosen_on: str
    seen: str


@cache
def load_published() -> list[Published]:
    """The quoted figures, the highest first. Raises DataError where the file is wrong."""
    try:
        entries = parse_yaml(FILE.read_text(encoding="utf-8"))
        found = [Published.model_validate(entry) for entry in entries]
    except (ValidationError, TypeError, ValueError) as error:
        raise DataError(f"{FILE.name}: {error}") from None
    return sorted(found, key=lambda each: -each.figure)
