"""The verdict on a claimed figure: one value, put into words short and long in one place."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from ferflow.claims.registry import digits

HUMAN = (0.60, 0.70)  # agreement of people with the labels, 65 +- 5 %: Goodfellow et al. 2013
SINGLE = (0.725, 0.74)  # best confirmed single networks, PrivateTest
ENSEMBLES = (0.75, 0.77)  # best published ensembles, PrivateTest
CEILING_CLASSES = 7  # of which these speak
Z_975 = 1.96  # the normal distribution's 97.5 % quantile
MAJORITY = 879 / 3589  # what naming every image of PrivateTest happy would print

_SINGLES = f"single networks {SINGLE[0]:.3f} to {SINGLE[1]:.2f}"
_HONEST = f"{_SINGLES}, ensembles {ENSEMBLES[0]:.2f} to {ENSEMBLES[1]:.2f}"


class Kind(StrEnum):
    """Where a claimed accuracy lies."""

    BELOW = "below guessing"
    POSSIBLE = "possible"
    ABOVE = "above every published honest figure"
    NO_CEILING = "no ceiling is known"


@dataclass(frozen=True)
class Reading:
    """One mistake, and the honest accuracy from which it would print the figure.

    needed : accuracy over the data set's classes; None if no accuracy from 0 to 1 gives it.
    at_least : whether `needed` is a lower bound. reach : who reaches `needed`, in words.
    plausible : whether published models reach `needed`, and guessing does not exceed it.
    """

    mistake: str
    how: str
    needed: float | None
    at_least: bool
    reach: str
    plausible: bool

    @property
    def least(self) -> str:
        """'at least ' where `needed` is a bound."""
        return "at least " if self.at_least else ""


@dataclass(frozen=True)
class Beside:
    """A claimed figure beside what its preset reaches.

    side : 1, the claim is above the preset's figure and its scatter; 0, within; -1, below; None
    if the scatter is not known. reached : the preset's figure. share : of the scored images, the
    least that the preset must have been trained on to print the claim; None if the question does
    not arise. likened : the preset's mistakes that print the claim, within the scatter.
    """

    side: Literal[-1, 0, 1] | None
    reached: float
    unfinished: bool
    share: float | None = None
    likened: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What can be said of a claimed figure.

    kind : None for other metrics than accuracy, of which no ceiling is published. about : what no
    ceiling is known for, such as '5 classes'. readings : the mistakes that could print it; none for
    a figure that needs none. share : the least share of the scored images that a network of 0.74
    must have been trained on. recorded : whether the preset has a record. beside : its figure, None
    if it has none on the claim's split. one_run : whether that is of one run. caveats : what
    the verdict assumes.
    """

    claimed: float
    kind: Kind | None
    n_classes: int
    n_images: int
    about: str = ""
    readings: tuple[Reading, ...] = ()
    share: float | None = None
    preset: str | None = None
    recorded: bool = False
    one_run: bool = False
    beside: Beside | None = None
    caveats: tuple[str, ...] = field(default=())

    @property
    def needs_ensemble(self) -> bool:
        """Whether the figure is possible, but not for a published single network."""
        return self.kind is Kind.POSSIBLE and self.claimed > SINGLE[1]

    @property
    def short(self) -> str:
        """A few words for a table's cell."""
        parts = [self._kind_in_short(), *self._preset_in_short()]
        text = "; ".join(part for part in parts if part)
        return f"{text} ({'; '.join(self.caveats)})" if self.caveats and text else text

    @property
    def long(self) -> str:
        """The same in whole sentences."""
        caveats = [f"{caveat[0].upper()}{caveat[1:]}." for caveat in self.caveats]
        if self.one_run:
            caveats.append("One run: how training scatters is not known.")
        return " ".join([*self._kind_in_long(), *self._preset_in_long(), *caveats])

    def _kind_in_short(self) -> str:
        match self.kind:
            case Kind.POSSIBLE if self.beside is None or self.beside.side == 1:
                return "possible for ensembles alone" if self.needs_ensemble else "possible"
            case Kind.ABOVE:
                found = [
                    f"`{r.mistake}` of {r.least}{r.needed:.3f}"
                    for r in self.readings
                    if r.plausible and r.needed is not None and r.needed <= SINGLE[1]
                ]
                found += self._shares(short=True)
                return f"{self.kind}; consistent with {_either(found)}" if found else self.kind
            case Kind.NO_CEILING:
                return f"no ceiling is known for {self.about}"
            case Kind.BELOW:
                return f"below guessing ({1 / self.n_classes:.3f})"
        return ""

    def _preset_in_short(self) -> list[str]:
        if self.beside is None:
            return [f"its preset {self._absent()}"] if self.preset else []
        likened = _likened(self.beside)
        return [self._relation(), f"with {likened} the preset prints this" if likened else ""]

    def _relation(self) -> str:
        """How the preset's record compares, without a subject."""
        beside = self.beside
        assert beside is not None
        state = ", unfinished as it is" if beside.unfinished else ""
        match beside.side:
            case None:
                return f"its preset differs by {self.claimed - beside.reached:+.3f}{state}"
            case 1 if beside.unfinished:
                return f"its preset: unfinished at {beside.reached:.3f}"
            case 1:
                return "out of its preset's reach"
            case 0:
                return f"consistent with its preset{state}"
        return f"exceeded by its preset{state}"

    def _kind_in_long(self) -> list[str]:
        name = digits(self.claimed)
        match self.kind:
            case Kind.BELOW:
                return [self._below(name)]
            case Kind.POSSIBLE if self.needs_ensemble:
                return [
                    f"{name} is above every published single network ({SINGLE[0]:.3f} to "
                    f"{SINGLE[1]:.2f}) and possible for an ensemble ({ENSEMBLES[0]:.2f} to "
                    f"{ENSEMBLES[1]:.2f}).",
                    *self._excess(SINGLE[1], "single network"),
                    *self._consistent("For a single network it", SINGLE[1]),
                ]
            case Kind.POSSIBLE:
                sentences = [
                    f"{name} is possible: it needs no mistake.",
                    f"The best confirmed single networks reach {SINGLE[0]:.3f} to {SINGLE[1]:.2f}.",
                ]
                if self.claimed < MAJORITY:
                    sentences.append(
                        "It is less than naming every image of PrivateTest happy would print "
                        f"({MAJORITY:.3f})."
                    )
                return sentences
            case Kind.ABOVE:
                return [
                    f"{name} is above every published honest figure ({_HONEST}).",
                    *self._excess(ENSEMBLES[1], "ensemble"),
                    *self._consistent("It", ENSEMBLES[1]),
                ]
            case Kind.NO_CEILING:
                return [
                    f"No ceiling is known for {self.about}: {name} can be called neither possible "
                    "nor too high.",
                    *self._if_mistaken(),
                ]
        return []

    def _below(self, name: str) -> str:
        guess = 1 / self.n_classes
        margin = scatter(guess, self.n_images)
        start = f"{name} is below guessing ({guess:.3f} for {self.n_classes} classes)"
        if guess - self.claimed <= margin:
            return (
                f"{start} by less than the scatter of guessing on {self.n_images:,} images "
                f"(± {margin:.3f}): it cannot be told from guessing."
            )
        return f"{start}: the labels are in another order, or something is at fault."

    def _excess(self, ceiling: float, whose: str) -> list[str]:
        """A caution where chance alone may have lifted the figure over a ceiling."""
        margin = scatter(ceiling, self.n_images)
        if self.claimed - ceiling > margin:
            return []
        return [
            f"It exceeds the best {whose} by less than such a figure scatters on "
            f"{self.n_images:,} images (± {margin:.3f})."
        ]

    def _consistent(self, subject: str, ceiling: float) -> list[str]:
        """The mistakes that print the figure from an accuracy up to a ceiling."""
        found = [
            f"`{r.mistake}` of {r.least}{r.needed:.3f} ({r.reach})"
            for r in self.readings
            if r.plausible and r.needed is not None and r.needed <= ceiling
        ]
        found += self._shares(short=False)
        if not found:
            return []
        return [f"{subject} is consistent with {_either(found)}; a match proves nothing."]

    def _if_mistaken(self) -> list[str]:
        return [
            f"As the mean of one-vs-rest accuracies, it would be an accuracy of {r.needed:.3f}."
            for r in self.readings
            if r.mistake == "one_vs_rest" and r.needed is not None and r.plausible
            if abs(r.needed - self.claimed) > 5e-4  # of two classes it is the accuracy itself
        ]

    def _shares(self, *, short: bool) -> list[str]:
        """The least share of trained-on images; of the preset, too, if that is known."""
        if self.share is None or self.share <= 0.005:
            return []
        whose = [] if short else [f"by a network of {SINGLE[1]:.2f}"]
        if self.beside is not None and self.beside.share is not None:
            of_preset = "its preset" if short else f"one of {self.beside.reached:.3f}"
            whose.append(f"{_percent(self.beside.share)} by {of_preset}")
        tail = f" ({', '.join(whose)})" if whose else ""
        return [f"{_at_least(self.share)} of the scored images trained on{tail}"]

    def _preset_in_long(self) -> list[str]:
        beside = self.beside
        if beside is None:
            return [f"Its preset `{self.preset}` {self._absent()}."] if self.preset else []
        subject, name = f"Its preset `{self.preset}`", f"{beside.reached:.3f}"
        state = ", unfinished as it is" if beside.unfinished else ""
        match beside.side:
            case None:
                text = f"{subject} differs by {self.claimed - beside.reached:+.3f}{state}"
            case 1 if beside.unfinished:
                unknown = "which does not tell whether it can reach this"
                text = f"{subject} is unfinished at {name}, {unknown}"
            case 1:
                text = f"{subject} does not reach it ({name})"
            case 0:
                text = f"{subject} reaches the same within the scatter ({name}{state})"
            case _:
                text = f"{subject} exceeds it ({name}{state})"
        likened = _likened(beside)
        same = [f"With {likened} the preset prints the same within the scatter."]
        return [f"{text}.", *(same if likened else [])]

    def _absent(self) -> str:
        return "has no figure on this split" if self.recorded else "is not yet run"


def scatter(figure: float, n_images: int) -> float:
    """Half of the 95 % interval of an accuracy on n independent images (normal approximation)."""
    return Z_975 * math.sqrt(figure * (1 - figure) / n_images)


def _likened(beside: Beside) -> str:
    """The preset's mistakes that print the claim; empty if none does."""
    return _either([f"`{name}`" for name in beside.likened])


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def _at_least(share: float) -> str:
    return "all" if share >= 0.995 else f"at least {_percent(share)}"


def _either(items: list[str]) -> str:
    """'a', 'a or b', 'a, b or c'."""
    return " or ".join([", ".join(items[:-1]), items[-1]] if items[1:] else items)
