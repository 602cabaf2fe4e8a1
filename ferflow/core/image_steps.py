"""The language of augmentation: steps that change an image, with their units in their names.

A list in params.yaml, each entry a name, or a name with an amount. `augment.copies` makes a copy
of every image by each of its steps; `train.network.augmentation` and `evaluate.tta_policy` apply
all of theirs to each image of a batch. presets/defaults.yaml explains the steps.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ferflow.core.params import nearest

Amount = float | tuple[float, float] | str | None

COPIES, BATCHES = "copies", "batches"  # the places where a step may stand
_BOTH = (COPIES, BATCHES)

CROP_PAD_SHARE = 0.1
_MOST = "the most to draw either way"


@dataclass(frozen=True)
class Kind:
    """A step that there is.

    places : where it may stand. default : its amount where none is named; None where it takes none,
    a pair where it takes two, a word where it takes one of `words`.
    low, high : the smallest and the largest legal amount. meaning : of the amount, with its unit.
    """

    places: tuple[str, ...]
    default: Amount = None
    low: float = 0.0
    high: float = 0.0
    meaning: str = ""
    words: tuple[str, ...] = ()


_SHARE = f"a share of the side (not pixels, not per cent), {_MOST}"
_FACTORS = "two factors [lowest, highest]"

KINDS: Mapping[str, Kind] = {
    "horizontal_flip": Kind(_BOTH),
    "rotation_degrees": Kind(_BOTH, 10.0, 0.0, 180.0, f"degrees, {_MOST}"),
    "shift_share": Kind(_BOTH, 0.1, 0.0, 0.5, _SHARE),
    "zoom_share": Kind(_BOTH, 0.2, 0.0, 0.9, f"a share of the size, both axes alike, {_MOST}"),
    "stretch_share": Kind(_BOTH, 0.2, 0.0, 0.9, f"a share of the size for each axis, {_MOST}"),
    "shear_degrees": Kind(_BOTH, 10.0, 0.0, 45.0, f"degrees (a slope of 0.2 is 11.3), {_MOST}"),
    "crop_pad_share": Kind((COPIES,), CROP_PAD_SHARE, 0.0, 0.4, _SHARE),
    "brightness_factors": Kind(_BOTH, (0.5, 1.5), 0.0, 4.0, _FACTORS),
    "stretch_levels": Kind((BATCHES,)),
    "contrast_factors": Kind((BATCHES,), (0.5, 1.5), 0.0, 4.0, f"{_FACTORS}, about the mean"),
    "erasing_chance": Kind((BATCHES,), 0.5, 0.0, 1.0, "the chance to lose 2 to 20 % of the image"),
    "turn_degrees": Kind((COPIES,), 90.0, -180.0, 180.0, "degrees counter-clockwise"),
    "scale_factor": Kind((COPIES,), 0.7, 0.1, 4.0, "a factor of the size"),
    "fill": Kind((BATCHES,), "edge", words=("edge", "reflect")),
}

# Names in params.yaml and records before the units: the same amounts, but for the shear.
_OLD_NAMES = {
    "rotation": "rotation_degrees",
    "shift": "shift_share",
    "zoom": "zoom_share",
    "crop_pad": "crop_pad_share",
    "brightness": "brightness_factors",
    "contrast": "contrast_factors",
    "erasing": "erasing_chance",
    "turn": "turn_degrees",
    "scale": "scale_factor",
}
_OLD_SHEAR = Kind(_BOTH, 0.2, 0.0, 1.0, f"a slope (degrees are named shear_degrees: 10), {_MOST}")
_LISTS = {
    "augment.copies": COPIES,
    "train.network.augmentation": BATCHES,
    "evaluate.tta_policy": BATCHES,
}


@dataclass(frozen=True)
class Step:
    """A step, checked, under its present name."""

    name: str
    amount: Amount = None

    def __str__(self) -> str:
        match self.amount:
            case None:
                return self.name
            case (low, high):
                return f"{self.name} {low:g} to {high:g}"
            case str(word):
                return f"{self.name} {word}"
            case amount:
                return f"{self.name} {amount:g}"

    @property
    def written(self) -> str | dict[str, Any]:
        """As it is written in params.yaml."""
        if self.amount is None:
            return self.name
        amount = list(self.amount) if isinstance(self.amount, tuple) else self.amount
        return {self.name: amount}


def parse_steps(entries: object, place: str) -> list[Step]:
    """The steps in a list as written in params.yaml, today's or an older build's.

    Raises ValueError that names what is wrong, what is legal and what was received.
    """
    if not isinstance(entries, list):
        raise ValueError(f"must be a list, such as [horizontal_flip]; got {entries!r}.")
    return [_parse_step(entry, place) for entry in entries]


def in_units(params: dict[str, Any]) -> dict[str, Any]:
    """Flat parameters (dotted key -> value) whose lists of steps have the present names.

    A list that is not legal stays as it is.
    """
    renamed = dict(params)
    for key, place in _LISTS.items():
        if key in params:
            try:
                renamed[key] = [step.written for step in parse_steps(params[key], place)]
            except ValueError:
                continue
    return renamed


def _parse_step(entry: object, place: str) -> Step:
    match entry:
        case Step():
            return entry
        case str(name):
            given: tuple[object, ...] = ()
        case dict() if len(entry) == 1:
            ((name, amount),) = entry.items()
            given = (amount,)
        case _:
            raise ValueError(
                f"a step is a name, or a name with its amount, such as rotation_degrees: 10; "
                f"got {entry!r}."
            )
    if name == "shear":
        slope = _amount(name, _OLD_SHEAR, given, place)
        assert isinstance(slope, float)
        return Step("shear_degrees", math.degrees(math.atan(slope)))
    legal = [name for name, kind in KINDS.items() if place in kind.places]
    known = _OLD_NAMES.get(name, name) if isinstance(name, str) else name
    if known not in legal:
        wrong = f"'{name}' has no meaning" if known in KINDS else f"'{name}' is not a step"
        raise ValueError(f"{wrong} in {place}.{nearest(known, legal)} Legal: {', '.join(legal)}.")
    return Step(known, _amount(known, KINDS[known], given, place))


def _amount(name: str, kind: Kind, given: tuple[object, ...], place: str) -> Amount:
    """The default, or the one amount given, within the bounds of its kind."""
    if not given:
        return kind.default
    (amount,) = given
    if kind.default is None:
        raise ValueError(f"{name} takes no amount; got {amount!r}.")
    if kind.words:
        if amount not in kind.words:
            near = nearest(amount, kind.words)
            raise ValueError(f"{name} must be {' or '.join(kind.words)}; got {amount!r}.{near}")
        return str(amount)
    paired = isinstance(kind.default, tuple)
    entries = amount if paired and isinstance(amount, list | tuple) else [amount]
    numbers = [float(n) for n in entries if isinstance(n, int | float) and n is not True]
    # nothing is drawn by 0 of a batch's step; a copy by 0 would be the image itself
    within = all(kind.low <= n <= kind.high and (n or place == BATCHES) for n in numbers)
    if not len(entries) == len(numbers) == 1 + paired or not within or sorted(numbers) != numbers:
        zero = ", not 0" if place == COPIES else ""
        example = list(kind.default) if isinstance(kind.default, tuple) else kind.default
        raise ValueError(
            f"{name} must be {kind.meaning}, from {kind.low:g} to {kind.high:g}{zero}; "
            f"got {amount!r}. An example: {name}: {example}."
        )
    return (numbers[0], numbers[1]) if paired else numbers[0]
