"""An anti-aliased 48x48 canvas that is seen from where a head's pose puts it.

Lengths are pixels of the 48x48 picture. Points are (x, y) in the face's own frame: the origin
lies between the cheekbones, x grows to the right of the picture, y grows downwards.
"""

from dataclasses import dataclass
from math import cos, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.images.size import SIDE

SUPERSAMPLING = 4
_FRACTION_BITS = 4  # cv2 takes points in sixteenths of a pixel

Point = tuple[float, float]
Points = NDArray[np.float64]  # (n, 2)
Tones = NDArray[np.float32]  # (48, 48), grey levels 0 to 255

_TURN = np.linspace(-0.5 * np.pi, 1.5 * np.pi, 29)
CIRCLE = np.stack([np.sin(_TURN), -np.cos(_TURN)], axis=1)  # left, top, right, bottom, left
ARCH = CIRCLE[:15]  # the upper half

# Weights of three points, (15, 3), that make a curve run through them.
_T, _ACROSS, _UP = np.linspace(0.0, 1.0, 15), ARCH[:, 0], -ARCH[:, 1]
_PARABOLA = np.stack([(1 - _T) * (1 - 2 * _T), 4 * _T * (1 - _T), _T * (2 * _T - 1)], axis=1)
_HALF_ELLIPSE = np.stack([(1 - _ACROSS - _UP) / 2, _UP, (1 + _ACROSS - _UP) / 2], axis=1)

# The front of a head is taken for half an ellipsoid.
_HEAD_DEPTH = 11.0
_HEAD_CURVATURE = np.array([1 / 19**2, 1 / 27**2])


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where the head is; angles in radians."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    def project(self, points: Points) -> Points:
        """Face frame to picture frame. Turning slides what bulges forward past what does not."""
        depth = _HEAD_DEPTH * np.maximum(1 - points**2 @ _HEAD_CURVATURE, 0.0)[:, None]
        turned = points * (cos(self.yaw), cos(self.pitch))
        turned += depth * (sin(self.yaw), sin(self.pitch))
        along, across = self.scale * cos(self.roll), self.scale * sin(self.roll)
        centre = np.array([SIDE / 2 + self.shift_x, SIDE / 2 + self.shift_y])
        projected: Points = turned @ np.array([(along, across), (-across, along)]) + centre
        return projected


class Canvas:
    """A supersampled grey layer that takes shapes in a face's frame."""

    def __init__(self, pose: Pose, ground: float | NDArray[np.uint8]) -> None:
        """ground : one tone, or a uint8 picture of shape (192, 192)."""
        self._pose = pose
        self._pixels = np.full((SIDE * SUPERSAMPLING, SIDE * SUPERSAMPLING), ground, np.uint8)

    def fill(self, outline: Points, tone: float) -> None:
        cv2.fillPoly(self._pixels, [self._fixed(outline)], tone, cv2.LINE_AA, _FRACTION_BITS)

    def stroke(self, line: Points, tone: float, width: float) -> None:
        thick = max(1, round(width * SUPERSAMPLING * self._pose.scale))
        points = [self._fixed(line)]
        cv2.polylines(self._pixels, points, False, tone, thick, cv2.LINE_AA, _FRACTION_BITS)

    def reduce(self) -> Tones:
        """The layer at 48x48."""
        small = cv2.resize(self._pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return small.astype(np.float32)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        pixels = self._pose.project(points) * SUPERSAMPLING - 0.5  # cv2 counts from pixel centres
        sixteenths: NDArray[np.int32] = np.rint(pixels * 2**_FRACTION_BITS).astype(np.int32)
        return sixteenths


def ellipse(x: float, y: float, width: float, height: float) -> Points:
    """The outline of an ellipse about (x, y), from its half width and half height."""
    return CIRCLE * (width, height) + (x, y)


def curve(start: Point, middle: Point, end: Point, roundness: float = 0.0) -> Points:
    """A curve through three points, (15, 2): a parabola (roundness 0) to half an ellipse (1)."""
    weights = _PARABOLA + roundness * (_HALF_ELLIPSE - _PARABOLA)
    points: Points = weights @ np.array([start, middle, end])
    return points


def between(upper: Points, lower: Points) -> Points:
    """The outline of the area between two curves that run the same way."""
    return np.concatenate([upper, lower[::-1]])
