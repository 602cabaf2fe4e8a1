"""The report's pictures as SVG: small text files that Git, a page and Markdown can hold."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from ferflow.evaluation.figures import GRID, INK, MUTED, SMALL, TEXT, looks, matrices, write_matrix

_SVG = "http://www.w3.org/2000/svg"
_FONT = "'DejaVu Sans', sans-serif"  # the first comes with matplotlib
_NAMELESS = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # no version, no date
_STYLE = {
    "svg.fonttype": "none",  # text stays text
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": SMALL,
    "text.color": INK,
    "text.parse_math": False,
    "axes.autolimit_mode": "round_numbers",
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT,
    "axes.xmargin": 0,
    "axes.ymargin": 0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "legend.frameon": False,
    "savefig.bbox": "tight",
    "xtick.bottom": False,
    "xtick.labelcolor": INK,
    "ytick.left": False,
    "ytick.labelcolor": INK,
}


_MARK = 4  # pixels from a point's middle that no name covers
# where a point's name may stand, the first that is free: points to the right and up, alignment
_BESIDE = (
    (0, 6, "center", "bottom"),
    (7, 0, "left", "center"),
    (-7, 0, "right", "center"),
    (0, -6, "center", "top"),
    (5, 5, "left", "bottom"),
    (-5, 5, "right", "bottom"),
    (5, -5, "left", "top"),
    (-5, -5, "right", "top"),
)


@dataclass(frozen=True)
class Picture:
    """A drawing: `name` is what its file is called, without an ending."""

    name: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Line:
    """A named curve, drawn once for each of several runs; (n, 2) points each, NaN left out."""

    name: str
    runs: Sequence[NDArray[np.float64]]


def matrix_picture(name: str, caption: str, table: pd.DataFrame) -> Picture:
    """A confusion matrix with its counts; a cell is as dark as its share of the true class.

    table : columns actual, predicted, count, share, all pairs of classes in label order.
    """
    labels, counts, shares = matrices(table)
    with _style(name):
        figure = Figure(figsize=(1.2 + 0.44 * len(labels), 1 + 0.33 * len(labels)))
        axes = figure.subplots()
        axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", clip_on=False)
        write_matrix(axes, labels, counts, "{:,.0f}", dark=shares > 0.6, middle=0.5)
        axes.invert_yaxis()
        axes.set_ylabel("True class")
        return Picture(name, caption, _svg(figure))


def roc_picture(name: str, caption: str, table: pd.DataFrame) -> Picture:
    """One curve for each class against the rest.

    table : columns class, false_positive_rate, true_positive_rate (0 to 1).
    """
    axes = ["false_positive_rate", "true_positive_rate"]
    lines = [
        Line(str(label), [curve[axes].to_numpy()])
        for label, curve in table.groupby("class", sort=False)
    ]
    return curves_picture(name, caption, lines, ("False positive rate", "True positive rate"))


def curves_picture(
    name: str, caption: str, lines: Sequence[Line], axis_names: tuple[str, str]
) -> Picture:
    """Curves with a key beside them; where x is whole throughout, so are its marks."""
    with _style(name):
        figure = Figure(figsize=(3.6, 3))
        axes = figure.subplots()
        _mark(axes, [run[np.isfinite(run).all(axis=1), 0] for li in lines for run in li.runs])
        keys = [_draw(axes, *each) for each in zip(lines, looks(), strict=False)]
        axes.grid(clip_on=False)
        axes.set(xlabel=axis_names[0], ylabel=axis_names[1])
        names = [line.name for line in lines]  # told, or matplotlib leaves out "_a"
        axes.legend(keys, names, loc="upper left", bbox_to_anchor=(1, 1))
        return Picture(name, caption, _svg(figure))


def points_picture(
    name: str, caption: str, points: Mapping[str, tuple[float, float]], axis_names: tuple[str, str]
) -> Picture:
    """Named points over a logarithmic x, less of which is better, and the line of the best.

    points : name -> (x, y), x above 0. On the line lies a point that none beats in both.
    """
    best = best_of(points)
    with _style(name):
        figure = Figure(figsize=(5.2, 3.2))
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.plot(*zip(*best, strict=True), color=MUTED, linewidth=1, zorder=1)
        colour, _ = next(iter(looks()))
        axes.plot(*zip(*points.values(), strict=True), "o", color=colour, clip_on=False)
        axes.margins(x=0.2, y=0.1)
        name_points(axes, points)
        axes.grid(clip_on=False)
        axes.set(xlabel=axis_names[0], ylabel=axis_names[1])
        return Picture(name, caption, _svg(figure))


def name_points(axes: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Each point's name beside it; no other name, point or line is covered if there is room."""
    axes.autoscale_view()
    here = axes.transData.transform(list(points.values()))
    taken = [Bbox.from_bounds(x - _MARK, y - _MARK, 2 * _MARK, 2 * _MARK) for x, y in here]
    lines = [
        line.get_path().transformed(line.get_transform())
        for line in axes.lines
        if line.get_linestyle() != "None"
    ]
    for word, point in sorted(points.items(), key=lambda named: -named[1][1]):
        found: list[tuple[int, int, Annotation]] = []
        for right, up, across, along in _BESIDE:
            text = axes.annotate(
                word, point, (right, up), textcoords="offset points", ha=across, va=along
            )
            box = text.get_window_extent()
            crossed = sum(line.intersects_bbox(box, filled=False) for line in lines)
            found.append((sum(box.overlaps(other) for other in taken), crossed, text))
        best, *others = sorted(found, key=lambda place: place[:2])
        for *_, text in others:
            text.remove()
        taken.append(best[-1].get_window_extent())


def best_of(points: Mapping[str, tuple[float, float]]) -> list[tuple[float, float]]:
    """The points (x, y) that no other beats: none has as little x and as much y. x rises."""
    best: list[tuple[float, float]] = []
    for x, y in sorted(points.values(), key=lambda point: (point[0], -point[1])):
        if not best or y > best[-1][1]:
            best.append((x, y))
    return best


def _style(name: str) -> AbstractContextManager[None]:
    """Our style over matplotlib's own, whatever the reader's settings; ids that `name` salts."""
    return style.context(["default", _STYLE, {"svg.hashsalt": name}])


def _mark(axes: Axes, runs: Sequence[NDArray[np.float64]]) -> None:
    """Axes from the first to the last x of the runs, with few and round marks."""
    x = np.concatenate([np.empty(0), *runs])
    whole, steps = bool((x % 1 == 0).all()), [1, 2, 2.5, 5, 10]
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=steps, integer=whole, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=steps))
    if x.size:
        beside = 0 if x.min() < x.max() else 0.5
        axes.set_xlim(x.min() - beside, x.max() + beside)


def _draw(axes: Axes, line: Line, look: tuple[str, str]) -> Line2D:
    """A curve for each run, all in one colour and dash; returns the last."""
    alpha = 0.5 if len(line.runs) > 1 else 1
    how: dict[str, Any] = {"color": look[0], "alpha": alpha, "clip_on": False}
    for run in line.runs:
        x, y = run.T
        seen = np.isfinite(x + y)
        alone = seen & ~(np.append(False, seen[:-1]) | np.append(seen[1:], False))
        axes.plot(x[alone], y[alone], ".", **how)  # a line does not show them
        (drawn,) = axes.plot(x, y, look[1], **how)
    return drawn


def _svg(figure: Figure) -> str:
    """A figure's SVG, as an element that can stand on a page beside others.

    matplotlib names its groups alike in every figure, and its style sheet would hold for the whole
    page: the names go, for nothing refers to them, and the root says the sheet's one rule. What is
    referred to is named by a hash that the picture's name salts. The rest makes the file smaller.
    """
    text = StringIO()
    figure.savefig(text, format="svg", metadata=_NAMELESS)
    for prefix, space in (("", _SVG), ("xlink", "http://www.w3.org/1999/xlink")):
        ElementTree.register_namespace(prefix, space)
    root = ElementTree.fromstring(text.getvalue())
    root.remove(root[0])
    root.set("stroke-linejoin", "round")
    root.set("font-family", _FONT)
    for element in root.iter():
        kept = {k: v for k, v in element.items() if not v.startswith("rotate(-0 ")}
        if element.tag == f"{{{_SVG}}}g":
            kept.pop("id", None)
        for key in kept.keys() & {"d", "x", "y", "transform", "width", "height", "viewBox"}:
            kept[key] = _rounded(kept[key])
        if "style" in kept:
            kept["style"] = kept["style"].replace(f"font-family: {_FONT}; ", "")
        element.attrib = kept
    ElementTree.indent(root, "")
    return ElementTree.tostring(root, encoding="unicode")


def _rounded(places: str) -> str:
    """Coordinates to a tenth, on one line."""
    tenths = re.sub(r"\d+\.\d+", lambda match: f"{float(match[0]):.1f}", places)
    return " ".join(tenths.split())
