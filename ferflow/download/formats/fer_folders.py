"""FER-2013 as Kaggle's msambare/fer2013: `train/<class>/Training_<id>.jpg` and so on.

The split follows from the file name's prefix, because the folder `test` holds two of them.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath

import numpy as np

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.download.collection import Collection, image_rows
from ferflow.download.labels import FER2013_COUNTS, FER2013_LABELS, FER2013_SPLITS
from ferflow.download.pictures import class_index, read_pictures

_NAME = re.compile(r"(?P<usage>[A-Za-z]+)_(?P<number>\d{1,18})\.(jpe?g|png)", re.IGNORECASE)


def recognises(names: Sequence[str]) -> bool:
    """Whether any file is named after one of FER-2013's usages."""
    return any(PurePosixPath(name).name.startswith(tuple(FER2013_SPLITS)) for name in names)


def read(files: Files) -> Collection:
    """All images, usage by usage in the order of the numbers in the file names.

    Raises DataError naming the member where a class is not FER-2013's, a file name has no usage,
    a picture is broken, or a usage has no images.
    """
    order = list(FER2013_SPLITS)
    entries = sorted(_place(name, order) for name in files.names)
    usages, _, ids, y, names = zip(*entries, strict=True)
    if twice := [identity for before, identity in pairwise(ids) if identity == before]:
        raise DataError(f"{files.title} has more than one picture named {twice[0]}.")
    if missing := [usage for i, usage in enumerate(order) if i not in usages]:
        raise DataError(
            f"{files.title} holds no {missing[0]} images. Expected FER-2013's folders: "
            "train/<class>/Training_<id>.jpg, test/<class>/PublicTest_<id>.jpg and "
            "test/<class>/PrivateTest_<id>.jpg."
        )
    return Collection(
        rows=image_rows(
            read_pictures(files, names),
            y,
            ids,
            FER2013_LABELS,
            data_set="FER-2013",
        ),
        usage=np.array(order)[list(usages)],
        splits=FER2013_SPLITS,
        official_counts=FER2013_COUNTS,
    )


def _place(name: str, order: list[str]) -> tuple[int, int, str, int, str]:
    """Usage, number, id and class of a member, and its name.

    The id is '<class>/<usage>_<number>': two of FER-2013's numbers stand in two classes.
    """
    path = PurePosixPath(name)
    match = _NAME.fullmatch(path.name)
    if match is None or match["usage"] not in order:
        raise DataError(
            f"{name}: a file name must be one of {', '.join(order)}, then _<number>.jpg."
        )
    identity = f"{path.parent.name}/{path.stem}"
    label = class_index(name, FER2013_LABELS)
    return order.index(match["usage"]), int(match["number"]), identity, label, name
