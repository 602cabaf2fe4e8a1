"""CK+ as 48x48 pictures: `CK+48/<class>/S<subject>_<sequence>_<frame>.png`.

The set has three frames of each sequence and several sequences of a subject, so the subject is
the group that has to stay on one side of a split. Its class order is its own (see
`ferflow.download.labels`).
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.download.collection import Collection, image_rows
from ferflow.download.labels import CKPLUS_COUNTS, CKPLUS_LABELS
from ferflow.download.pictures import class_index, natural_key, read_pictures

_NAME = re.compile(r"(?P<subject>S\d+)_\d+_\d+\.png", re.IGNORECASE)


def recognises(names: Sequence[str]) -> bool:
    """Whether the folder is called CK+48, or any file is named after a subject."""
    return any(
        "CK+48" in path.parts or _NAME.fullmatch(path.name) for path in map(PurePosixPath, names)
    )


def read(files: Files) -> Collection:
    """All images, class by class; `group` is the subject.

    Raises DataError naming the file whose name holds no subject or whose folder is no class.
    """
    names = sorted(files.names, key=natural_key)
    subjects = [_subject(name) for name in names]
    stems = Counter(PurePosixPath(name).stem for name in names)
    if twice := [stem for stem, n in stems.items() if n > 1]:
        raise DataError(f"{files.title} has more than one picture named {twice[0]}.")
    return Collection(
        rows=image_rows(
            read_pictures(files, names),
            [class_index(name, CKPLUS_LABELS) for name in names],
            [PurePosixPath(name).stem for name in names],
            CKPLUS_LABELS,
            data_set="CK+48",
            group=subjects,
        ),
        usage=np.full(len(names), ""),
        official_counts={"": CKPLUS_COUNTS},
    )


def _subject(name: str) -> str:
    match = _NAME.fullmatch(PurePosixPath(name).name)
    if match is None:
        raise DataError(
            f"{name}: the file name must be S<subject>_<sequence>_<frame>.png, as in "
            "S010_002_00000014.png; without the subject the split would mix one person's frames."
        )
    return match["subject"].upper()
