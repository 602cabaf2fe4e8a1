"""The settings that a search tried, as a picture."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ferflow.core.files import atomic
from ferflow.evaluation.figures import BLUE, DPI, GRID, INK, RED, SMALL, TEXT, TITLE

_MOST = 30  # settings shown, the best
_WITHOUT_SETTINGS = (
    6  # columns before those of the parameters, see `ferflow.training.shared.search.COLUMNS`
)


def plot_search(
    table: pd.DataFrame, path: Path, *, title: str = "Settings that were tried"
) -> None:
    """A dot for each of the best settings of the last round, best at the top; its name is what it
    sets. With folds a line spans one standard deviation to each side.

    table : as `ferflow.training.shared.search` writes it.
    """
    last = table[table["iteration"] == table["iteration"].max()]
    shown = last.sort_values("score", ascending=False, kind="stable").head(_MOST)
    keys = list(table.columns[_WITHOUT_SETTINGS:])
    names = [", ".join(f"{key} {row[key]}" for key in keys) for _, row in shown.iterrows()]
    figure = Figure(figsize=(7.5, 1.2 + 0.28 * len(shown)), layout="constrained")
    figure.suptitle(title, fontsize=TITLE, fontweight="bold", color=INK)
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
    with atomic(path) as part:
        figure.savefig(part, format="png", dpi=DPI, metadata={"Software": None})
