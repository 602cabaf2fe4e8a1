"""Whether the classes or the rows of answers are in another order than they say.

Both are told by the table of actual and named classes against chance: z of a cell is its count less
the one expected of independent rows and columns, in standard deviations. An honest model's own
cells stand out, though it may confuse classes; where classes were swapped, others' do. Where rows
were shuffled, none does.
"""

from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from ferflow.fer2013.labels import FER2013_LABELS

N_CLASSES = len(FER2013_LABELS)
_APART = 8.0  # standard deviations by which a moved class must beat chance, and its own name
_DEPENDENT = 4.0  # below it the answers do not depend on the images
_LEAST = 1500  # answers; of fewer a model of accuracy 0.2 might look like guessing
_CONSTANT = 0.9  # share of one class above which answers say next to nothing

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """swapped : class said -> class meant, of those that differ. shuffled : whether rows are."""

    swapped: dict[str, str]
    shuffled: bool


def find_order(y: NDArray[np.int64], said: NDArray[np.int64]) -> Order:
    """What the classes named, (n,), mean, by the true ones (n,); both indices in label order."""
    counts = np.bincount(y * N_CLASSES + said, minlength=N_CLASSES**2).reshape(N_CLASSES, -1)
    meant = meant_classes(counts)
    moved = {FER2013_LABELS[k]: FER2013_LABELS[m] for k, m in enumerate(meant.tolist()) if m != k}
    constant = counts.sum(axis=0).max() > _CONSTANT * len(y)
    alike = not moved and len(y) >= _LEAST and not constant and diagonal(counts) < _DEPENDENT
    return Order(moved, bool(alike))


def meant_classes(counts: Counts) -> NDArray[np.int64]:
    """(7,) the class that each class said stands for: itself, unless another beats it by far.

    counts : (7, 7), a row for each true class. Of all orders in which every class that is moved
    beats chance and its own name by _APART the one with the largest sum of z.
    """
    z = deviations(counts)
    orders = _orders()
    own = np.diag(z)
    found = z[orders, np.arange(N_CLASSES)]  # (5040, 7)
    moved = orders != np.arange(N_CLASSES)
    apart = (found > _APART) & (found - own > _APART)
    legal = (apart | ~moved).all(axis=1)
    return np.asarray(orders[legal][found[legal].sum(axis=1).argmax()])


def deviations(counts: Counts) -> NDArray[np.float64]:
    """(7, 7) z of each cell; 0 in the row or column of a class that does not occur."""
    n = counts.sum()
    rows, columns = counts.sum(axis=1) / n, counts.sum(axis=0) / n
    chance = np.outer(rows, columns)
    scatter = np.sqrt(n * chance * np.outer(1 - rows, 1 - columns))
    above = counts - n * chance
    return np.asarray(np.divide(above, scatter, out=np.zeros_like(chance), where=scatter > 0))


def diagonal(counts: Counts) -> float:
    """How far the right answers are above those of independent rows, in standard deviations.

    The variance is that of Cohen's kappa under independence (Fleiss, Cohen and Everitt 1969).
    """
    n = counts.sum()
    rows, columns = counts.sum(axis=1) / n, counts.sum(axis=0) / n
    chance = float(rows @ columns)
    variance = (chance + chance**2 - float((rows * columns * (rows + columns)).sum())) / n
    right = float(np.trace(counts)) / n
    return (right - chance) / variance**0.5 if variance > 0 else 0.0


@cache
def _orders() -> NDArray[np.int64]:
    """(5040, 7) all orders, the one as it is first."""
    return np.array(list(permutations(range(N_CLASSES))), dtype=np.int64)
