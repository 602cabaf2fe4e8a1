"""The interval of an accuracy, and how many images count for it. Needs numpy alone."""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


def wilson_interval(n_correct: float, n: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Lower and upper bound, 0 to 1, of a proportion of ``n_correct`` out of ``n``.

    Both may be fractions of images, see `independent_rows`.

    Score interval without continuity correction: E. B. Wilson, JASA 22 (1927). Unlike the
    textbook normal interval it stays within 0 to 1 and has a width at 0 % and 100 %.
    """
    if not 0 <= n_correct <= n or n == 0:
        raise ValueError(f"n_correct must be 0 to n and n positive; got {n_correct} of {n}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = n_correct / n
    centre = share + z**2 / (2 * n)
    margin = z * (share * (1 - share) / n + (z / (2 * n)) ** 2) ** 0.5
    scale = 1 + z**2 / n
    # at 0 % and 100 % one bound is exactly 0 or 1, which rounding may miss by one unit
    low = (centre - margin) / scale if n_correct > 0 else 0.0
    return low, (centre + margin) / scale if n_correct < n else 1.0


def independent_rows(twins: NDArray[np.integer]) -> float:
    """How many independent images n images are worth, of which some show one photograph.

    twins : integer array of shape (n,), equal numbers for twins. Copies are answered alike, so a
    group of m counts as one image of weight m; the variance of the mean of such groups is that of
    n**2 / sum(m**2) independent images (Kish, Survey sampling, 1965, section 8.2, with a
    correlation of 1 inside the groups).
    """
    sizes = np.unique(twins, return_counts=True)[1].astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())
