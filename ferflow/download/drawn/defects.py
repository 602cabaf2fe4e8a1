"""FER-2013's known defects, planted in known numbers in a set of drawn faces.

What is planted is listed in a table, against which filters can be measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.random import Generator

from ferflow.core.split import Split
from ferflow.download.drawn.blemishes import NEAR_COPIES, NON_FACES, OCCLUSIONS, Change, Image, fade

COLUMNS = ["split", "source_id", "defect", "detail", "twin_split", "twin_of"]

# Rows of each class that are neither changed nor copied. In train, as many as SMOTE needs with
# its five neighbours, so that no filter makes a set too small for it.
KEPT_CLEAN = {"train": 6, "val": 1, "test": 1}
LEAST = {"train": 3, "val": 1, "test": 1}  # of each defect, in however small a set
FER2013_IMAGES = 35_887


@dataclass(frozen=True)
class Planting:
    """How often FER-2013 has a defect: `count` images of its 35,887 lie in `split`.

    twin_split : where the image lies that a copy was made of; None for what is not a copy.
    """

    defect: str
    split: str
    count: int
    twin_split: str | None = None


# Counted in FER-2013 (Kaggle's msambare/fer2013) where nothing else is said. Its 12 images of one
# grey level are all black, so that they are duplicates too, with contradictory labels; ours differ
# in their level, so that an image has the defects that it is listed with and no other.
PLAN = (
    Planting("constant", "train", 12),  # of a standard deviation below 4 grey levels
    Planting("constant", "val", 1),
    # standard deviation below 20, without those; ours lie below 10, the drawn faces above
    Planting("low_contrast", "train", 59),
    Planting("low_contrast", "val", 10),
    Planting("low_contrast", "test", 14),
    # our guess, half a percent: counting them takes people
    Planting("non_face", "train", 144),
    Planting("non_face", "val", 18),
    Planting("non_face", "test", 18),
    # our guess, one percent
    Planting("occluded", "train", 287),
    Planting("occluded", "val", 36),
    Planting("occluded", "test", 36),
    # groups of equal images with different labels: 51 with the black one
    Planting("contradictory_label", "train", 26, "train"),
    Planting("contradictory_label", "val", 10, "train"),
    Planting("contradictory_label", "test", 14, "train"),
    # images equal to an earlier one, in the same split if there is one there: 1,780 with those
    # above and 11 black ones
    Planting("exact_duplicate", "train", 1187, "train"),
    Planting("exact_duplicate", "val", 26, "val"),
    Planting("exact_duplicate", "test", 17, "test"),
    Planting("exact_duplicate", "val", 226, "train"),
    Planting("exact_duplicate", "test", 237, "train"),
    Planting("exact_duplicate", "test", 26, "val"),
    # a perceptual hash finds 77 duplicates more, and 27 test images more with a twin in train
    Planting("near_duplicate", "train", 23, "train"),
    Planting("near_duplicate", "val", 27, "train"),
    Planting("near_duplicate", "test", 27, "train"),
)


def _as_it_is(image: Image, _: Generator) -> Image:
    return image


# Defect -> its kinds, planted in turn, and what each makes of an image.
KINDS: Mapping[str, Mapping[str, Change]] = {
    "constant": {"": _as_it_is},  # one grey level, see `_Planter.plant`
    "low_contrast": {"": fade},
    "non_face": NON_FACES,
    "occluded": OCCLUSIONS,
    "contradictory_label": {"": _as_it_is},
    "exact_duplicate": {"": _as_it_is},
    "near_duplicate": NEAR_COPIES,
}


def plant_defects(splits: Mapping[str, Split], seed: int) -> tuple[dict[str, Split], pd.DataFrame]:
    """Replace some images by defective ones, in FER-2013's proportions, and list them.

    Splits keep their rows, and rows their labels and ids: a contradictory label comes about as
    the copy of an image in a row of another class. No image gets two of the defects, and a row
    whose image was copied is not changed itself. A small set gets at least `LEAST` of each, as
    far as rows beyond `KEPT_CLEAN` go.

    Returns the splits and the table, a line for each defect of a row, with its `split` and
    `source_id`; `detail` says which kind; for copies, `twin_split` and `twin_of` name the row
    whose image was copied, else they are empty. A copy with a contradictory label has a second
    line as the exact duplicate that it is, so the lines of a defect are all of its cases.
    """
    planter = _Planter(splits, np.random.default_rng([seed, 0, 1]))
    n_images = sum(map(len, splits.values()))
    for planting in PLAN:
        expected = round(planting.count * n_images / FER2013_IMAGES)
        for number in range(max(LEAST[planting.split], expected)):
            planter.plant(planting, number)
    return planter.splits(), planter.table()


def place_defects(table: pd.DataFrame, splits: Mapping[str, Split]) -> pd.DataFrame:
    """The table with the splits in which its images lie now, after they were dealt out again."""
    where = {name: key for key, split in splits.items() for name in split.source_id.tolist()}
    return table.assign(
        split=[where[name] for name in table["source_id"]],
        twin_split=[where.get(name, "") for name in table["twin_of"]],
    )


def no_defects() -> pd.DataFrame:
    """The table of a set in which nothing was planted."""
    return pd.DataFrame(columns=COLUMNS, dtype=str)


class _Planter:
    """Splits whose images are replaced one by one, and the rows that are still untouched."""

    def __init__(self, splits: Mapping[str, Split], rng: Generator) -> None:
        self._given, self._rng = splits, rng
        self._x = {name: split.x.copy() for name, split in splits.items()}
        self._free: dict[str, dict[int, list[int]]] = {}  # split -> label -> rows, shuffled
        for name, split in splits.items():
            rows = [rng.permutation(np.flatnonzero(split.y == y)) for y in range(len(split.labels))]
            self._free[name] = {y: few[KEPT_CLEAN[name] :].tolist() for y, few in enumerate(rows)}
        self._tones = rng.permutation(256).tolist()  # no two constant images are the same
        self._last_twin: int | None = None
        self._lines: list[tuple[str, ...]] = []

    def splits(self) -> dict[str, Split]:
        """The splits as they are now; the data set's name says that something was planted."""
        return {
            name: replace(
                split,
                x=self._x[name],
                meta=split.meta | {"data_set": f"{split.meta['data_set']} with planted defects"},
            )
            for name, split in self._given.items()
        }

    def table(self) -> pd.DataFrame:
        """What was planted, in the order of `PLAN`."""
        return pd.DataFrame(self._lines, columns=COLUMNS, dtype=str)

    def plant(self, planting: Planting, number: int) -> None:
        """Plant the defect for the `number`-th time; not at all where no row is left for it."""
        split, twin_split = planting.split, planting.twin_split or planting.split
        row, twin = self._places(planting, number)
        if row is None or not self._tones:
            return
        kinds = list(KINDS[planting.defect])
        kind = kinds[number % len(kinds)]
        base = self._x[twin_split][row if twin is None else twin]
        image = KINDS[planting.defect][kind](base, self._rng)
        is_constant = planting.defect == "constant"
        self._x[split][row] = self._tones.pop() if is_constant else image
        twin_of = ("", "") if twin is None else (twin_split, self._id(twin_split, twin))
        defects = [planting.defect]
        if planting.defect == "contradictory_label":
            defects.append("exact_duplicate")
        self._lines += [(split, self._id(split, row), name, kind, *twin_of) for name in defects]

    def _places(self, planting: Planting, number: int) -> tuple[int | None, int | None]:
        """An untouched row to change, and one to copy into it where the defect is a copy."""
        free = self._free[planting.split]
        if planting.twin_split is None:
            return self._draw(free), None
        within, y = planting.split == planting.twin_split, self._given[planting.split].y
        if (
            planting.defect == "exact_duplicate"
            and within
            and number % 5 == 4
            and self._last_twin is not None
        ):
            # a fifth of FER-2013's copies join a pair that is there
            label = int(y[self._last_twin])
            return self._draw({label: free[label]}), self._last_twin
        twins = self._free[planting.twin_split]
        if planting.defect == "contradictory_label":
            row = self._draw(free)
            fitting = {} if row is None else {k: few for k, few in twins.items() if k != y[row]}
        else:
            row = self._draw({k: few for k, few in free.items() if len(twins[k]) > within})
            fitting = {} if row is None else {int(y[row]): twins[int(y[row])]}
        self._last_twin = self._draw(fitting)
        return (None if self._last_twin is None else row), self._last_twin

    def _draw(self, rows_of: Mapping[int, list[int]]) -> int | None:
        """Take out a row, of a class in proportion to its rows; None if there is none."""
        sizes = np.array([len(rows) for rows in rows_of.values()])
        if not sizes.any():
            return None
        return rows_of[int(self._rng.choice(list(rows_of), p=sizes / sizes.sum()))].pop()

    def _id(self, split: str, row: int) -> str:
        return str(self._given[split].source_id[row])
