"""Rows that stand for an array, and arrays in files: data sets larger than the memory.

What is worked through a part at a time need not lie in memory: `Rows` makes its rows when slices
or single ones are asked for, and `scratch_array` lies on the disk.
"""

import errno
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DiskError

_AT_ONCE = 1024  # rows
_LARGE_FILES = Path("/var/tmp")  # /tmp is memory on many systems


class Rows(ABC):
    """Stands for an array where its shape, dtype, slices, rows and masks are asked for."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @abstractmethod
    def __getitem__(self, rows: Any) -> NDArray[Any]: ...

    def __iter__(self) -> Iterator[NDArray[Any]]:
        for start in range(0, len(self), _AT_ONCE):
            yield from np.asarray(self[start : start + _AT_ONCE])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)


class Stacked(Rows):
    """Arrays (n, ...) of one shape and dtype, one after another."""

    def __init__(self, parts: Sequence[NDArray[Any]]) -> None:
        self._parts = [np.asarray(part) for part in parts]
        self._ends = np.cumsum([len(part) for part in parts])
        self.shape = (int(self._ends[-1]), *parts[0].shape[1:])
        self.dtype = parts[0].dtype

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1:
                return self._slice(start, max(start, stop))
        places = rows if _are_places(rows) else np.arange(len(self))[rows]
        found = np.empty((places.size, *self.shape[1:]), self.dtype)
        owner = np.searchsorted(self._ends, places.ravel(), side="right")
        for number in np.unique(owner):
            own, part = owner == number, self._parts[number]
            found[own] = part[places.ravel()[own] - (self._ends[number] - len(part))]
        return found.reshape(places.shape + self.shape[1:])

    def _slice(self, start: int, stop: int) -> NDArray[Any]:
        """A view where the slice lies in one part."""
        pieces = []
        for part, end in zip(self._parts, self._ends.tolist(), strict=True):
            first = end - len(part)
            if start < end and stop > first:
                pieces.append(part[max(0, start - first) : stop - first])
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else np.empty((0, *self.shape[1:]), self.dtype)


def stack(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays one after another, as `Stacked`; arrays of objects as an array of them."""
    if parts[0].dtype == np.dtype(object):
        return np.concatenate(parts)
    return cast(NDArray[Any], Stacked(parts))


def _are_places(rows: Any) -> bool:
    """Whether these are row numbers from 0."""
    return (
        isinstance(rows, np.ndarray)
        and np.issubdtype(rows.dtype, np.integer)
        and bool((rows >= 0).all())
    )


class Taken(Rows):
    """The rows of an array, or of `Rows`, that an index array (k,) names."""

    def __init__(self, array: Any, rows: NDArray[np.intp]) -> None:
        self._array, self._rows = array, rows
        self.shape = (len(rows), *array.shape[1:])
        self.dtype = array.dtype

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        return np.asarray(self._array[self._rows[rows]])


def batches(parts: Iterable[NDArray[Any]], size: int) -> Iterator[NDArray[Any]]:
    """Arrays (k, n) joined along n until they have so many columns or more; none is empty."""
    held, n = list[NDArray[Any]](), 0
    for part in parts:
        if part.shape[1]:
            held.append(part)
            n += part.shape[1]
        if n >= size:
            yield np.concatenate(held, axis=1)
            held, n = [], 0
    if held:
        yield np.concatenate(held, axis=1)


def scratch_array(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array of zeros in a file without a name, which is gone with the array.

    The file lies where the variable TMPDIR says, else in /var/tmp where there is one.
    Raises DiskError if the disk is too full.
    """
    if 0 in shape:
        return np.empty(shape, dtype)
    with scratch_file() as file:
        reserve(file.fileno(), np.dtype(dtype).itemsize * int(np.prod(shape, dtype=np.int64)))
        return map_scratch(file, dtype, shape)


def scratch_copy(rows: Rows) -> NDArray[Any]:
    """The rows as a `scratch_array`."""
    copy = scratch_array(rows.shape, rows.dtype)
    for start in range(0, len(rows), _AT_ONCE):
        copy[start : start + _AT_ONCE] = rows[start : start + _AT_ONCE]
    return copy


@contextmanager
def scratch_file() -> Iterator[IO[bytes]]:
    """A file without a name to write to, and then to map; DiskError as of `scratch_array`."""
    named = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    folder = None if named or not os.access(_LARGE_FILES, os.W_OK) else _LARGE_FILES
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            yield file
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DiskError(
            f"{folder or tempfile.gettempdir()} is too full for a temporary file. Free disk space, "
            "or set TMPDIR to a folder that has some."
        ) from None


def map_scratch(file: IO[bytes], dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """The array that was written to a scratch file; it stays after the file was closed."""
    file.flush()
    return (
        np.empty(shape, dtype) if 0 in shape else np.asarray(np.memmap(file, dtype, "r+", 0, shape))
    )


def reserve(file: int, size: int) -> None:
    """Make a file that long; an OSError if the disk is too full.

    Mapped from a file with holes, a full disk would be a signal that ends the process.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:  # macOS
        os.truncate(file, size)
