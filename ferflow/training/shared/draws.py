"""Draws for a batch of images, or for the part of it that one of several processes has.

Draws belong to the image, not to the process: each process draws for all images of a batch, as one
process alone does, and takes those of its own rows. So all have the same random stream.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """Some rows of a batch of n: a slice, or their places, int64."""

    n: int
    rows: Any


def drawn(draw: Callable[[int], Tensor], n: int, part: Part | None) -> Tensor:
    """What `draw` makes for n rows; of a part's rows what it makes for the whole batch."""
    return draw(n) if part is None else draw(part.n)[part.rows]


def empty_like(x: Tensor, n: int) -> Tensor:
    """Room for n rows that lie in memory as the rows of x (at least 2, ...) do."""
    return x.new_empty_strided((n, *x.shape[1:]), x.stride())


def _uniform(x: Tensor, part: Part | None) -> Tensor:
    """A number from 0 to 1 for each row of x, (n,), on its device."""
    return drawn(lambda n: torch.rand(n, device=x.device), len(x), part)


def between(x: Tensor, part: Part | None, low: float, high: float) -> Tensor:
    """A number for each image of a batch, (n,), drawn evenly."""
    start, end = np.float32(low), np.float32(high)
    return _uniform(x, part) * float(end - start) + float(start)


def chosen(x: Tensor, part: Part | None, chance: float) -> Tensor:
    """For each image whether a step is done to it, bool (n, 1, 1, 1)."""
    if chance in (0, 1):
        return torch.full((len(x), 1, 1, 1), bool(chance), device=x.device)
    return (_uniform(x, part) < chance)[:, None, None, None]


def state_of(device: torch.device) -> list[Tensor]:
    """Where torch's random streams stand: the processor's and, if that is one, the GPU's."""
    states = [torch.get_rng_state()]
    return states if device.type == "cpu" else [*states, torch.cuda.get_rng_state(device)]


@contextmanager
def again(states: list[Tensor], device: torch.device) -> Iterator[None]:
    """Repeat the draws since then in the block; after it the streams stand where they stood."""
    now = state_of(device)
    _set(states, device)
    try:
        yield
    finally:
        _set(now, device)


def _set(states: list[Tensor], device: torch.device) -> None:
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)
