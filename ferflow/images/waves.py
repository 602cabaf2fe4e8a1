"""Waves that relatives are looked at through, and their derivatives by shift, turn and zoom."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

SIDE = 24  # pixels of the images that are compared

_HALF_WAVES = 8  # 0 to 7 of them, both ways, at most 9 together
_MOST_TOGETHER = 9
_WINDOW = 9.0  # pixels, the standard deviation of the Gaussian
_TURN = 1 / 8  # pixels of shift that a unit of turn or zoom is to the image's middle

Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Waves:
    """Projections of small images, rows of float32 (k, SIDE * SIDE), of which the even come first.

    projections : (5 k, SIDE * SIDE), the waves, then their derivatives by shift across, shift
    down, turn and zoom. even : (k,) whether a wave is the same in the mirror.
    """

    projections: Numbers
    even: NDArray[np.bool_]


@cache
def make_waves() -> Waves:
    """The waves: windowed cosines, orthogonal to each other and to an even grey."""
    place = np.arange(SIDE)
    window = np.exp(-((place - (SIDE - 1) / 2) ** 2) / (2 * _WINDOW**2))
    window = np.outer(window, window).ravel()
    cosines = np.cos(np.pi * np.outer(np.arange(_HALF_WAVES), place + 0.5) / SIDE)
    waves, even = [], []
    for parity in (0, 1):
        chosen = [
            np.outer(cosines[down], cosines[across]).ravel() * window
            for down in range(_HALF_WAVES)
            for across in range(parity, _HALF_WAVES, 2)
            if down + across <= _MOST_TOGETHER
        ]
        columns = np.array(chosen)
        # Gram and Schmidt's orthogonal waves, by Cholesky, which leaves no sign to choose
        straight = np.linalg.solve(np.linalg.cholesky(columns @ columns.T), columns)
        straight = straight[1 - parity :]  # the first even one sees nothing but brightness
        waves.append(straight * window)
        even += [parity == 0] * len(straight)
    own = np.concatenate(waves)
    return Waves(
        np.concatenate([own, *(own @ change for change in _derivatives())]).astype(np.float32),
        np.array(even),
    )


def _derivatives() -> list[NDArray[np.float64]]:
    """Matrices (SIDE ** 2, SIDE ** 2) of the derivatives by shift across and down, turn, zoom."""
    slope = (np.eye(SIDE, k=1) - np.eye(SIDE, k=-1)) / 2
    slope[0, :2] = slope[-1, -2:] = [-1, 1]
    across, down = np.kron(np.eye(SIDE), slope), np.kron(slope, np.eye(SIDE))
    y, x = (np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2).reshape(2, -1, 1) * _TURN
    return [across, down, x * down - y * across, x * across + y * down]
