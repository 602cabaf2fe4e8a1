"""Pictures of `benchmarks.colony_study`."""

from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from ferflow.core.figures import png

_DPI = 120
_NAMES = {"diversity": "diversity of the ants", "entropy": "entropy of the pheromone"}


def draw_methods(table: pd.DataFrame, path: Path) -> None:
    """A dot per seed and a bar at the mean of each selector, on rows that no search saw.

    table : columns method, reported.
    """
    order = table.groupby("method")["reported"].mean().sort_values().index
    with png(path, 7.5, 0.45 * len(order) + 1.2, dpi=_DPI) as figure:
        axes = figure.subplots()
        for place, name in enumerate(order):
            scores = table.loc[table["method"] == name, "reported"]
            axes.plot(scores, [place] * len(scores), "o", color="#3b6fb6", alpha=0.6)
            bar = {"markersize": 18, "markeredgewidth": 2}
            axes.plot([scores.mean()], [place], "|", color="#b6413b", **bar)
        axes.set_yticks(range(len(order)), list(order))
        axes.set_xlabel("macro F1 on validation rows that no search saw")
        axes.grid(alpha=0.3)


def draw_sizes(table: pd.DataFrame, path: Path) -> None:
    """Score against the number of features. table : columns method, n_features, reported."""
    with png(path, 6.4, 4, dpi=_DPI) as figure:
        axes = figure.subplots()
        for name, curve in table.groupby("method"):
            mean = curve.groupby("n_features")["reported"].mean()
            spread = curve.groupby("n_features")["reported"].std(ddof=1).fillna(0)
            axes.errorbar(mean.index, mean, spread, marker="o", capsize=3, label=name)
        axes.set(xscale="log", xlabel="features kept", ylabel="macro F1 on unseen rows")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)


def draw_diversity(table: pd.DataFrame, path: Path) -> None:
    """Mean diversity by iteration. table : columns colony, iteration, diversity."""
    with png(path, 6.4, 3.6, dpi=_DPI) as figure:
        axes = figure.subplots()
        for name, curve in table.groupby("colony", sort=False):
            mean = curve.groupby("iteration")["diversity"].mean()
            axes.plot(mean.index + 1, mean, marker="o", label=name)
        axes.set(xlabel="iteration", ylabel="mean Jaccard distance of the ants", ylim=(0, 1))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)


def draw_effects(table: pd.DataFrame, path: Path) -> None:
    """A column per parameter, diversity above and entropy below, a line per value.

    table : columns parameter, value, iteration, diversity, entropy.
    """
    parameters = list(table["parameter"].unique())
    with png(path, 3 * len(parameters), 5.4, dpi=_DPI) as figure:
        grid = figure.subplots(2, len(parameters), sharex=True, sharey="row", squeeze=False)
        for column, parameter in enumerate(parameters):
            part = table[table["parameter"] == parameter]
            for row, measure in enumerate(_NAMES):
                axes = grid[row][column]
                for value, curve in part.groupby("value", sort=False):
                    axes.plot(curve["iteration"] + 1, curve[measure], marker=".", label=value)
                axes.grid(alpha=0.3)
            grid[0][column].set_title(parameter)
            grid[0][column].legend(frameon=False, fontsize="small")
            grid[1][column].set_xlabel("iteration")
        for row, name in enumerate(_NAMES.values()):
            grid[row][0].set_ylabel(name)
