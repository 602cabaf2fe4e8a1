"""Split files: the one format in which the stages hand rows to each other.

A split is one safetensors file: the rows' values, their classes, where each row comes from, and
as metadata the label names and what was done so far. The format holds no code, gives the same
bytes for the same content, and its arrays are mapped from disk instead of read into memory.
Any safetensors reader opens the files; our own writer exists because the library's cannot fill
an array piece by piece, which feature extraction needs.
"""

import json
import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError
from ferflow.core.files import atomic
from ferflow.core.rows import reserve

SPLITS = ("train", "val", "test")

ORIGINAL = ""  # `transform` of a row that is an image of the data set as it came

_DTYPES = {"U8": np.uint8, "I64": np.int64, "F32": np.float32, "BOOL": np.bool_}
_CODES = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}
_MAX_HEADER = 1 << 20  # bytes; ours are a few hundred
_PIECE = 1 << 24  # bytes written at a time

# what parsing a file that is something else can raise
_MALFORMED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,
    struct.error,
)


@dataclass(frozen=True)
class Split:
    """The rows of one split.

    x : uint8 images (n, height, width), grey levels 0 to 255, or (n, height, width, 3), RGB; or
        float32 features (n, d); or pictures as files, an object array (n,) of their bytes, uint8
        (k,) each (`ferflow.images.faces`).
    y : int64 (n,), index into `labels`.
    source_id : str (n,), the image that the row derives from; '' if several do (SMOTE).
    transform : str (n,), what was done to it: '' for the image itself, 'horizontal_flip', 'smote'.
    labels : class names in label order.
    meta : what later stages and readers must know (data set, pixel work, extractor).
    group : str (n,), the person (or sequence) on a row: rows of one group belong on one side of
        any later split. '' if nobody knows, which is what it is when left out.
    targets : float32 (n, n_classes), what share of people named each class, to be learnt in the
        place of y; without columns where nobody asked people, which is what it is when left out.
    """

    x: NDArray[Any]
    y: NDArray[np.int64]
    source_id: NDArray[np.str_]
    transform: NDArray[np.str_]
    labels: tuple[str, ...]
    meta: dict[str, Any] = field(default_factory=dict)
    group: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))
    targets: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def __post_init__(self) -> None:
        if not len(self.group):
            object.__setattr__(self, "group", np.full(len(self.y), ""))
        if not self.targets.shape[1]:
            object.__setattr__(self, "targets", np.empty((len(self.y), 0), np.float32))
        columns = (self.x, self.y, self.source_id, self.transform, self.group, self.targets)
        if len({len(column) for column in columns}) > 1:
            raise ValueError("its arrays differ in length")

    def __len__(self) -> int:
        return len(self.y)

    @property
    def original(self) -> NDArray[np.bool_]:
        """(n,) which rows are real images: no copies, nothing synthetic."""
        return np.asarray(self.transform == ORIGINAL)

    @property
    def is_soft(self) -> bool:
        """Whether people's votes are there to be learnt."""
        return bool(self.targets.shape[1])

    @property
    def learnt(self) -> NDArray[Any]:
        """What is to be learnt: classes (n,), or shares of votes (n, n_classes) where soft."""
        return self.targets if self.is_soft else self.y

    def take(self, rows: NDArray[Any] | slice, x: NDArray[Any] | None = None) -> "Split":
        """The rows that an index array, a mask or a slice names, in that order.

        x : the values of these rows, if they are not `self.x[rows]`.
        """
        return replace(
            self,
            x=self.x[rows] if x is None else x,
            y=self.y[rows],
            source_id=self.source_id[rows],
            transform=self.transform[rows],
            group=self.group[rows],
            targets=self.targets[rows],
        )

    @classmethod
    def join(cls, parts: Sequence["Split"]) -> "Split":
        """Splits one after another; labels and meta are the first one's."""
        return replace(
            parts[0],
            x=np.concatenate([part.x for part in parts]),
            y=np.concatenate([part.y for part in parts]),
            source_id=np.concatenate([part.source_id for part in parts]),
            transform=np.concatenate([part.transform for part in parts]),
            group=np.concatenate([part.group for part in parts]),
            targets=np.concatenate([part.targets for part in parts]),
        )

    def class_counts(self) -> dict[str, int]:
        """Rows per class, in label order, zeros included."""
        counts = np.bincount(self.y, minlength=len(self.labels))
        return dict(zip(self.labels, counts.tolist(), strict=True))


def save_split(path: Path, split: Split) -> None:
    """Write a split; the file appears whole or not at all.

    Piece by piece instead of through a mapping, whose pages would count as memory a second time.
    So `split.x` need only have a shape, a dtype and slices, made when they are asked for.
    """
    arrays = {"x": split.x} | _row_arrays(split)
    sizes = {name: (a.dtype, a.shape) for name, a in arrays.items()}
    if split.x.dtype == np.dtype(object):
        arrays["ends"] = np.cumsum([len(content) for content in split.x], dtype=np.int64)
        sizes["ends"] = (np.dtype(np.int64), arrays["ends"].shape)
        sizes["x"] = (np.dtype(np.uint8), (int(arrays["ends"][-1]) if len(split) else 0,))
    header, start = _header(sizes, split)
    with atomic(path) as part, part.open("wb") as file:
        file.write(header)
        for name in sorted(arrays, key=lambda name: start[name]):
            array = arrays[name]
            if array.dtype == np.dtype(object):
                file.writelines(content.tobytes() for content in array)
                continue
            n_rows = max(1, _PIECE // max(1, sizes[name][0].itemsize * math.prod(array.shape[1:])))
            for row in range(0, len(array), n_rows):
                file.write(array[row : row + n_rows].tobytes())


@contextmanager
def split_writer(
    path: Path, rows: Split, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Iterator[NDArray[Any]]:
    """Write a split whose values, (len(rows), *shape), are filled in piece by piece.

    Yields the array to fill, mapped to the new file; `rows.x` is not looked at.
    """
    tensors = _row_arrays(rows)
    sizes: dict[str, tuple[np.dtype[Any], tuple[int, ...]]]
    sizes = {"x": (np.dtype(dtype), (len(rows), *shape))}
    sizes |= {name: (array.dtype, array.shape) for name, array in tensors.items()}
    header, start = _header(sizes, rows)
    with atomic(path) as part:
        with part.open("wb") as file:
            file.write(header)
            reserve(file.fileno(), start["end"])
        for name, array in tensors.items():
            _map(part, "r+", *sizes[name], offset=start[name])[...] = array
        x = _map(part, "r+", *sizes["x"], offset=start["x"])
        yield x
        if isinstance(x, np.memmap):
            x.flush()


def load_split(path: Path) -> Split:
    """The split in a file, its values mapped from disk (read-only) rather than read.

    Raises DataError if the file is missing, cut short or not a split.
    """
    try:
        arrays, meta = _map_arrays(path)
        _check_rows(arrays, json.loads(meta["labels"]))
        split = Split(
            x=cut(arrays["x"], arrays["ends"]) if "ends" in arrays else arrays["x"],
            y=np.array(arrays["y"]),
            source_id=_to_str(arrays["source_id"]),
            transform=_to_str(arrays["transform"]),
            labels=tuple(json.loads(meta["labels"])),
            meta=json.loads(meta["meta"]),
            group=_to_str(arrays["group"]),
            targets=np.array(arrays.get("targets", np.empty((0, 0), np.float32))),
        )
    except FileNotFoundError:
        raise DataError(f"{path} is not here. `dvc repro` makes it.") from None
    except _MALFORMED as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(
            f"{path} is not a complete split file ({reason}). Delete it and run the command again."
        ) from None
    return split


def _row_arrays(rows: Split) -> dict[str, NDArray[Any]]:
    """What a split file holds beside the values."""
    arrays: dict[str, NDArray[Any]] = {
        "y": rows.y.astype(np.int64),
        "source_id": _to_bytes(rows.source_id),
        "transform": _to_bytes(rows.transform),
        "group": _to_bytes(rows.group),
    }
    return arrays | ({"targets": rows.targets.astype(np.float32)} if rows.is_soft else {})


def _header(
    sizes: dict[str, tuple[np.dtype[Any], tuple[int, ...]]], rows: Split
) -> tuple[bytes, dict[str, int]]:
    """The safetensors header, and where in the file each array (and the 'end') starts."""
    meta = {"labels": json.dumps(rows.labels), "meta": json.dumps(rows.meta, sort_keys=True)}
    offsets, offset = {}, 0
    for name, (dtype, shape) in sorted(sizes.items(), key=lambda item: -item[1][0].itemsize):
        offsets[name] = (offset, offset + dtype.itemsize * int(np.prod(shape, dtype=np.int64)))
        offset = offsets[name][1]
    entries: dict[str, Any] = {"__metadata__": meta}
    for name, span in offsets.items():
        dtype, shape = sizes[name]
        entries[name] = {"dtype": _CODES[dtype], "shape": shape, "data_offsets": span}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the arrays start aligned
    start = 8 + len(text)
    return struct.pack("<Q", len(text)) + text, {
        **{name: start + span[0] for name, span in offsets.items()},
        "end": start + offset,
    }


def _map_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays of a safetensors file, mapped, and its metadata."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _MAX_HEADER:
            raise ValueError("its header is too long")
        header = json.loads(file.read(length))
    meta = header.pop("__metadata__", {})
    start, arrays, end = 8 + length, {}, 0
    for name, entry in header.items():
        dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(entry["shape"])
        first, last = entry["data_offsets"]
        if first != end or last - first != dtype.itemsize * math.prod(shape):
            raise ValueError(f"the place of {name} does not fit its shape")
        end = last
        arrays[name] = _map(path, "r", dtype, shape, start + first)
    if path.stat().st_size != start + end:
        raise ValueError("it is cut short")
    return arrays, meta


def _check_rows(arrays: dict[str, NDArray[Any]], labels: Any) -> None:
    """ValueError if a class has no label, or an array has another type."""
    y = arrays["y"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError("its labels are not words")
    if y.dtype != np.int64 or y.ndim != 1 or (len(y) and not 0 <= y.min() <= y.max() < len(labels)):
        raise ValueError("its classes are not those of its labels")
    if any(arrays[n].dtype != np.uint8 for n in ("source_id", "transform", "group")):
        raise ValueError("its words are not bytes")
    targets = arrays.get("targets")
    if targets is not None and (
        targets.dtype != np.float32
        or targets.shape != (len(y), len(labels))
        or not (np.abs(targets.sum(axis=1) - 1) <= 1e-3).all()
        or not (targets >= 0).all()
    ):
        raise ValueError("its targets are not shares of its classes")


def cut(joined: NDArray[Any], ends: NDArray[np.int64]) -> NDArray[Any]:
    """Files' bytes, one after another in a file, as an object array (n,) of uint8 (k,).

    ends : int64 (n,), rising, where each ends. Raises ValueError if they do not fit.
    """
    bounds = np.concatenate([[0], ends])
    sound = joined.ndim == 1 and ends.ndim == 1 and ends.dtype == np.int64
    if not sound or (np.diff(bounds) < 0).any() or bounds[-1] != len(joined):
        raise ValueError("its pictures do not end where it says")
    joined, pictures = np.asarray(joined), np.empty(len(ends), object)
    for row, (start, end) in enumerate(pairwise(bounds.tolist())):
        pictures[row] = joined[start:end]
    return pictures


def _map(
    path: Path, mode: Any, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int
) -> NDArray[Any]:
    """An array mapped from a file (an ordinary one where it is empty: those cannot be mapped)."""
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, mode, offset, shape)


def _to_bytes(words: NDArray[np.str_]) -> NDArray[np.uint8]:
    """Strings (n,) as UTF-8 bytes (n, width), padded with zeros."""
    encoded = np.char.encode(np.asarray(words, dtype=np.str_), "utf-8")
    width = encoded.dtype.itemsize
    return np.frombuffer(encoded.tobytes(), np.uint8).reshape(len(encoded), width)


def _to_str(padded: NDArray[np.uint8]) -> NDArray[np.str_]:
    """The inverse of `_to_bytes`."""
    n, width = padded.shape
    return np.char.decode(
        np.ascontiguousarray(padded).view(f"S{max(width, 1)}").reshape(n), "utf-8"
    )
