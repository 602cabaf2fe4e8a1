"""The section `augment`: which changed copies of images there are, and which are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import field_validator

from ferflow.core.params import Record, nearest

Amount = float | tuple[float, float] | None

CROP_PAD = 0.1  # of the side
_EACH_WAY = "the most to draw either way"


@dataclass(frozen=True)
class Operation:
    """What may be asked of a change to an image; `ferflow.augment.operations` draws and makes it.

    default : the amount where none is named; None for an operation that takes none.
    low, high : the smallest and the largest legal amount.
    meaning : of the amount, for messages.
    """

    default: Amount = None
    low: float = 0.0
    high: float = 0.0
    meaning: str = ""


# Name -> operation; presets/defaults.yaml says where the defaults come from.
OPERATIONS: Mapping[str, Operation] = {
    "horizontal_flip": Operation(),
    "rotation": Operation(10.0, 0.0, 180.0, f"degrees, {_EACH_WAY}"),
    "shift": Operation(0.1, 0.0, 0.5, f"a share of the side, {_EACH_WAY}"),
    "zoom": Operation(0.2, 0.0, 0.9, f"a share of the size, {_EACH_WAY}"),
    "shear": Operation(0.2, 0.0, 1.0, f"a slope, {_EACH_WAY}"),
    "crop_pad": Operation(CROP_PAD, 0.0, 0.4, f"a share of the side, {_EACH_WAY}"),
    "brightness": Operation((0.5, 1.5), 0.0, 4.0, "two factors [lowest, highest]"),
    "turn": Operation(90.0, -180.0, 180.0, "degrees counter-clockwise"),
    "scale": Operation(0.7, 0.1, 4.0, "a factor of the size"),
}


class Copy(Record):
    """One entry of `copies`: an operation and how much of it."""

    operation: str
    amount: Amount

    def __str__(self) -> str:
        match self.amount:
            case None:
                return self.operation
            case (low, high):
                return f"{self.operation} {low:g} to {high:g}"
            case amount:
                return f"{self.operation} {amount:g}"


class AugmentParams(Record):
    """The section `augment`."""

    copies: list[Copy]
    fill_rare: Literal["none", "crop_pad_flip"]

    @field_validator("copies", mode="before")
    @classmethod
    def _parse(cls, entries: object) -> list[Copy]:
        if not isinstance(entries, list):
            raise ValueError(f"must be a list, such as [horizontal_flip]; got {entries!r}.")
        copies = [parse_copy(entry) for entry in entries]
        if twice := [str(copy) for copy in copies if copies.count(copy) > 1]:
            raise ValueError(f"each copy may be named once; got '{twice[0]}' again.")
        return copies


def parse_copy(entry: object) -> Copy:
    """'rotation' or {'rotation': 10} as a Copy; ValueError says what is legal."""
    match entry:
        case Copy():
            return entry
        case str(name):
            given: tuple[object, ...] = ()
        case dict() if len(entry) == 1:
            ((name, amount),) = entry.items()
            given = (amount,)
        case _:
            raise ValueError(
                f"an entry is an operation, or one with its amount, such as rotation: 10; "
                f"got {entry!r}."
            )
    if name not in OPERATIONS:
        raise ValueError(
            f"'{name}' is no operation.{nearest(name, OPERATIONS)} Legal: {', '.join(OPERATIONS)}."
        )
    operation = OPERATIONS[name]
    if not given:
        return Copy(operation=name, amount=operation.default)
    if operation.default is None:
        raise ValueError(f"{name} takes no amount; got {given[0]!r}.")
    return Copy(operation=name, amount=_legal_amount(name, operation, given[0]))


def _legal_amount(name: str, operation: Operation, given: object) -> Amount:
    """A number, or two where the default is two, within the operation's bounds."""
    paired = isinstance(operation.default, tuple)
    entries = given if paired and isinstance(given, list) else [given]
    numbers = [float(n) for n in entries if isinstance(n, int | float) and n is not True]
    within = all(operation.low <= number <= operation.high and number for number in numbers)
    if not len(entries) == len(numbers) == 1 + paired or not within or sorted(numbers) != numbers:
        raise ValueError(
            f"{name} must be {operation.meaning}, from {operation.low:g} to {operation.high:g}, "
            f"not 0; got {given!r}."
        )
    return (numbers[0], numbers[1]) if paired else numbers[0]
