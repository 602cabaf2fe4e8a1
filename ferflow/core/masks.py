"""Masks of selected features: bool (d,), True for a feature that the classifier sees."""

import io
import math
import tokenize
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.files import atomic, read_bounded

_MAX_BYTES = 64 << 20  # a byte a feature; the widest extractors give some 100,000


def select_columns(x: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """The features (n, k) that the mask (d,) keeps, row by row; without a copy where it keeps all.

    `flat[:, mask]` would be laid out column by column and take 20 times as long
    (findings/numpy-turns-what-a-mask-of-columns-takes.sh).
    """
    flat = x.reshape(len(x), math.prod(x.shape[1:]))
    if flat.shape[1] != len(mask):
        raise DataError(f"the mask is for {len(mask)} features; these rows have {flat.shape[1]}.")
    return flat if mask.all() else np.asarray(np.take(flat, np.flatnonzero(mask), axis=1))


def save_mask(path: Path, mask: NDArray[np.bool_]) -> None:
    """Write a mask (d,) as .npy."""
    with atomic(path) as part, part.open("wb") as file:
        np.save(file, mask, allow_pickle=False)


def load_mask(path: Path) -> NDArray[np.bool_]:
    """The mask (d,) in a .npy file."""
    try:
        content = read_bounded(path, _MAX_BYTES)
        mask = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path} is not here. `dvc repro` makes it.") from None
    except (ValueError, EOFError, MemoryError, SyntaxError, tokenize.TokenError) as error:
        raise DataError(f"{path} is not a mask of features: {error}") from None
    if mask.dtype != np.bool_ or mask.ndim != 1 or not mask.any():
        raise DataError(f"{path} is not a mask of features: {mask.dtype} of shape {mask.shape}.")
    return cast(NDArray[np.bool_], mask)
