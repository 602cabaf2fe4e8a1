"""Batches of images: grey levels stay uint8 until a batch is made of them.

On the processor they stay where they are, perhaps on disk; on a GPU all of them lie there, and so
does the order in which they are seen, so that no batch waits for anything to come or go.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ferflow.core.errors import DataError
from ferflow.core.face_shape import row_shape
from ferflow.core.split import Split

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Scale:
    """What is taken off grey levels from 0 to 1, and what they are divided by then."""

    mean: float = 0.0
    std: float = 1.0

    def __call__(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std

    def undo(self, images: Tensor) -> Tensor:
        """Grey levels from 0 to 1 again."""
        return images * self.std + self.mean


def check_images(split: Split) -> tuple[int, int]:
    """Side in pixels and channels of a split's square images, uint8 (n, side * side * channels).

    Raises DataError for what is no image.
    """
    shape = row_shape(split.x.shape[1])
    if split.x.dtype != np.uint8 or shape is None:
        raise DataError(
            "a network takes images as they are, grey levels or colours of square pictures; got "
            f"{split.x.dtype} rows of {split.x.shape[1]}. Set features.method to pixels, and "
            "balance.method and selection.method to none."
        )
    return shape


def measure_scale(images: NDArray[np.uint8]) -> Scale:
    """Mean and standard deviation of all grey levels, 0 to 1, of images (n, d)."""
    total = squares = 0.0
    for start in range(0, len(images), _ROWS_AT_ONCE):
        levels = images[start : start + _ROWS_AT_ONCE].astype(np.float64) / 255
        total += float(levels.sum())
        squares += float((levels**2).sum())
    mean = total / images.size
    return Scale(mean, max(math.sqrt(max(squares / images.size - mean**2, 0.0)), 1e-3))


def is_apart(device: torch.device) -> bool:
    """Whether a device computes beside the program, which waits for it where it reads a value."""
    return device.type != "cpu"


class Rows:
    """Images and what is learnt of them, from which batches on a device are made.

    x : uint8 (n, d). y : classes, int64 (n,), or shares of them, float32 (n, n_classes).
    """

    def __init__(self, x: NDArray[np.uint8], y: NDArray[Any], device: torch.device) -> None:
        self._x: Any = x
        self.y = torch.from_numpy(np.array(y)).to(device)
        if is_apart(device):
            self._x = torch.from_numpy(np.array(x)).to(device)

    def __len__(self) -> int:
        return len(self.y)

    def batch(self, rows: Any) -> tuple[Tensor, Tensor]:
        """Some of the images as `to_tensor` makes them, and their classes."""
        return to_tensor(self._x[rows]), self.y[rows]


def to_tensor(images: NDArray[np.uint8] | Tensor) -> Tensor:
    """Images (n, side * side * channels) as float32 (n, channels, side, side), channels last.

    Values go from 0 to 1.
    """
    shape = row_shape(images.shape[1])
    assert shape is not None  # `check_images` refuses other rows
    side, channels = shape
    x = images if isinstance(images, Tensor) else torch.from_numpy(np.array(images))
    if channels == 1:
        x = x.view(-1, 1, side, side)
    else:
        x = x.view(-1, side, side, channels).permute(0, 3, 1, 2)
    return (x.float() / 255).contiguous(memory_format=torch.channels_last)


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its convolutions' weights laid out for images that are channels last."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def shuffled_batches(
    n: int, batch_size: int, generator: np.random.Generator, device: torch.device
) -> Iterator[Any]:
    """All n rows in a drawn order, `batch_size` at a time; a last row left alone is left out.

    (Batch norm cannot learn from one row.) int64, an array or, for a GPU, a tensor that lies there.
    """
    order: Any = generator.permutation(n)
    if is_apart(device):
        order = torch.from_numpy(order).to(device)
    for start in range(0, n - 1, batch_size):
        yield order[start : start + batch_size]


def n_batches(n: int, batch_size: int) -> int:
    """How many batches `shuffled_batches` makes."""
    return len(range(0, n - 1, batch_size))
