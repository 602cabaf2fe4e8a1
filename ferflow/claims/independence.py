"""Whether the rows of a table of counts differ: three tests, each where it is sound.

Pearson's chi-square test needs about five expected images in every cell (Cochran, Some methods for
strengthening the common chi-square tests, Biometrics 10, 1954). Below that a table of two by two
gets Fisher's exact test, and a larger one a permutation test: the chi-square statistic of random
tables with the same row and column sums, which are what a shuffled order of the predictions makes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, fisher_exact, random_table

from ferflow.core.progress import progress

LEVEL = 0.01  # of a test: at a smaller p the rows depend on the label
ENOUGH = 5  # expected images in a cell, from where on chi-square is trusted
MAX_SPARSE = 10**7  # images; above, neither an exact test nor random tables are in reach

_CHI_SQUARE = "chi-square test"
_SEED = 0  # of the random tables: a verdict is the same in every run
_DRAWS, _FEW_DRAWS = 9_999, 999  # the few where a table is costly: many cells, or one left out
_MANY_CELLS = 400
_TIE = 1 - 1e-9  # statistics that differ by rounding alone are equal
_BATCH = 1_000_000  # cells of random tables at a time

Counts = NDArray[np.int64]
Cell = tuple[int, int]


@dataclass(frozen=True)
class Independence:
    """test : which test p is of, as a text.

    least : the smallest p that any table with these sums has; 0 for chi-square, see `independence`.
    """

    p: float
    test: str
    least: float


def expected_counts(counts: NDArray[np.number]) -> NDArray[np.float64]:
    """Row sum x column sum / total of each cell of a table."""
    filled = counts.astype(np.float64)
    expected: NDArray[np.float64] = np.outer(filled.sum(axis=1), filled.sum(axis=0)) / filled.sum()
    return expected


def independence(counts: Counts) -> Independence | None:
    """The test of a table (r, c) without empty rows or columns, r and c at least 2.

    A p of a discrete test cannot be as small as one likes. Given the row and column sums there are
    finitely many tables, and the p of the most dependent one is the probability of its statistic:
    `least`. Of 3 images in 3 classes each of the 6 tables with these sums is equally dependent, so
    that p is always 1; a perfect table of 3 + 3 images has 2 / 20. Where `least` is not below the
    level of a test, no table could have been called dependent, and nothing is learnt from one that
    was not. Fisher's least p is that of one of the two tables that exhaust a cell. Of random
    tables it is the share of the largest statistic drawn: a largest one with a probability of a
    hundredth is missed by all 9,999 draws once in 10**43. With five expected images a
    cell, least is below 0.002 already for two by two: a table of 10 + 10 images, the smallest of
    that kind, has 2 / 184,756, and one of 10 images beside very many has 2**-9.

    None if a cell expects fewer than five images beside 10**7 others or more.
    """
    expected = expected_counts(counts)
    if expected.min() >= ENOUGH:
        degrees = (counts.shape[0] - 1) * (counts.shape[1] - 1)
        p = float(chi2.sf(_surprise(counts, expected).sum(), degrees))
        return Independence(p, _CHI_SQUARE, 0.0)
    if counts.sum() > MAX_SPARSE:
        return None
    if counts.shape == (2, 2):
        return _fisher(counts)
    n = _DRAWS if counts.size <= _MANY_CELLS else _FEW_DRAWS
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    return _permutation(counts, expected, _random_tables(rows, columns, n))


def quasi_independence(
    counts: Counts, cell: Cell, expected: NDArray[np.float64]
) -> Independence | None:
    """The test of independence where one cell (row, column) is left out of the table.

    expected : what each cell should hold without regard to that one. The p holds for a cell that
    was chosen beforehand; without the cell that surprises most, it leans towards 1. None where
    there is no degree of freedom left, or no table with these sums has a p below `LEVEL`.
    """
    row, column = cell
    others = counts.copy()
    others[row, column] = 0
    rest = np.ones(counts.shape, dtype=bool)
    rest[row, column] = False
    degrees = (counts.shape[0] - 1) * (counts.shape[1] - 1) - 1
    if degrees < 1:
        return None
    if expected[rest].min() >= ENOUGH:
        p = float(chi2.sf(_surprise(others, expected)[rest].sum(), degrees))
        return Independence(p, _CHI_SQUARE, 0.0)
    if others.sum() > MAX_SPARSE:
        return None
    found = _permutation(others, expected, _tables_without(others, cell, _FEW_DRAWS))
    return found if found.least < LEVEL else None


def _surprise(counts: Counts, expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each cell adds to Pearson's chi-square; (..., r, c)."""
    return (counts - expected) ** 2 / expected


def _fisher(counts: Counts) -> Independence:
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    p_of_extremes = []
    for first in (max(0, rows[0] - columns[1]), min(rows[0], columns[0])):
        across, down = rows[0] - first, columns[0] - first
        table = [[first, across], [down, columns[1] - across]]
        p_of_extremes.append(float(fisher_exact(table).pvalue))
    p = float(fisher_exact(counts).pvalue)
    return Independence(p, "Fisher's exact test", min(p_of_extremes))


def _permutation(
    counts: Counts, expected: NDArray[np.float64], tables: Iterator[Counts]
) -> Independence:
    """The share of random tables (k, r, c), the observed one among them, that are as dependent."""
    observed = _surprise(counts, expected).sum()
    batches = progress(tables, "permutation test", unit="batch")
    drawn = np.concatenate([_surprise(table, expected).sum(axis=(1, 2)) for table in batches])
    all_ = np.append(drawn, observed)
    p, least = (float((all_ >= each * _TIE).mean()) for each in (observed, all_.max()))
    draws = f"{len(drawn):,} draws"
    if p * len(all_) < 1.5:  # the observed table is alone: p is the least of so many draws
        draws = f"none of {draws} as dependent"
    return Independence(p, f"permutation test, {draws}", least)


def _random_tables(rows: Counts, columns: Counts, n: int) -> Iterator[Counts]:
    """n tables with these sums, in batches (k, r, c), as random pairs of labels make them."""
    rng = np.random.default_rng(_SEED)
    tables = random_table(rows, columns)
    batch = max(1, _BATCH // (len(rows) * len(columns)))
    for start in range(0, n, batch):
        yield tables.rvs(min(batch, n - start), random_state=rng)


def _tables_without(counts: Counts, cell: Cell, n: int) -> Iterator[Counts]:
    """n random tables (1, r, c) with the sums of `counts`, whose cell is 0 and stays so.

    A table has the probability 1 / prod(n_ij!), up to a constant, and the tables that complete a
    first row v have together prod(1 / (columns_j - v_j)!), up to another. Put together that is
    prod(binomial(columns_j, v_j)) over the columns but the cell's: its row is drawn without
    replacement from the images of the other columns, and what is left is a table without a hole.
    """
    rng = np.random.default_rng(_SEED)
    row, column = cell
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    others = columns.copy()
    others[column] = 0
    below = np.delete(rows, row)
    for _ in range(n):
        first = rng.multivariate_hypergeometric(others, rows[row], method="marginals")
        table = random_table(below, columns - first).rvs(random_state=rng)
        yield np.insert(table, row, first, axis=0)[np.newaxis]
