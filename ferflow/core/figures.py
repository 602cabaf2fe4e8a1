"""Figures as PNG files: the same drawing gives the same bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ferflow.core.files import atomic


@contextmanager
def png(
    path: Path,
    width: float,
    height: float,
    *,
    dpi: int,
    w_pad: float | None = None,
    h_pad: float | None = None,
) -> Iterator[Figure]:
    """An empty white figure of `width` x `height` inches, written when the block ends.

    The block draws in matplotlib's own style, whatever the reader's matplotlibrc says, and the
    file does not tell matplotlib's version. That style is the whole process's while the block
    lasts: draw in one thread at a time.
    w_pad, h_pad : inches at the sides of each drawing, above and below it; None is matplotlib's.
    """
    with style.context("default"):
        layout = ConstrainedLayoutEngine(w_pad=w_pad, h_pad=h_pad)
        figure = Figure(figsize=(width, height), layout=layout)
        yield figure
        with atomic(path) as part:
            figure.savefig(part, format="png", dpi=dpi, metadata={"Software": None})
