"""The class names of each data set in its own order, its splits and its official counts."""

from collections.abc import Iterable

from ferflow.fer2013.labels import FER2013_COUNTS as FER2013_COUNTS
from ferflow.fer2013.labels import FER2013_LABELS as FER2013_LABELS
from ferflow.fer2013.labels import FER2013_SPLITS as FER2013_SPLITS

# The other Kaggle edition, jonathanoheix/face-expression-recognition-dataset: FER-2013's images
# dealt again into two folders. `validation` is what papers 4 and 5 tested on.
TWO_FOLDER_SPLITS = {"train": "train", "validation": "test"}

# images per folder and class, in FER-2013's label order; both folders add up to FER-2013's classes
TWO_FOLDER_COUNTS = {
    "train": (3993, 436, 4103, 7164, 4938, 3205, 4982),
    "validation": (960, 111, 1018, 1825, 1139, 797, 1216),
}

# CK+48 in the order of its folders. Not FER-2013's: contempt is here and neutral is not.
CKPLUS_LABELS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")

# three frames of each of the 327 labelled sequences (Lucey et al. 2010, table 3)
CKPLUS_COUNTS = (135, 54, 177, 75, 207, 84, 249)

# Names of folders and cells, in lower case, for parts of a data set -> split
PARTS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "publictest": "val",
    "test": "test",
    "testing": "test",
    "privatetest": "test",
}

FER_PLUS = "fer2013new.csv"  # FER+'s file of votes
FER_PLUS_OFFER = (
    f"{FER_PLUS} beside it holds FER+'s votes, of ten people for each image. To use its labels: "
    "--set data.labels=ferplus"
)


def splits_of_parts(parts: Iterable[str]) -> dict[str, str]:
    """A source's own parts, keys of `PARTS` in any case -> the splits that they stand for.

    Without a test part the val part is what scores are reported on, so it is the test split.
    Empty if there is no train part, or no other.
    """
    splits = {part: PARTS[part.lower()] for part in sorted(set(parts), key=_turn)}
    if "train" not in splits.values() or len(set(splits.values())) == 1:
        return {}
    if "test" not in splits.values():
        return {part: "test" if split == "val" else split for part, split in splits.items()}
    return splits


def _turn(part: str) -> tuple[int, str]:
    return list(PARTS).index(part.lower()), part
