"""How alike subsets are: over the seeds of a selector, or over the ants of an iteration."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def jaccard_stability(masks: ArrayLike) -> float:
    """Mean over all pairs of |A and B| / |A or B|, 0 to 1; 1 means the same subset each time.

    masks : bool (n, d), two subsets or more, none empty. The value expected of random subsets
    grows with their size (a third at half of all features), so compare at equal sizes, or use
    `kuncheva_index`. Kalousis, Prados and Hilario 2007, Knowledge and Information Systems 12.
    Raises ValueError on other input.
    """
    subsets = _subsets(masks)
    shared, sizes = _overlaps(subsets)
    union = sizes[:, None] + sizes[None, :] - shared
    return _mean_of_pairs(shared / union)


def mean_jaccard_distance(masks: ArrayLike) -> float:
    """1 - `jaccard_stability`: the diversity of the ants, 0 where all took the same subset."""
    return 1 - jaccard_stability(masks)


def kuncheva_index(masks: ArrayLike) -> float:
    """Mean over all pairs of (r d - k^2) / (k (d - k)), with r features shared of k; -1 to 1.

    Corrected for chance: about 0 for random subsets, 1 for equal ones. Kuncheva 2007, "A
    stability index for feature selection", IASTED Artificial Intelligence and Applications.
    masks : bool (n, d), two subsets or more of one size k, 1 to d - 1; ValueError otherwise.
    """
    subsets = _subsets(masks)
    shared, sizes = _overlaps(subsets)
    d, k = subsets.shape[1], sizes[0]
    if (sizes != k).any() or k == d:
        raise ValueError(
            f"masks must keep one number of features from 1 to {d - 1}; got {sizes.astype(int)}. "
            "jaccard_stability compares subsets of different sizes."
        )
    return _mean_of_pairs((shared * d - k**2) / (k * (d - k)))


def _subsets(masks: ArrayLike) -> NDArray[np.bool_]:
    subsets = np.asarray(masks)
    if subsets.dtype != np.bool_ or subsets.ndim != 2 or len(subsets) < 2:
        raise ValueError(
            "masks must be a bool array (n, d) of two subsets or more; "
            f"got {subsets.dtype} of shape {subsets.shape}."
        )
    if not subsets.any(axis=1).all():
        raise ValueError("masks must keep a feature each; got an empty subset.")
    return subsets


def _overlaps(subsets: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sizes of the intersections (n, n), and of the subsets (n,)."""
    numbers = subsets.astype(np.float64)
    return numbers @ numbers.T, numbers.sum(axis=1)


def _mean_of_pairs(values: NDArray[np.float64]) -> float:
    return float(values[np.triu_indices(len(values), 1)].mean())
