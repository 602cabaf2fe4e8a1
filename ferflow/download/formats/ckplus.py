"""CK+ as 48x48 pictures: `CK+48/<class>/S<subject>_<sequence>_<frame>.png`.

The set has three frames of each sequence and several sequences of a subject, so the subject is
the group that has to stay on one side of a split. Its class order is its own (see
`ferflow.download.labels`).
"""

import re
from collections import Counter
from pathlib import PurePosixPath

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.download.collection import Found
from ferflow.download.folders import class_of, left_out, most, pictures
from ferflow.download.labels import CKPLUS_COUNTS, CKPLUS_LABELS
from ferflow.download.pictures import natural_key

LOOKS_FOR = "CK+48 (CK+48/<class>/S<subject>_<sequence>_<frame>.png)"

_NAME = re.compile(r"(?P<subject>S\d+)_\d+_\d+\.png", re.IGNORECASE)


def recognises(files: Files) -> bool:
    """Whether most pictures lie in a folder CK+48, or are named after a subject."""
    return most(
        pictures(files.names),
        lambda path: "CK+48" in path.parts or _NAME.fullmatch(path.name) is not None,
    )


def read(files: Files) -> Found:
    """All images, class by class; the person is the subject.

    Raises DataError that names the file without a subject in its name.
    """
    chosen, notes = left_out(files)
    names = sorted(chosen, key=natural_key)
    subjects = [_subject(name) for name in names]
    stems = Counter(PurePosixPath(name).stem for name in names)
    if twice := [stem for stem, n in stems.items() if n > 1]:
        raise DataError(f"{files.title} has more than one picture named {twice[0]}.")
    return Found(
        data_set="CK+48",
        classes=[class_of(name) for name in names],
        source_id=[PurePosixPath(name).stem for name in names],
        names=names,
        known=CKPLUS_LABELS,
        group=subjects,
        official_counts={"": CKPLUS_COUNTS},
        notes=notes,
    )


def _subject(name: str) -> str:
    match = _NAME.fullmatch(PurePosixPath(name).name)
    if match is None:
        raise DataError(
            f"{name}: the file name must be S<subject>_<sequence>_<frame>.png, as in "
            "S010_002_00000014.png; without the subject the split would mix one person's frames."
        )
    return match["subject"].upper()
