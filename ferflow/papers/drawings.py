"""The report's drawings as SVG: small text files that Git, a page and Markdown can hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ferflow.evaluation.figures import COLOURS, DASHES

_WIDTH, _HEIGHT = 330, 250  # of a chart's frame, in pixels
_LEFT, _TOP = 56, 12
_CELL_WIDTH, _CELL_HEIGHT, _NAMES = 46, 30, 74  # of a matrix


@dataclass(frozen=True)
class Line:
    """A named curve, drawn once for each of several runs; (n, 2) points each, NaN left out."""

    name: str
    runs: Sequence[NDArray[np.float64]]


@dataclass(frozen=True)
class _Axis:
    """What a chart's side shows: from low to high, with marks at `ticks`."""

    name: str
    low: float
    high: float
    ticks: list[float]

    def share(self, value: float) -> float:
        """How far along the axis a value lies, 0 to 1."""
        return (value - self.low) / (self.high - self.low)


def draw_matrix(table: pd.DataFrame) -> str:
    """A confusion matrix with its counts; a cell is as dark as its share of the true class.

    table : columns actual, predicted, count, share, all pairs of classes in label order.
    """
    labels = list(table["actual"].unique())
    inside = []
    for k, label in enumerate(labels):
        across, down = _NAMES + (k + 0.5) * _CELL_WIDTH, 40 + (k + 0.5) * _CELL_HEIGHT + 4
        inside.append(_text(across, 32, label, "middle", 10.5))
        inside.append(_text(_NAMES - 6, down, label, "end", 10.5))
    places = [(row, column) for row in range(len(labels)) for column in range(len(labels))]
    for (row, column), count, share in zip(places, table["count"], table["share"], strict=True):
        x, y = _NAMES + column * _CELL_WIDTH, 40 + row * _CELL_HEIGHT
        colour = "#fff" if share > 0.6 else "#222"
        inside.append(
            f'<rect x="{x}" y="{y}" width="{_CELL_WIDTH}" height="{_CELL_HEIGHT}" '
            f'fill="{COLOURS[0]}" fill-opacity="{share:.2f}"/>'
        )
        words = f"{int(count):,}"
        inside.append(_text(x + _CELL_WIDTH / 2, y + 19, words, "middle", 11.5, colour))
    side = _NAMES + len(labels) * _CELL_WIDTH
    inside.append(_text(_NAMES, 12, "predicted \N{RIGHTWARDS ARROW}", size=10.5))
    inside.append(_text(_NAMES - 6, 32, "true \N{DOWNWARDS ARROW}", "end", 10.5))
    return _svg(side + 4, 44 + len(labels) * _CELL_HEIGHT, inside)


def draw_roc(table: pd.DataFrame) -> str:
    """One curve for each class against the rest.

    table : columns class, false_positive_rate, true_positive_rate (0 to 1).
    """
    axes = ["false_positive_rate", "true_positive_rate"]
    lines = [
        Line(str(name), [curve[axes].to_numpy()])
        for name, curve in table.groupby("class", sort=False)
    ]
    return draw_lines(lines, "false positive rate", "true positive rate", bounds=(0, 1))


def draw_lines(
    lines: Sequence[Line], x: str, y: str, bounds: tuple[float, float] | None = None
) -> str:
    """Curves in a frame with a key beside it; x and y name the axes.

    bounds : of both axes; None fits the frame to the points.
    """
    points = np.concatenate([run[np.isfinite(run).all(axis=1)] for li in lines for run in li.runs])
    counted = bounds is None and bool((points[:, 0] % 1 == 0).all())
    across = _axis(x, *(bounds or (points[:, 0].min(), points[:, 0].max())), integer=counted)
    up = _axis(y, *(bounds or (points[:, 1].min(), points[:, 1].max())), whole_ticks=True)
    low, high = np.array([across.low, up.low]), np.array([across.high, up.high])
    inside = _frame(across, up)
    for k, line in enumerate(lines):
        style = f'fill="none" stroke="{COLOURS[k % len(COLOURS)]}" stroke-width="1.5"'
        style += ' stroke-dasharray="4 3"' if DASHES[k % len(DASHES)] == "--" else ""
        strength = 0.5 if len(line.runs) > 1 else 1
        for run in line.runs:
            inside += _pieces((run - low) / (high - low), f'{style} stroke-opacity="{strength}"')
        height = _TOP + 14 + 20 * k
        inside.append(f'<path {style} d="M{_LEFT + _WIDTH + 12} {height} h22"/>')
        inside.append(_text(_LEFT + _WIDTH + 40, height + 4, line.name))
    return _svg(_LEFT + _WIDTH + 150, _TOP + _HEIGHT + 44, inside)


def _axis(
    name: str, low: float, high: float, *, whole_ticks: bool = False, integer: bool = False
) -> _Axis:
    """An axis over a range, or (`whole_ticks`) over the ticks around it.

    integer : ticks at whole numbers only, as for epochs.
    """
    if low == high:
        low, high = low - 0.5, high + 0.5
    locator = MaxNLocator(6, integer=integer, min_n_ticks=1)
    ticks = [float(tick) for tick in locator.tick_values(low, high)]
    if whole_ticks:
        return _Axis(name, ticks[0], ticks[-1], ticks)
    return _Axis(name, low, high, [tick for tick in ticks if low <= tick <= high])


def _pieces(places: NDArray[np.float64], style: str) -> list[str]:
    """A run as one polyline for each stretch without gaps; places (n, 2), 0 to 1."""
    whole = np.isfinite(places).all(axis=1)
    ends = np.flatnonzero(np.diff(np.concatenate([[False], whole, [False]]).astype(int)))
    pieces = []
    for first, last in list(pairwise(ends))[::2]:
        xy = places[first:last] * [_WIDTH, -_HEIGHT] + [_LEFT, _TOP + _HEIGHT]
        words = " ".join(f"{a:.1f},{b:.1f}" for a, b in xy)
        pieces.append(f'<polyline {style} points="{words}"/>')
    return pieces


def _frame(across: _Axis, up: _Axis) -> list[str]:
    """The frame, its grid, the ticks' figures and the axes' names."""
    frame = f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="none"'
    inside = [f'{frame} stroke="#bbb"/>']
    for tick in across.ticks:
        place = _LEFT + _WIDTH * across.share(tick)
        inside.append(f'<path stroke="#eee" d="M{place:.1f} {_TOP} v{_HEIGHT}"/>')
        inside.append(_text(place, _TOP + _HEIGHT + 16, f"{tick:.3g}", "middle", 10.5))
    for tick in up.ticks:
        place = _TOP + _HEIGHT * (1 - up.share(tick))
        inside.append(f'<path stroke="#eee" d="M{_LEFT} {place:.1f} h{_WIDTH}"/>')
        inside.append(_text(_LEFT - 6, place + 4, f"{tick:.3g}", "end", 10.5))
    inside.append(_text(_LEFT + _WIDTH / 2, _TOP + _HEIGHT + 36, across.name, "middle"))
    turned = f'<g transform="translate(14 {_TOP + _HEIGHT / 2}) rotate(-90)">'
    inside.append(f"{turned}{_text(0, 0, up.name, 'middle')}</g>")
    return inside


def _text(
    x: float, y: float, words: str, anchor: str = "start", size: float = 12, colour: str = "#222"
) -> str:
    style = f'text-anchor="{anchor}" font-size="{size}" fill="{colour}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def _svg(width: float, height: float, inside: Sequence[str]) -> str:
    """A drawing on white, so that it can be read on a dark page, too."""
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    paper = '<rect width="100%" height="100%" fill="#fff"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">'
    return "\n".join([head, paper, *inside, "</svg>"])
