"""How each claim stands: claimed, reached honestly, reached by a mistake, and what that leaves.

Everything comes from the registry, the records and the decoder; nothing is run.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean

from ferflow.papers.decoder import N_TEST, SINGLE, Decoding, decode
from ferflow.papers.mistakes import one_vs_rest_accuracy_by_threshold
from ferflow.papers.records import MISTAKE, RunRecord, groups, over_runs, student_t_975
from ferflow.papers.registry import METRICS, Claim, Paper, digits, load_papers

TWINS = "_without_twins"  # what `evaluate` adds to a split's name


@dataclass(frozen=True)
class Figure:
    """A recorded score; of several runs their mean and standard deviation.

    low, high : 95 % bounds, over images for one run, of the mean over seeds or folds for several;
    None where there are none (a bare score of one run).
    margin : by how much one more run, on other images of the same kind, may differ (95 %): from
    the images alone where there is one run. None where the bounds are.
    what : 'seeds' or 'folds', of which there are n.
    """

    value: float
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    n: int = 1
    sd: float = 0.0
    what: str = "seeds"

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        if self.n == 1:
            return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"
        return f"{self.value:.3f} ± {self.sd:.3f} ({self.low:.3f} to {self.high:.3f})"

    @property
    def text(self) -> str:
        """With the number of runs, where there are several."""
        return f"{self}, {self.n} {self.what}" if self.n > 1 else str(self)


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

    @property
    def decoding(self) -> Decoding | None:
        """What the decoder says of it; None where FER-2013's ceiling does not bound it."""
        if self.metric != "accuracy" or not self.claim.fer2013:
            return None
        return decode(self.claimed, self.claim.n_classes)

    @property
    def nearest_mistake(self) -> tuple[str, Figure] | None:
        """Of a claim that its preset does not reach: the mistake that comes closest to it."""
        if not self.mistakes or self._side() <= 0:
            return None
        return min(self.mistakes.items(), key=lambda item: abs(item[1].value - self.claimed))

    @property
    def verdict(self) -> str:
        """The decoder's sentence, and how the preset's record compares."""
        sentences = [self.decoding.verdict] if self.decoding else []
        if self.metric == "accuracy" and not self.claim.fer2013:
            sentences.append(
                f"What models reach on FER-2013 says nothing of {self.claim.data_set}."
            )
        if self.honest is not None:
            sentences.append(f"{self._against_record()}{self._like_mistakes()}.")
        return " ".join(sentences) or "-"

    @property
    def short_verdict(self) -> str:
        """As `verdict`, in a few words: of the mistakes, those that one network could make."""
        if self.honest and (self.decoding is None or self.decoding.honest):
            return self._against_record() + self._like_mistakes()
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
        text = f"out of reach; consistent with {', or '.join(found)}" if found else "out of reach"
        return f"{text}{self._like_mistakes()}"

    def _against_record(self) -> str:
        """Above, below or within what the preset reaches, allowing for both figures' scatter."""
        figure, name = self.honest, digits(self.claimed)
        if figure is None:
            return "not yet run"
        if figure.margin is None:
            return f"its preset differs by {self.claimed - figure.value:+.3f}"
        words = ("exceeded by", "consistent with", "out of reach of")[self._side() + 1]
        return f"{name} is {words} its preset"

    def _like_mistakes(self) -> str:
        """Which of the preset's mistakes print such a figure, where its honest run does not."""
        if self._side() <= 0:
            return ""
        names = [
            f"`{name}`"
            for name, figure in self.mistakes.items()
            if figure.margin is not None and not self._apart(figure)
        ]
        word = "mistakes" if len(names) > 1 else "mistake"
        return f"; consistent with its {word} {', '.join(names)}" if names else ""

    def _side(self) -> int:
        """1 where the claim is above the preset's honest figure, -1 below, 0 within the scatter."""
        return self._apart(self.honest) if self.honest else 0

    def _apart(self, figure: Figure) -> int:
        """1, -1 or 0: the claim is above, below or within a figure's scatter and its own.

        The claim's own test images are a sample, too: as many as PrivateTest's are supposed, and
        their 95 % margin is added to the record's in squares, as of independent errors.
        """
        if figure.margin is None:
            return 0
        sampling = 1.96 * math.sqrt(self.claimed * (1 - self.claimed) / N_TEST)
        gap = self.claimed - figure.value
        return 0 if abs(gap) <= math.hypot(figure.margin, sampling) else int(math.copysign(1, gap))


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


def figure_of(group: list[RunRecord], split: str, score: str) -> Figure | None:
    """A score of a group's records; None where a record lacks the split, or there is no record."""
    if not group or any(split not in record.metrics for record in group):
        return None
    bounds = [_bounds(record, split, score) for record in group]
    half = None if None in bounds else fmean((b[1] - b[0]) / 2 for b in bounds if b)
    return _figure(group, [record.score(split, score) for record in group], bounds[0], half)


def by_threshold(group: list[RunRecord], split: str) -> Figure | None:
    """One-vs-rest accuracy by the threshold of 0.5, from the stored probabilities."""
    answers = [record.answers() for record in group]
    if not group or any(split not in each for each in answers):
        return None
    values = [one_vs_rest_accuracy_by_threshold(a[split].y, a[split].p) for a in answers]
    return _figure(group, values, None, None)


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
    if accuracy.low is not None and accuracy.high is not None and accuracy.margin is not None:
        low, high = (1 - share * (1 - bound) for bound in (accuracy.low, accuracy.high))
        reading = replace(reading, low=low, high=high, margin=share * accuracy.margin)
    found = {"one_vs_rest": reading}
    return found | {"one_vs_rest at 0.5": threshold} if threshold else found


def _figure(
    group: list[RunRecord],
    values: list[float],
    bounds: tuple[float, float] | None,
    half: float | None,
) -> Figure:
    """bounds, half : a single run's interval over images; half its width, the runs' mean."""
    if len(values) == 1:
        low, high = bounds or (None, None)
        return Figure(values[0], low, high, half)
    s = over_runs(group, values)
    of_mean, of_a_run = (s["high"] - s["low"]) / 2, student_t_975(len(values)) * s["sd"]
    margin = math.hypot(of_mean, of_a_run, half or 0.0)
    what = "folds" if len({record.fold for record in group}) > 1 else "seeds"
    return Figure(s["mean"], s["low"], s["high"], margin, len(values), s["sd"], what)


def _bounds(record: RunRecord, split: str, score: str) -> tuple[float, float] | None:
    bounds = record.intervals.get(split, {}).get(score)
    if bounds is None and score == "accuracy":  # Wilson's, which every scored split has
        return record.score(split, "accuracy_low"), record.score(split, "accuracy_high")
    return bounds


def _standings(records: list[RunRecord]) -> Iterator[Standing]:
    for paper in load_papers().values():
        for claim in paper.claims:
            group = honest_group(records, claim.preset)
            wrong = mistake_groups(records, claim.preset)
            in_metric = metric_mistakes(group, claim.split)
            for metric in METRICS:
                if metric not in claim.values:
                    continue
                mistakes = {
                    name: figure
                    for name, runs in wrong.items()
                    if (figure := figure_of(runs, MISTAKE, metric))
                }
                yield Standing(
                    paper,
                    claim,
                    metric,
                    claim.values[metric],
                    figure_of(group, claim.split, metric),
                    figure_of(group, claim.split + TWINS, metric),
                    mistakes | (in_metric if metric == "accuracy" else {}),
                )
