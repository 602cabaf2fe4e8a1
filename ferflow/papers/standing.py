"""How each claim stands: claimed, reached honestly, reached by a mistake, and what that leaves.

Everything comes from the registry, the records and the decoder; nothing is run.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ferflow.papers.decoder import N_TEST, SINGLE, Decoding, decode
from ferflow.papers.records import RunRecord, over_runs
from ferflow.papers.registry import METRICS, Claim, Paper, digits, load_papers

TWINS = "_without_twins"  # what `evaluate` adds to a split's name


@dataclass(frozen=True)
class Figure:
    """A recorded score; over several seeds their mean with its t-interval.

    low, high : 95 % bounds, None where there are none (a bare score of one run).
    """

    value: float
    low: float | None
    high: float | None
    n_seeds: int

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        seeds = f", {self.n_seeds} seeds" if self.n_seeds > 1 else ""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}{seeds})"


@dataclass(frozen=True)
class Standing:
    """One claimed figure. mistakes : name of a mistake -> what the preset scores with it."""

    paper: Paper
    claim: Claim
    metric: str
    claimed: float
    honest: Figure | None
    without_twins: Figure | None
    mistakes: dict[str, Figure]

    @property
    def decoding(self) -> Decoding | None:
        """What the decoder says of it; None where FER-2013's ceiling does not bound it."""
        if self.metric != "accuracy" or not self.claim.fer2013:
            return None
        return decode(self.claimed, self.claim.n_classes)

    @property
    def verdict(self) -> str:
        """The decoder's sentence, and how the preset's record compares."""
        sentences = [self.decoding.verdict] if self.decoding else []
        if self.metric == "accuracy" and not self.claim.fer2013:
            sentences.append(
                f"What models reach on FER-2013 says nothing of {self.claim.data_set}."
            )
        if self.honest is not None:
            sentences.append(f"{self._against_record()}.")
        return " ".join(sentences) or "-"

    @property
    def short_verdict(self) -> str:
        """As `verdict`, in a few words: of the mistakes, those that one network could make."""
        if self.honest and (self.decoding is None or self.decoding.honest):
            return self._against_record()
        if self.decoding is None:
            return "no ceiling is known" if self.metric == "accuracy" else "-"
        if self.decoding.honest:
            return "within reach of published models"
        found = [
            f"`{r.mistake}` of {'at least ' if r.at_least else ''}{r.needed:.3f}"
            for r in self.decoding.readings
            if r.plausible and r.needed is not None and r.needed <= SINGLE[1]
        ]
        if self.decoding.share is not None:
            found.append(f"{self.decoding.share:.0%} of the scored images trained on")
        return f"out of reach; consistent with {', or '.join(found)}" if found else "out of reach"

    def _against_record(self) -> str:
        """Above, below or within what the preset reaches, allowing for both figures' scatter.

        The claim's own test images are a sample, too: as many as PrivateTest's are supposed, and
        their 95 % margin is added to the record's in squares, as of independent errors.
        """
        figure, name = self.honest, digits(self.claimed)
        if figure is None:
            return "not yet run"
        if figure.low is None or figure.high is None:
            return f"its preset differs by {self.claimed - figure.value:+.3f}"
        sampling = 1.96 * math.sqrt(self.claimed * (1 - self.claimed) / N_TEST)
        margin = math.hypot((figure.high - figure.low) / 2, sampling)
        if self.claimed > figure.value + margin:
            return f"{name} is out of reach of its preset"
        if self.claimed < figure.value - margin:
            return f"{name} is exceeded by its preset"
        return f"{name} is consistent with its preset"


def standings(records: list[RunRecord]) -> list[Standing]:
    """Every claimed figure of every paper, in order."""
    return list(_standings(records))


def honest_group(records: list[RunRecord], preset: str) -> list[RunRecord]:
    """The records of a preset as it is, a record for each seed."""
    return [r for r in records if r.group == (preset, "", "")]


def figure_of(group: list[RunRecord], split: str, score: str) -> Figure | None:
    """A score of a group's records; None where a record lacks the split, or there is no record."""
    if not group or any(split not in record.metrics for record in group):
        return None
    values = [record.score(split, score) for record in group]
    if len(values) > 1:
        s = over_runs(values)
        return Figure(s["mean"], s["low"], s["high"], len(values))
    bounds = group[0].intervals.get(split, {}).get(score)
    if bounds is None and score == "accuracy":  # Wilson's, which every scored split has
        bounds = group[0].score(split, "accuracy_low"), group[0].score(split, "accuracy_high")
    low, high = bounds or (None, None)
    return Figure(values[0], low, high, 1)


def _standings(records: list[RunRecord]) -> Iterator[Standing]:
    for paper in load_papers().values():
        for claim in paper.claims:
            group = honest_group(records, claim.preset)
            wrong = {r.mistake: r for r in records if r.preset == claim.preset and r.mistake}
            for metric in METRICS:
                if metric not in claim.values:
                    continue
                mistakes = {
                    str(name): figure
                    for name, record in wrong.items()
                    if (figure := figure_of([record], claim.split, metric))
                }
                yield Standing(
                    paper,
                    claim,
                    metric,
                    claim.values[metric],
                    figure_of(group, claim.split, metric),
                    figure_of(group, claim.split + TWINS, metric),
                    mistakes,
                )
