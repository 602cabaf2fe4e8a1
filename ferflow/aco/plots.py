"""Pictures of a fitted selector. matplotlib is needed here alone, and imported on first use."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def plot_convergence(history: Sequence[dict[str, Any]], axes: Any = None) -> Any:
    """The best score above; diversity of the ants and entropy of the pheromone below, 0 to 1.

    axes : two axes to draw on, or None for a new figure. Returns the two axes.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(2, 1, sharex=True, figsize=(6.4, 5.6), layout="constrained")
    above, below = axes
    iterations = [row["iteration"] + 1 for row in history]
    for name, label in (("best_score", "best so far"), ("mean_score", "mean of those in full")):
        above.plot(iterations, [row[name] for row in history], marker="o", label=label)
    for name, label in (
        ("diversity", "diversity of the ants (mean Jaccard distance)"),
        ("entropy", "entropy of the pheromone"),
    ):
        below.plot(iterations, [row[name] for row in history], marker="o", label=label)
    above.set_ylabel("score")
    below.set(xlabel="iteration", ylim=(-0.03, 1.03))
    below.xaxis.get_major_locator().set_params(integer=True)
    for ax in (above, below):
        ax.grid(alpha=0.3)
        ax.legend(frameon=False)
    return axes


def plot_pheromone(
    pheromone: NDArray[np.float64], shape: Sequence[int] | None = None, ax: Any = None
) -> Any:
    """The pheromone as a picture, a line per position and a column per channel.

    pheromone : (d,). shape : of the features before they were flattened, channels last, such as
    (height, width, channels); None draws one line. Raises ValueError if the shape holds
    another number of features. Returns the axes.
    """
    shape = (len(pheromone),) if shape is None else tuple(shape)
    if int(np.prod(shape)) != len(pheromone):
        raise ValueError(f"shape must hold {len(pheromone)} features in all; got {shape}.")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(7.5, 2.6), layout="constrained")
    picture = ax.imshow(
        pheromone.reshape(-1, shape[-1]), aspect="auto", interpolation="nearest", cmap="viridis"
    )
    places = [str(place) for place in np.ndindex(*shape[:-1])] if len(shape) > 1 else ["all"]
    ax.set_yticks(range(len(places)), places)
    ax.set(xlabel="channel" if len(shape) > 1 else "feature", ylabel="position")
    ax.figure.colorbar(picture, ax=ax, label="pheromone")
    return ax
