"""Batches of images: grey levels stay uint8, perhaps on disk, until a batch is made of them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

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


def to_tensor(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Images (n, side * side * channels) as float32 (n, channels, side, side), channels last.

    Values go from 0 to 1.
    """
    shape = row_shape(images.shape[1])
    assert shape is not None  # `check_images` refuses other rows
    side, channels = shape
    x = torch.from_numpy(np.array(images)).to(device)
    if channels == 1:
        x = x.view(-1, 1, side, side)
    else:
        x = x.view(-1, side, side, channels).permute(0, 3, 1, 2)
    return (x.float() / 255).contiguous(memory_format=torch.channels_last)


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its convolutions' weights laid out for images that are channels last."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def shuffled_batches(
    n: int, batch_size: int, generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """All n rows in a drawn order, `batch_size` at a time; a last row left alone is left out.

    (Batch norm cannot learn from one row.)
    """
    order = generator.permutation(n)
    for start in range(0, n - 1, batch_size):
        yield order[start : start + batch_size]


def n_batches(n: int, batch_size: int) -> int:
    """How many batches `shuffled_batches` makes."""
    return len(range(0, n - 1, batch_size))
