"""A matrix laid out so that some of its columns, or of its rows and columns, are quick to take."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_ROWS_AT_ONCE = 1024  # copied; both sides of the copy then fit the processor's cache


class Columns:
    """A matrix (n, d) kept column by column.

    Dense values lie as a contiguous (d, n) array of the dtype that they came in, so that a
    subset of columns is a copy of whole stretches of memory, handed on as an (n, k) array in
    Fortran order, in which forests and linear models work fastest. It is the one copy of the
    data: input that is mapped from disk is read in blocks, and joblib maps the array into
    worker processes, read-only and shared. Sparse input becomes a CSC matrix.
    """

    def __init__(self, x: Any) -> None:
        self.shape: tuple[int, int] = x.shape
        self.values: Any
        if sp.issparse(x):
            self.values = x.tocsc()
            return
        n, d = x.shape
        self.values = np.empty((d, n), dtype=x.dtype)
        for start in range(0, n, _ROWS_AT_ONCE):
            block = slice(start, start + _ROWS_AT_ONCE)
            self.values[:, block] = x[block].T

    def take(self, mask: NDArray[np.bool_], rows: NDArray[np.intp] | None = None) -> Any:
        """The columns that the mask (d,) keeps, of all rows or of those in `rows` (m,)."""
        kept = np.flatnonzero(mask)
        if sp.issparse(self.values):
            part = self.values[:, kept]
            return (part if rows is None else part[rows]).tocsr()
        if rows is None:
            return self.values[kept].T
        return self.values[np.ix_(kept, rows)].T
