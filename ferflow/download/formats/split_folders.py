"""Folders with splits of their own: `train/<class>/<picture>`, `test/<class>/<picture>`.

With or without `val` (`valid`, `validation`). Where there is no `test`, `val` is what people
report on, so it is the test split. Validation images are then cut from `train`, twins on one side.

FER-2013's edition jonathanoheix/face-expression-recognition-dataset comes so: its images dealt
again into `images/train` (28,821) and `images/validation` (7,066), which papers 4 and 5 used.
"""

from collections import Counter
from pathlib import PurePosixPath

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.download.collection import Found
from ferflow.download.folders import class_of, left_out, part_of, pictures
from ferflow.download.labels import (
    FER2013_LABELS,
    PARTS,
    TWO_FOLDER_COUNTS,
    TWO_FOLDER_SPLITS,
    splits_of_parts,
)
from ferflow.download.pictures import natural_key

LOOKS_FOR = "folders with splits (train/<class>/<picture>, test/<class>/<picture>, perhaps val/)"

_NEARLY = 0.9  # of the edition's pictures: a few may have been lost


def recognises(files: Files) -> bool:
    """Whether pictures lie in <part>/<class>/ of a train part and of another."""
    parts = {part_of(path) for path in pictures(files.names)}
    return bool(splits_of_parts(part for part in parts if part.lower() in PARTS))


def read(files: Files) -> Found:
    """All images, part by part.

    Kaggle's copy of FER-2013's edition holds both folders twice, as `images/train` and
    `images/images/train`: the second, found to name the same files, is left out.

    Raises DataError that names the picture that lies in no class folder of a part.
    """
    trees: dict[PurePosixPath, dict[str, str]] = {}  # folder above the parts -> id -> name
    chosen, notes = left_out(files)
    for name in chosen:
        path = PurePosixPath(name)
        if part_of(path).lower() not in PARTS:
            raise DataError(
                f"{name}: expected <part>/<class>/<picture>, such as train/happy/1.jpg and "
                "test/happy/2.jpg; the picture is not in a class folder of a part ("
                f"{', '.join(PARTS)})."
            )
        trees.setdefault(PurePosixPath(*path.parts[:-3]), {})["/".join(path.parts[-3:])] = name
    root, *copies = sorted(trees, key=lambda tree: (len(tree.parts), str(tree)))
    if other := [copy for copy in copies if trees[copy].keys() != trees[root].keys()]:
        raise DataError(
            f"{files.title}: {other[0]}/ and {root}/ both contain parts of a data set, with "
            "different files. Set data.path to one of them."
        )
    notes += tuple(f"{copy}/ has the same files as {root}/: left out" for copy in copies)
    ids = sorted(trees[root], key=natural_key)
    usage = [identity.split("/")[0] for identity in ids]
    classes = [class_of(identity) for identity in ids]
    splits = splits_of_parts(usage)
    edition = _is_edition(usage, classes)
    if not edition and (part := next((p for p, s in splits.items() if s != PARTS[p.lower()]), "")):
        notes += (
            f"there is no test part: {part}/ becomes the test split, val is taken from train",
        )
    return Found(
        data_set=(
            "FER-2013, the edition in train and validation folders"
            if edition
            else f"pictures in folders {', '.join(splits)}"
        ),
        classes=classes,
        source_id=ids,
        names=[trees[root][identity] for identity in ids],
        known=FER2013_LABELS if edition else (),
        usage=usage,
        splits=splits,
        official_counts=TWO_FOLDER_COUNTS if edition else {},
        notes=notes,
    )


def _is_edition(usage: list[str], classes: list[str]) -> bool:
    """Whether parts, classes and numbers of images are those of FER-2013's edition, or nearly."""
    counts = Counter(usage)
    return (
        counts.keys() == TWO_FOLDER_SPLITS.keys()
        and len(set(classes).intersection(FER2013_LABELS)) == len(FER2013_LABELS)
        and all(
            _NEARLY * sum(official) <= counts[part] <= sum(official) / _NEARLY
            for part, official in TWO_FOLDER_COUNTS.items()
        )
    )
