"""A contact sheet of what the filters took out, by reason: a look says whether they are right."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferflow.core.figures import png
from ferflow.preprocess.filters import Pool, Rows

_N_SHOWN = 16  # images of a reason
_GAP = 4  # pixels between images
_DPI = 120
_INK = "#222222"


def draw_removed(
    path: Path, pool: Pool, removed: Mapping[str, Rows], labels: tuple[str, ...]
) -> None:
    """Write a PNG with a strip of images for each reason (reason -> rows of the pool).

    Up to 16 a reason, spread evenly over its rows, each with its split and class below.
    """
    strips = {reason: rows for reason, rows in removed.items() if len(rows)}
    height = 0.5 + 1.05 * max(1, len(strips))  # inches
    with png(path, 12, height, dpi=_DPI, w_pad=0.1, h_pad=0.05) as figure:
        title = "Images taken out, by reason" if strips else "No image was taken out"
        figure.suptitle(title, fontsize=12, fontweight="bold", color=_INK)
        for number, (reason, rows) in enumerate(strips.items(), start=1):
            axes = figure.add_subplot(len(strips), 1, number)
            shown = rows[np.linspace(0, len(rows) - 1, min(len(rows), _N_SHOWN)).astype(int)]
            strip = _strip(pool.x[shown])
            axes.imshow(strip, cmap="gray", vmin=0, vmax=255)
            axes.set_axis_off()
            axes.set_title(f"{reason}: {len(rows):,}", fontsize=10, loc="left", color=_INK)
            side = strip.shape[1] / _N_SHOWN
            for place, row in enumerate(shown):
                words = f"{pool.split[row]} {labels[pool.y[row]]}"
                centre = (place + 0.5) * side - _GAP / 2
                axes.text(centre, len(strip), words, fontsize=7, ha="center", va="top", color=_INK)


def _strip(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images (k, height, width), or RGB, side by side in a white strip that has room for 16."""
    _, height, width, *colours = images.shape
    strip = np.full((height, _N_SHOWN, width + _GAP, *colours), 255, np.uint8)
    strip[:, : len(images), :width] = images.swapaxes(0, 1)
    return strip.reshape(height, -1, *colours)
