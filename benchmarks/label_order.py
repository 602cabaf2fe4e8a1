"""How often `ferflow score` suspects honest answers of another order, and finds the real ones.

usage: python -m benchmarks.label_order [--models 1000]

Simulated models of accuracy 0.2 to 0.9 on PublicTest and PrivateTest together, and on PrivateTest
alone. Errors go to the other classes evenly, as often as the classes are, or (which no honest model
does so wildly) by shares drawn anew for each class of each model. Swaps and shuffles are of models
of 0.6; each of the 21 swaps is tried. A minute.
"""

import argparse
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.fer2013.table import UNKNOWN, load_table
from ferflow.score.order import N_CLASSES, find_order

Classes = NDArray[np.int64]
ERRORS = ("evenly", "as the classes are", "by drawn shares")


def main() -> None:
    """Print a line for each set of images and way to err."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=1000)
    n = parser.parse_args().models
    table, rng = load_table(), np.random.default_rng(0)
    known = table.label != UNKNOWN
    for name, rows in (("both", table.usage > 0), ("PrivateTest", table.usage == 2)):
        y = table.label[known & rows].astype(np.int64)
        for errors in ERRORS:
            accuracies = rng.uniform(0.2, 0.9, n)
            found = [find_order(y, answer(y, a, errors, rng)) for a in accuracies]
            suspected = [a for a, order in zip(accuracies, found, strict=True) if order.swapped]
            most = f" (accuracy {max(suspected):.2f} at most)" if suspected else ""
            shuffled = sum(find_order(y, _shuffled(y, errors, rng)).shuffled for _ in range(21))
            print(
                f"{name}, errors {errors}: of {n:,} honest models {len(suspected)} suspected of "
                f"swaps{most}, {sum(order.shuffled for order in found)} of shuffled rows; of 21 "
                f"swaps {sum(_is_named(y, pair, errors, rng) for pair in _pairs())} named, of 21 "
                f"shuffles {shuffled}"
            )


def answer(y: Classes, accuracy: float, errors: str, rng: np.random.Generator) -> Classes:
    """What a model says of images of these classes (n,)."""
    if errors == "evenly":
        other = (y + rng.integers(1, N_CLASSES, len(y))) % N_CLASSES
    elif errors == "as the classes are":
        other = rng.permutation(y)
    else:
        shares = rng.dirichlet(np.full(N_CLASSES, 0.5), N_CLASSES)
        np.fill_diagonal(shares, 0)
        shares /= shares.sum(axis=1, keepdims=True)
        drawn = shares.cumsum(axis=1)[y] < rng.random((len(y), 1))
        other = drawn.sum(axis=1).clip(max=N_CLASSES - 1)
    return np.where(rng.random(len(y)) < accuracy, y, other)


def _pairs() -> list[tuple[int, int]]:
    return list(combinations(range(N_CLASSES), 2))


def _is_named(y: Classes, pair: tuple[int, int], errors: str, rng: np.random.Generator) -> bool:
    order = np.arange(N_CLASSES)
    order[list(pair)] = order[list(pair[::-1])]
    a, b = (FER2013_LABELS[k] for k in pair)
    return find_order(y, order[answer(y, 0.6, errors, rng)]).swapped == {a: b, b: a}


def _shuffled(y: Classes, errors: str, rng: np.random.Generator) -> Classes:
    return rng.permutation(answer(y, 0.6, errors, rng))


if __name__ == "__main__":
    main()
