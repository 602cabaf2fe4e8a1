"""Drawings of a model's scores as PNG files, and the look of all drawings.

Each ``plot_<what>(table, path, *, title)`` takes a table as ``ferflow.evaluation.metrics`` or
``curves`` makes it, or reads it back from CSV. The same input gives the same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ferflow.core.figures import png

DPI = 150
INK, MUTED, GRID = "#222222", "#767676", "#e4e4e4"
TITLE, TEXT, SMALL = 12, 10, 8.5  # font sizes in points

# "Bright" scheme for colour-blind readers: P. Tol, "Colour schemes", SRON technical note (2021).
# Its yellow and grey are darkened, and black added, to carry thin lines on white.
COLOURS = ["#4477aa", "#ee6677", "#228833", "#b59f2e", "#66ccee", "#aa3377", "#888888", "#000000"]
BLUE, RED = COLOURS[:2]
THOUSANDS = "{x:,.0f}"
DASHES = ["-", "--"]  # neighbours in the legend differ in dash as well as in colour


def plot_confusion(table: pd.DataFrame, path: Path, *, title: str = "Confusion matrix") -> None:
    """Two matrices side by side, images and shares of the actual class; a row is a true class.

    table : columns actual, predicted, count, share, all pairs of classes in label order.
    """
    labels, counts, shares = matrices(table)
    side = max(3.2, 1.4 + 0.6 * len(labels))  # inches: a cell must hold "1,774"
    with titled(path, 2 * side, side + 0.2, title) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        _draw_matrix(left, counts, labels, "{:,.0f}", "Images")
        _draw_matrix(right, shares, labels, "{:.2f}", "Share of the true class")
        left.set_ylabel("True class", fontsize=TEXT, color=INK)


def plot_roc(
    table: pd.DataFrame,
    path: Path,
    *,
    title: str = "ROC curves, each class against the rest",
    areas: Mapping[str, float] | None = None,
) -> None:
    """One curve a class; ``areas`` (label to area, 0 to 1) adds a number to each legend entry.

    table : columns class, false_positive_rate, true_positive_rate (0 to 1).
    """
    with titled(path, 6.6, 4.8, title) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
        _draw_curves(axes, table, "false_positive_rate", "true_positive_rate", areas, "Class, area")


def plot_precision_recall(
    table: pd.DataFrame,
    path: Path,
    *,
    title: str = "Precision and recall, each class against the rest",
    areas: Mapping[str, float] | None = None,
) -> None:
    """One curve a class; ``areas`` (label to average precision) adds a number to the legend.

    table : columns class, recall, precision (0 to 1).
    """
    with titled(path, 6.6, 4.8, title) as figure:
        axes = figure.subplots()
        _draw_curves(axes, table, "recall", "precision", areas, "Class, average precision")


def plot_reliability(table: pd.DataFrame, path: Path, *, title: str = "Reliability") -> None:
    """Accuracy against confidence for each bin, and below it how many images each bin holds.

    table : columns confidence_low, confidence_high, n, confidence, accuracy; the last two NaN
        if n is 0.
    """
    with titled(path, 5.0, 5.8, title) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        filled = table[table["n"] > 0]
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
        sure, right = filled["confidence"], filled["accuracy"]
        upper.vlines(sure, sure, right, color=RED, linewidth=2, alpha=0.6, label="gap")
        upper.plot(sure, right, "o-", color=BLUE, label="accuracy")
        style(upper, "", "Share of right decisions")
        upper.set(xlim=(0, 1.015), ylim=(0, 1.015))  # room for a whole marker at 1
        upper.legend(loc="upper left", frameon=False, fontsize=SMALL)
        left = table["confidence_low"]
        width = table["confidence_high"] - left
        lower.bar(left, table["n"], width, align="edge", color=BLUE, edgecolor="w")
        style(lower, "Confidence (probability of the decision)", "Images")
        lower.yaxis.set_major_formatter(THOUSANDS)


def mistake_caption(actual: str, predicted: str, probability: float) -> str:
    """Two lines for ``plot_gallery``: true class -> predicted class, and its probability."""
    return f"{actual} \N{RIGHTWARDS ARROW} {predicted}\n{probability:.1%}"


def plot_gallery(
    images: NDArray[np.uint8],
    captions: Sequence[str],
    path: Path,
    *,
    title: str = "Most confident mistakes",
    n_columns: int = 6,
) -> None:
    """Small grey pictures in rows of ``n_columns`` (3 or more), each with its caption below.

    images : uint8 array of shape (k, height, width), grey levels 0 to 255, or (k, height, width,
        3), RGB; k may be 0, then the picture says that there are none. Raises ValueError if
        captions do not match images.
    """
    shaped = images.ndim == 3 or images.shape[3:] == (3,)
    if not shaped or images.dtype != np.uint8 or len(images) != len(captions):
        raise ValueError(
            "images must be a uint8 array of shape (k, height, width), or RGB, with k captions; "
            f"got {images.dtype} {images.shape} and {len(captions)} captions"
        )
    n_columns = max(3, min(n_columns, len(images)))  # three, at least: the title needs the width
    n_rows = max(1, -(-len(images) // n_columns))
    with titled(path, 1.55 * n_columns, 0.5 + 2.0 * n_rows, title) as figure:
        cells = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for cell in cells:
            cell.set_axis_off()
        for cell, image, caption in zip(cells, images, captions, strict=False):
            cell.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            cell.text(
                0.5,
                -0.05,
                caption,
                transform=cell.transAxes,
                ha="center",
                va="top",
                fontsize=SMALL,
                color=INK,
            )
        if not len(images):
            figure.text(0.5, 0.5, "none", ha="center", color=MUTED, fontsize=TEXT)


@contextmanager
def titled(
    path: Path, width: float, height: float, title: str, *, pad: float | None = 0.1
) -> Iterator[Figure]:
    """As `png`, with a title, and `pad` inches around each drawing (None: matplotlib's own)."""
    with png(path, width, height, dpi=DPI, w_pad=pad, h_pad=pad) as figure:
        figure.suptitle(title, fontsize=TITLE, fontweight="bold", color=INK)
        yield figure


def style(axes: Axes, x_label: str, y_label: str) -> None:
    """Axis names, a faint grid behind the data, no frame at the top and right."""
    axes.set_xlabel(x_label, fontsize=TEXT, color=INK)
    axes.set_ylabel(y_label, fontsize=TEXT, color=INK)
    axes.tick_params(labelsize=SMALL, color=MUTED, labelcolor=INK)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)


def _draw_matrix(
    axes: Axes, cells: NDArray[np.number], labels: Sequence[str], form: str, title: str
) -> None:
    """A (c, c) matrix as shades of blue with a number in each cell, written by ``form``."""
    highest = max(cells.max(), 1e-9)
    axes.imshow(cells, cmap="Blues", vmin=0, vmax=highest)
    write_matrix(axes, labels, cells, form, dark=cells > highest / 2, middle=0)
    axes.set_title(title, fontsize=TEXT, color=INK)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=INK)


def matrices(table: pd.DataFrame) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64]]:
    """Labels, counts (c, c) and shares (c, c) of a table of all pairs of classes."""
    labels = list(table["actual"].unique())
    counts, shares = (table[key].to_numpy().reshape(len(labels), -1) for key in ("count", "share"))
    return labels, counts, shares


def write_matrix(
    axes: Axes,
    labels: Sequence[str],
    cells: NDArray[np.number],
    form: str,
    *,
    dark: NDArray[np.bool_],
    middle: float,
) -> None:
    """A matrix's numbers (c, c) by ``form``, white where it is dark (c, c), and its classes.

    middle : of the first cell, on both axes; the others follow in steps of 1.
    """
    for (row, column), value in np.ndenumerate(cells):
        at, word = (column + middle, row + middle), form.format(value)
        colour = "white" if dark[row, column] else INK
        axes.text(*at, word, ha="center", va="center", fontsize=SMALL, color=colour)
    places = np.arange(len(labels)) + middle
    axes.set_xticks(places, labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, labels)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("Predicted class", fontsize=TEXT, color=INK)


def looks() -> Iterator[tuple[str, str]]:
    """Colour and dash of one curve after another; neighbours differ in both."""
    return zip(cycle(COLOURS), cycle(DASHES), strict=False)


def _draw_curves(
    axes: Axes,
    table: pd.DataFrame,
    x: str,
    y: str,
    areas: Mapping[str, float] | None,
    legend_title: str,
) -> None:
    """One line for each value of column ``class``, on a unit square, legend on the right."""
    curves = table.groupby("class", sort=False)
    for (name, curve), (colour, dash) in zip(curves, looks(), strict=False):
        label = str(name) if areas is None else f"{name}, {areas[str(name)]:.3f}"
        axes.plot(curve[x], curve[y], dash, color=colour, linewidth=1.6, label=label)
    style(axes, x.replace("_", " ").capitalize(), y.replace("_", " ").capitalize())
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    if table.empty:  # a split of one class has no curves, and matplotlib warns of an empty legend
        return
    axes.legend(
        title="Class" if areas is None else legend_title,
        loc="upper left",
        bbox_to_anchor=(1.02, 1),
        alignment="left",
        frameon=False,
        fontsize=SMALL,
        title_fontsize=SMALL,
    )
