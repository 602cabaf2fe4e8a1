"""Augmentation policies: what may be done to the images of a batch while training.

A policy is a list of steps in params.yaml, each a name or a name with an amount, as in the section
`augment`; every image draws anew in every epoch. Affine steps are joined into one resampling.
"""

from dataclasses import dataclass
from typing import Any

from ferflow.core.params import nearest


@dataclass(frozen=True)
class Kind:
    """A step that there is.

    default : its amount where none is named; None where it takes none, a pair where it takes two.
    high : the largest legal amount; the smallest is 0.
    """

    default: float | tuple[float, float] | None
    high: float
    meaning: str


KINDS = {
    "horizontal_flip": Kind(None, 0.0, "half of the images"),
    "rotation": Kind(10.0, 180.0, "degrees either way"),
    "shift": Kind(0.1, 0.5, "a share of the side, each axis, either way"),
    "zoom": Kind(0.2, 0.9, "a share of the size, either way"),
    "shear": Kind(0.2, 1.0, "a slope either way"),
    "brightness": Kind((0.5, 1.5), 4.0, "two factors [lowest, highest]"),
    "contrast": Kind((0.5, 1.5), 4.0, "two factors [lowest, highest], about the mean"),
    "erasing": Kind(0.5, 1.0, "the chance that 2 to 20 % of an image turn into noise"),
}


@dataclass(frozen=True)
class Step:
    """A step of a policy, checked."""

    name: str
    amount: float | tuple[float, float] | None


def check_policy(policy: list[Any]) -> list[Step]:
    """The steps of a policy as it stands in params.yaml.

    Raises ValueError that names what is wrong, what is legal and what was received.
    """
    steps = [_check_step(entry) for entry in policy]
    names = [step.name for step in steps]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"each step may stand once in a policy; twice: {', '.join(twice)}.")
    return steps


def _check_step(entry: Any) -> Step:
    pair = next(iter(entry.items())) if isinstance(entry, dict) and len(entry) == 1 else None
    name, amount = pair or (entry, None)
    if not isinstance(name, str) or name not in KINDS:
        raise ValueError(
            f"{entry!r} is no step of a policy.{nearest(name, KINDS)} "
            f"Legal: {', '.join(KINDS)}, alone or as name: amount."
        )
    kind = KINDS[name]
    if pair is None:
        return Step(name, kind.default)
    if kind.default is None:
        raise ValueError(f"{name} takes no amount; got {amount!r}.")
    n = 2 if isinstance(kind.default, tuple) else 1
    numbers = amount if isinstance(amount, list) else [amount]
    legal = all(isinstance(a, int | float) and 0 <= a <= kind.high for a in numbers)
    if len(numbers) != n or not legal or sorted(numbers) != numbers:
        raise ValueError(f"{name} takes {kind.meaning}, 0 to {kind.high:g}; got {amount!r}.")
    return Step(name, (float(numbers[0]), float(numbers[1])) if n == 2 else float(numbers[0]))
