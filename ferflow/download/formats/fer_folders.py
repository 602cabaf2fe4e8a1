"""FER-2013 as Kaggle's msambare/fer2013: `train/<class>/Training_<id>.jpg` and so on.

The split follows from the file name's prefix, because the folder `test` holds two of them.
"""

import re
from itertools import pairwise
from posixpath import basename, splitext

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.download.collection import Found
from ferflow.download.folders import class_of, left_out, most, pictures
from ferflow.download.labels import FER2013_COUNTS, FER2013_LABELS, FER2013_SPLITS

LOOKS_FOR = "FER-2013's folders (<class>/Training_<n>.jpg, PublicTest_<n>.jpg, PrivateTest_<n>.jpg)"

_NAME = re.compile(r"(?P<usage>[A-Za-z]+)_(?P<number>\d{1,18})\.(jpe?g|png)", re.IGNORECASE)
_ORDER = list(FER2013_SPLITS)


def recognises(files: Files) -> bool:
    """Whether most pictures are named after one of FER-2013's usages."""
    return most(pictures(files.names), lambda path: path.name.startswith(tuple(FER2013_SPLITS)))


def read(files: Files) -> Found:
    """All images, usage by usage in the order of the numbers in the file names.

    Raises DataError that names the member whose file name has no usage, and where a usage has no
    images.
    """
    chosen, notes = left_out(files)
    entries = sorted(_place(name) for name in chosen)
    usages, _, ids, names = zip(*entries, strict=True)
    if twice := [identity for before, identity in pairwise(ids) if identity == before]:
        raise DataError(f"{files.title} has more than one picture named {twice[0]}.")
    if missing := [usage for i, usage in enumerate(_ORDER) if i not in usages]:
        raise DataError(
            f"{files.title} has no {missing[0]} images. Expected FER-2013's folders: "
            "train/<class>/Training_<id>.jpg, test/<class>/PublicTest_<id>.jpg and "
            "test/<class>/PrivateTest_<id>.jpg."
        )
    return Found(
        data_set="FER-2013",
        classes=[class_of(name) for name in names],
        source_id=ids,
        names=names,
        known=FER2013_LABELS,
        usage=[_ORDER[i] for i in usages],
        splits=FER2013_SPLITS,
        official_counts=FER2013_COUNTS,
        notes=notes,
    )


def _place(name: str) -> tuple[int, int, str, str]:
    """Usage, number and id of a member, and its name.

    The id is '<class>/<usage>_<number>': two of FER-2013's numbers stand in two classes.
    """
    file = basename(name)
    match = _NAME.fullmatch(file)
    if match is None or match["usage"] not in _ORDER:
        raise DataError(
            f"{name}: a file name must be one of {', '.join(_ORDER)}, then _<number>.jpg."
        )
    identity = f"{class_of(name)}/{splitext(file)[0]}"
    return _ORDER.index(match["usage"]), int(match["number"]), identity, name
