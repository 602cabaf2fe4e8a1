"""How many features a subset may have: `n_features_to_select` as a list of sizes."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_SIZES = 9  # that ants may choose among, of a range or with "auto"
LEGAL = "'auto', a count from 1, a fraction between 0 and 1, or a pair (lowest, highest) of them"


def candidate_sizes(wanted: Any, d: int) -> NDArray[np.int64]:
    """The sizes that ants choose among, rising, each from 1 to d.

    A count or a fraction of the d features is one size; a range is up to nine evenly spaced
    sizes from its lowest to its highest; 'auto' is 10 % to 90 % in steps of 10.
    Raises ValueError, naming the parameter, on anything else.
    """
    if isinstance(wanted, str) and wanted == "auto":
        return np.unique([max(1, round(share * d / 10)) for share in range(1, 10)])
    if isinstance(wanted, tuple | list) and len(wanted) == 2:
        lowest, highest = (_count(end, wanted, d) for end in wanted)
        if lowest > highest:
            raise _fault(wanted, d, "the lowest of a range must not exceed its highest")
        spaced = np.linspace(lowest, highest, min(N_SIZES, highest - lowest + 1))
        return np.unique(np.rint(spaced).astype(np.int64))
    return np.array([_count(wanted, wanted, d)])


def _count(end: Any, wanted: Any, d: int) -> int:
    """A count, or a fraction of d as a count."""
    if isinstance(end, Integral) and not isinstance(end, bool):
        if not 1 <= int(end) <= d:
            raise _fault(wanted, d, f"a count must be from 1 to {d}, the number of features")
        return int(end)
    if isinstance(end, Real) and not isinstance(end, bool) and 0 < float(end) < 1:
        return max(1, round(float(end) * d))
    raise _fault(wanted, d, "no such size")


def _fault(wanted: Any, d: int, reason: str) -> ValueError:
    return ValueError(
        f"n_features_to_select must be {LEGAL}, of {d} features ({reason}); got {wanted!r}."
    )
