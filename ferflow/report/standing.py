"""How each claim stands: claimed, reached honestly, reached by a mistake, and what that leaves.

Everything comes from the registry, the records and the decoder; nothing is run.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from ferflow.claims.decoder import decode, lifting_share
from ferflow.claims.registry import METRICS, Claim, Paper, load_papers
from ferflow.claims.verdict import CEILING_CLASSES, Z_975, Beside, Kind, Verdict, scatter
from ferflow.core.progress import progress
from ferflow.evaluation.without_twins import SUFFIX
from ferflow.records.record import MISTAKE, RunRecord, are_folds, groups, over_runs
from ferflow.report.ended import is_unfinished
from ferflow.report.margin import margin
from ferflow.runs.mistakes.by_name import right_by_threshold


@dataclass(frozen=True)
class Figure:
    """A recorded score; of several runs their mean and standard deviation.

    low, high : 95 % bounds, over images for one run, of the mean over seeds or folds for several;
    None if there are none (a bare score of one run).
    margin : by how much one more run may differ on the same kind of images, but for what its own
    test images do (95 %, see `ferflow.report.margin`). None if the bounds are.
    images, n_images : half of the 95 % interval of one run over its test images, and their number.
    what : 'seeds' or 'folds', of which there are n.
    unfinished : whether a training among them had not ended.
    """

    value: float
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    images: float | None = None
    n_images: int = 0
    n: int = 1
    sd: float = 0.0
    what: str = "seeds"
    unfinished: bool = False

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        if self.n == 1:
            return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"
        return f"{self.value:.3f} ± {self.sd:.3f} ({self.low:.3f} to {self.high:.3f})"

    @property
    def text(self) -> str:
        """With the number of runs where there are several, and marked where it is unfinished."""
        runs = f", {self.n} {self.what}" if self.n > 1 else ""
        return f"{self}{runs}{', unfinished' * self.unfinished}"


@dataclass(frozen=True)
class Standing:
    """One claimed figure. mistakes : name of a mistake -> what the preset prints with it."""

    paper: Paper
    claim: Claim
    metric: str
    claimed: float
    honest: Figure | None
    without_twins: Figure | None
    mistakes: dict[str, Figure]
    recorded: bool

    @property
    def nearest_mistake(self) -> tuple[str, Figure] | None:
        """Of a claim that its preset does not reach: the mistake that comes closest to it."""
        if not self.mistakes or self._side() != 1:
            return None
        return min(self.mistakes.items(), key=lambda item: abs(item[1].value - self.claimed))

    @property
    def verdict(self) -> Verdict:
        """What the decoder says of the figure, and how the preset's record compares."""
        verdict = self._of_the_figure()
        caveats = [self.claim.caveat] if self.claim.caveat else []
        if self.claim.n_images_assumed:
            caveats.append(f"{self.claim.n_images:,} test images are our assumption")
        return replace(
            verdict,
            preset=self.claim.preset,
            recorded=self.recorded,
            one_run=self.honest is not None and self.honest.n == 1,
            beside=self._beside(verdict),
            caveats=tuple(caveats),
        )

    def _of_the_figure(self) -> Verdict:
        claim, n = self.claim, self.claim.n_images
        if self.metric != "accuracy":
            return Verdict(self.claimed, None, claim.n_classes, n)
        verdict = decode(self.claimed, claim.n_classes, n_images=n)
        if claim.fer2013:
            return verdict
        return replace(verdict, kind=Kind.NO_CEILING, about=claim.data_set, readings=(), share=None)

    def _beside(self, verdict: Verdict) -> Beside | None:
        if self.honest is None:
            return None
        side = self._side()
        above = verdict.kind is Kind.ABOVE and self.claim.n_classes == CEILING_CLASSES
        share = lifting_share(self.claimed, self.honest.value) if above and side == 1 else None
        likened = [
            name for name, figure in self.mistakes.items() if side == 1 and self._apart(figure) == 0
        ]
        return Beside(side, self.honest.value, self.honest.unfinished, share, tuple(likened))

    def _side(self) -> Literal[-1, 0, 1] | None:
        """1 if the claim is above the preset's honest figure, -1 below, 0 within the scatter."""
        return self._apart(self.honest) if self.honest else None

    def _apart(self, figure: Figure) -> Literal[-1, 0, 1] | None:
        """1, -1 or 0: the claim is above, below or within a figure's scatter and its own.

        The claim's own test images are a sample, too. An accuracy's margin over them is binomial,
        at the accuracy of both together, for the question is whether they are one; another score's
        is the record's own, in proportion to the numbers of images. It is added in
        squares, as of independent errors. None if the figure's scatter is not known.
        """
        if figure.margin is None or figure.images is None:
            return None
        n = self.claim.n_images
        sampling = figure.images * math.sqrt(figure.n_images / n)
        if self.metric == "accuracy" and figure is self.honest:
            both = figure.value * figure.n_images + self.claimed * n
            sampling = scatter(both / (figure.n_images + n), n)
        gap = self.claimed - figure.value
        if abs(gap) <= math.hypot(figure.margin, sampling):
            return 0
        return 1 if gap > 0 else -1


def standings(records: list[RunRecord]) -> list[Standing]:
    """Every claimed figure of every paper, in order."""
    return list(_standings(records))


def honest_group(records: list[RunRecord], preset: str) -> list[RunRecord]:
    """The records of a preset as it is, a record for each seed."""
    return [r for r in records if r.group == (preset, "", "")]


def mistake_groups(records: list[RunRecord], preset: str) -> dict[str, list[RunRecord]]:
    """Mistake -> its records on a preset as it is."""
    wrong = [r for r in records if r.preset == preset and r.mistake and not r.variant]
    return {str(group[0].mistake): group for group in groups(wrong)}


def figure_of(
    group: list[RunRecord], split: str, score: str, *, unfinished: bool = False
) -> Figure | None:
    """A score of a group's records; None if a record lacks the split, or there is no record."""
    if not group or any(split not in record.metrics for record in group):
        return None
    bounds = [_bounds(record, split, score) for record in group]
    half = None if None in bounds else fmean((b[1] - b[0]) / 2 for b in bounds if b)
    values = [record.score(split, score) for record in group]
    found = make_figure(group, values, bounds[0], half, int(group[0].score(split, "n")))
    return replace(found, unfinished=unfinished)


def by_threshold(group: list[RunRecord], split: str) -> Figure | None:
    """One-vs-rest accuracy by the threshold of 0.5, from the stored probabilities.

    An image's value is the share of its decisions that are right; the interval of their mean is
    1.96 standard deviations over the root of the number of independent images.
    """
    answers = [record.answers() for record in group]
    if not group or any(split not in each for each in answers):
        return None
    values, halves = [], []
    for each in answers:
        a = each[split]
        right = right_by_threshold(a.y, a.p).mean(axis=1)
        values.append(float(right.mean()))
        halves.append(
            Z_975 * float(right.std(ddof=1)) / math.sqrt(a.n_independent) if len(right) > 1 else 1.0
        )
    bounds = values[0] - halves[0], values[0] + halves[0]
    return make_figure(group, values, bounds, fmean(halves), len(answers[0][split].y))


def metric_mistakes(group: list[RunRecord], split: str) -> dict[str, Figure]:
    """The mistakes that lie in the metric alone: any honest record shows what they print.

    Of several views (`test_tta`) records keep no probabilities, which the threshold of 0.5 needs.
    The arg-max reading is 1 - 2 (1 - a) / c, so its scatter is the accuracy's times 2 / c.
    """
    accuracy, threshold = figure_of(group, split, "accuracy"), by_threshold(group, split)
    reading = figure_of(group, split, "one_vs_rest_accuracy")
    if accuracy is None or reading is None:
        return {}
    labels = next(iter(group[0].answers().values())).labels
    share = 2 / len(group[0].protocol.get("classes") or labels)

    def scaled(value: float | None) -> float | None:
        return None if value is None else share * value

    def read(bound: float | None) -> float | None:
        return None if bound is None else 1 - share * (1 - bound)

    reading = replace(
        reading,
        low=read(accuracy.low),
        high=read(accuracy.high),
        margin=scaled(accuracy.margin),
        images=scaled(accuracy.images),
    )
    found = {"one_vs_rest": reading}
    return found | {"one_vs_rest at 0.5": threshold} if threshold else found


def make_figure(
    group: list[RunRecord],
    values: list[float],
    bounds: tuple[float, float] | None,
    half: float | None,
    n_images: int,
) -> Figure:
    """The figure of runs' values.

    bounds, half : a single run's interval over images; half its width, the runs' mean.
    """
    spread = None if half is None else margin(group, values, half)
    if len(values) == 1:
        low, high = bounds or (None, None)
        return Figure(values[0], low, high, spread, half, n_images)
    s = over_runs(group, values)
    what = "folds" if are_folds(group) else "seeds"
    return Figure(
        s["mean"], s["low"], s["high"], spread, half, n_images, len(values), s["sd"], what
    )


def _bounds(record: RunRecord, split: str, score: str) -> tuple[float, float] | None:
    bounds = record.intervals.get(split, {}).get(score)
    if bounds is None and score == "accuracy":  # Wilson's, which every scored split has
        return record.score(split, "accuracy_low"), record.score(split, "accuracy_high")
    return bounds


def _standings(records: list[RunRecord]) -> Iterator[Standing]:
    for paper in progress(load_papers().values(), "claims", unit="paper"):
        for claim in paper.claims:
            group = honest_group(records, claim.preset)
            wrong = mistake_groups(records, claim.preset)
            in_metric = metric_mistakes(group, claim.split)
            unfinished = any(is_unfinished(record, records) for record in group)
            for metric in METRICS:
                if metric not in claim.values:
                    continue
                mistakes = {
                    name: figure
                    for name, runs in wrong.items()
                    if (figure := figure_of(runs, MISTAKE, metric))
                }
                honest, without_twins = (
                    figure_of(group, split, metric, unfinished=unfinished)
                    for split in (claim.split, claim.split + SUFFIX)
                )
                yield Standing(
                    paper,
                    claim,
                    metric,
                    claim.values[metric],
                    honest,
                    without_twins,
                    mistakes | (in_metric if metric == "accuracy" else {}),
                    bool(group),
                )
