"""Two records, or two groups of seeds or folds, on the same images: how far apart are they?

One run against one: the difference of each score with a paired bootstrap interval over images, and
McNemar's test of the decisions (McNemar 1947; exact and mid-p as in Fagerland, Lydersen and Laake
2013). It says whether these two models differ, not whether their systems do.

Several seeds: the difference of the means; images and seeds are both resampled, so the interval
holds the scatter of the test images and of the training. Equal seeds are drawn together.

Folds: every pair has other test images. The difference of each fold is a value, and their mean has
the corrected t-interval of `ferflow.records.record.over_runs`, because folds share training rows.
"""

from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from ferflow.core.errors import FerflowError
from ferflow.records.compact import KEPT_SPLITS, Answers
from ferflow.records.record import RunRecord, are_folds, over_runs
from ferflow.records.resampling import N_RESAMPLES, SEED, bootstrap, exact_scores, percentiles
from ferflow.records.whose_labels import check_same_labels

COMPARED = ("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "log_loss")


@dataclass(frozen=True)
class Difference:
    """A score of A and of B (mean over seeds), and B - A with its 95 % interval."""

    score: str
    a: float
    b: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """One model of A against one of B: the images that only one of them has right."""

    a: str
    b: str
    only_a: int
    only_b: int
    exact_p: float
    mid_p: float


@dataclass(frozen=True)
class Comparison:
    """Two groups on one split. n : images that both answered, of n_a and n_b; all folds' together.

    method : how the intervals were made, in words.
    """

    split: str
    n: int
    n_a: int
    n_b: int
    differences: list[Difference]
    tests: list[McNemar]
    method: str = f"Paired bootstrap over images (and seeds, if several), {N_RESAMPLES:,} draws."


def compare(a: list[RunRecord], b: list[RunRecord]) -> list[Comparison]:
    """A comparison for each split that all records have answered.

    Raises FerflowError if there is no such split, or the classes or all images differ; or
    folds are compared with other folds or with none.
    """
    check_same_labels([*a, *b])
    if are_folds(a) or are_folds(b):
        return _compare_folds(a, b)
    answers_a, answers_b = ([record.answers() for record in group] for group in (a, b))
    every = [*answers_a, *answers_b]
    splits = [name for name in KEPT_SPLITS if all(name in answers for answers in every)]
    if not splits:
        raise FerflowError("the records have neither val nor test in common.")
    return [
        compare_split(a, b, name, [x[name] for x in answers_a], [x[name] for x in answers_b])
        for name in splits
    ]


def _compare_folds(a: list[RunRecord], b: list[RunRecord]) -> list[Comparison]:
    """Group against group, fold by fold and seed by seed."""
    others = {(r.seed, r.n_folds, r.fold): r for r in b}
    pairs = [(r, others[key]) for r in a if (key := (r.seed, r.n_folds, r.fold)) in others]
    if len(pairs) < 2:
        raise FerflowError(
            f"folds are compared with the same folds, two or more; {a[0].name} and {b[0].name} "
            f"have {len(pairs)} in common (seed, number of folds and fold)."
        )
    each = [compare([one], [other]) for one, other in pairs]
    splits = [
        c.split for c in each[0] if all(c.split in {d.split for d in found} for found in each)
    ]
    return [
        _over_folds([r for r, _ in pairs], [c for found in each for c in found if c.split == split])
        for split in splits
    ]


def _over_folds(group: list[RunRecord], found: list[Comparison]) -> Comparison:
    """The folds' comparisons of one split as one."""
    differences = []
    for of_score in zip(*(comparison.differences for comparison in found), strict=True):
        s = over_runs(group, [d.difference for d in of_score])
        a, b = (fmean(values) for values in zip(*((d.a, d.b) for d in of_score), strict=True))
        name = of_score[0].score
        differences.append(Difference(name, a, b, s["mean"], s["low"], s["high"]))
    return Comparison(
        found[0].split,
        sum(comparison.n for comparison in found),
        sum(comparison.n_a for comparison in found),
        sum(comparison.n_b for comparison in found),
        differences,
        [test for comparison in found for test in comparison.tests],
        f"Mean of {len(found)} folds' differences, corrected t-interval (Nadeau and Bengio 2003).",
    )


def common_images(models: list[Answers], split: str) -> list[Answers]:
    """The models' answers to the images that all of them have, in the same order."""
    first = models[0]
    for other in models[1:]:
        if other.labels != first.labels:
            raise FerflowError(
                f"{split}: the records have different classes: {', '.join(first.labels)} "
                f"against {', '.join(other.labels)}."
            )
    images = first.image
    for other in models[1:]:
        images = np.intersect1d(images, other.image, assume_unique=True)
    if not len(images):
        raise FerflowError(f"{split}: the records have no image in common.")
    paired = [model.take(np.searchsorted(model.image, images)) for model in models]
    if any((other.y != paired[0].y).any() for other in paired[1:]):
        raise FerflowError(
            f"{split}: the records disagree about the images' classes, so these are other images "
            "(drawn faces of another seed are other faces)."
        )
    return paired


def mcnemar(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[int, int, float, float]:
    """(only a right, only b right, exact p, mid-p), two-sided, of paired decisions.

    a, b : (n,), whether each model is right. Under equal error rates, of the k images that one
    alone has right, a's share is binomial(k, 1/2). The exact p doubles the smaller tail; mid-p
    counts the observed value half, which makes the test less cautious than its level; both are 1
    if neither model is ahead.
    """
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    k, fewer = only_a + only_b, min(only_a, only_b)
    tail, point = float(binom.cdf(fewer, k, 0.5)), float(binom.pmf(fewer, k, 0.5))
    return only_a, only_b, min(1.0, 2 * tail), min(1.0, 2 * tail - point)


def compare_split(
    a: list[RunRecord],
    b: list[RunRecord],
    split: str,
    answers_a: list[Answers],
    answers_b: list[Answers],
) -> Comparison:
    """Two groups by what each of their records answered on a split."""
    models = common_images([*answers_a, *answers_b], split)
    draws = bootstrap(models)
    exact = [exact_scores(model) for model in models]
    pick_a, pick_b = _seed_draws([r.seed for r in a], [r.seed for r in b])
    rows = np.arange(N_RESAMPLES)[:, None]
    differences = []
    for name in COMPARED:
        drawn = draws[name].T  # (resamples, models)
        scatter = drawn[rows, len(a) + pick_b].mean(axis=1) - drawn[rows, pick_a].mean(axis=1)
        mean_a = float(np.mean([score[name] for score in exact[: len(a)]]))
        mean_b = float(np.mean([score[name] for score in exact[len(a) :]]))
        differences.append(Difference(name, mean_a, mean_b, mean_b - mean_a, *percentiles(scatter)))
    right = [model.p.argmax(axis=1) == model.y for model in models]
    tests = [
        McNemar(a[i].name, b[j].name, *mcnemar(right[i], right[len(a) + j]))
        for i, j in _pairs([r.seed for r in a], [r.seed for r in b])
    ]
    n_a, n_b = len(answers_a[0].y), len(answers_b[0].y)
    return Comparison(split, len(models[0].y), n_a, n_b, differences, tests)


def _seed_draws(
    seeds_a: list[int | None], seeds_b: list[int | None]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices into each group, a row for each resample: seeds are resampled as images are.

    So an interval over groups holds both scatters. Groups of the same seeds are drawn alike. Of n
    seeds n - 1 are drawn: the mean of n draws would scatter by (n - 1) / n too little, which
    counts among so few (Rao and Wu, J. American Statistical Association 83, 1988). What one seed
    scatters by nobody knows: it stays as it is.
    """
    rng = np.random.default_rng(SEED + 1)
    sizes = [(N_RESAMPLES, max(1, len(seeds) - 1)) for seeds in (seeds_a, seeds_b)]
    pick_a = rng.integers(0, len(seeds_a), sizes[0])
    if seeds_a == seeds_b:
        return pick_a, pick_a
    return pick_a, rng.integers(0, len(seeds_b), sizes[1])


def _pairs(seeds_a: list[int | None], seeds_b: list[int | None]) -> list[tuple[int, int]]:
    """Which models are tested against each other: equal seeds, or the two where there are two."""
    if len(seeds_a) == len(seeds_b) == 1:
        return [(0, 0)]
    return [(i, seeds_b.index(seed)) for i, seed in enumerate(seeds_a) if seed in seeds_b]
