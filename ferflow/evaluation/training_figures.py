"""Drawings of how a model was made as PNG files: balancing, the colony, the search, the epochs.

Each takes a table as the stage wrote it. The same input gives the same bytes.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ferflow.evaluation.figures import (
    BLUE,
    GRID,
    INK,
    MUTED,
    RED,
    SMALL,
    TEXT,
    THOUSANDS,
    style,
    titled,
)

_MOST_SETTINGS = 30  # shown of a search, the best
_WITHOUT_SETTINGS = 6  # columns before those of the parameters, `training.shared.search.COLUMNS`


def plot_class_counts(
    before: Mapping[str, int],
    after: Mapping[str, int],
    path: Path,
    *,
    title: str = "Images per class before and after balancing",
) -> None:
    """Two bars a class, with their numbers; classes from top to bottom in the order of ``before``.

    Raises ValueError unless both name the same classes.
    """
    if set(before) != set(after):
        raise ValueError(f"both must name the same classes; got {list(before)} and {list(after)}")
    with titled(path, 6.6, 1.4 + 0.5 * len(before), title) as figure:
        axes = figure.subplots()
        rows = np.arange(len(before))
        bars = (("before", before, MUTED, -0.2), ("after", after, BLUE, 0.2))
        for name, counts, colour, shift in bars:
            heights = [counts[label] for label in before]
            drawn = axes.barh(rows + shift, heights, 0.36, color=colour, label=name)
            axes.bar_label(drawn, fmt="{:,.0f}", padding=3, fontsize=SMALL, color=INK)
        axes.set_yticks(rows, list(before))
        axes.invert_yaxis()
        axes.margins(x=0.12)  # room for the numbers at the ends of the bars
        style(axes, "Images", "")
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(THOUSANDS)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=SMALL)


def plot_convergence(
    table: pd.DataFrame,
    path: Path,
    *,
    title: str = "Ant colony",
    score_name: str = "Score",
) -> None:
    """A dot for each ant's score and a line for the best score so far, by iteration.

    table : columns iteration (whole numbers), ant, n_features, score, best_score.
    """
    with titled(path, 6.6, 4.0, title) as figure:
        axes = figure.subplots()
        axes.scatter(
            table["iteration"],
            table["score"],
            s=16,
            color=BLUE,
            alpha=0.5,
            linewidths=0,
            label="an ant",
        )
        best = table.groupby("iteration")["best_score"].max()
        edges = np.append(best.index - 0.5, best.index[-1] + 0.5)  # a step as wide as an iteration
        axes.stairs(best, edges, baseline=None, color=RED, linewidth=2, label="best so far")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        style(axes, "Iteration", score_name)
        axes.legend(loc="lower right", frameon=False, fontsize=SMALL)


def plot_search(
    table: pd.DataFrame, path: Path, *, title: str = "Settings that were tried"
) -> None:
    """A dot for each of the best settings of the last round, best at the top; its name is what it
    sets. With folds a line spans one standard deviation to each side.

    table : as `ferflow.training.shared.search` writes it.
    """
    last = table[table["iteration"] == table["iteration"].max()]
    shown = last.sort_values("score", ascending=False, kind="stable").head(_MOST_SETTINGS)
    keys = list(table.columns[_WITHOUT_SETTINGS:])
    names = [", ".join(f"{key} {row[key]}" for key in keys) for _, row in shown.iterrows()]
    with titled(path, 7.5, 1.2 + 0.28 * len(shown), title, pad=None) as figure:
        axes = figure.subplots()
        places = range(len(shown))
        axes.errorbar(shown["score"], places, xerr=shown["score_std"], fmt="o", color=BLUE)
        axes.plot(shown["score"].iloc[0], 0, "o", color=RED)
        axes.set_yticks(places, names, fontsize=SMALL)
        axes.invert_yaxis()
        axes.set_xlabel("Score", fontsize=TEXT, color=INK)
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)


def plot_training(
    table: pd.DataFrame, path: Path, *, chosen: int | None = None, title: str = "Training"
) -> None:
    """Losses above, the scores on val below, epoch by epoch; without val the losses alone.

    table : columns epoch, train_loss, val_loss, val_accuracy, val_f1_macro (0 to 1), the last
        three NaN if nothing was validated.
    chosen : the epoch whose weights were kept; it gets a dot on each of val's curves.
    """
    validated = table["val_accuracy"].notna().any()
    with titled(path, 6.6, 5.6 if validated else 3.4, title) as figure:
        panels = figure.subplots(2 if validated else 1, 1, sharex=True, squeeze=False).ravel()
        upper, lower = panels[0], panels[-1]
        upper.plot(table["epoch"], table["train_loss"], color=BLUE, label="train")
        if validated:
            upper.plot(table["epoch"], table["val_loss"], color=RED, label="val")
            lower.plot(table["epoch"], table["val_accuracy"], color=BLUE, label="accuracy")
            lower.plot(table["epoch"], table["val_f1_macro"], "--", color=RED, label="macro F1")
            row = table[table["epoch"] == chosen]
            _mark_chosen(upper, row, {"val_loss": RED})
            _mark_chosen(lower, row, {"val_accuracy": BLUE, "val_f1_macro": RED})
            style(lower, "Epoch", "Score on val")
            lower.legend(frameon=False, fontsize=SMALL)
        style(upper, "" if validated else "Epoch", "Loss")
        upper.legend(frameon=False, fontsize=SMALL)
        lower.xaxis.set_major_locator(MaxNLocator(integer=True))


def _mark_chosen(axes: Axes, row: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """A dot for each column at the chosen epoch's row (none if it is empty), and a legend."""
    if row.empty:
        return
    for column, colour in colours.items():
        axes.plot(row["epoch"], row[column], "o", color=colour)
    axes.plot([], [], "o", color=INK, label="chosen epoch")  # in the legend alone
