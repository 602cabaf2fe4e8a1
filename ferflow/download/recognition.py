"""Which of the formats a folder, an archive or a file is of: told by its content."""

from collections import Counter
from pathlib import PurePosixPath
from types import ModuleType

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.download.collection import Found
from ferflow.download.folders import pictures, shown
from ferflow.download.formats import (
    ckplus,
    class_folders,
    fer_csv,
    fer_folders,
    picture_list,
    split_folders,
)
from ferflow.download.near_misses import near_miss

# The first that recognises the files reads them.
ORDER: tuple[ModuleType, ...] = (
    picture_list,  # whoever writes a list means it, whatever the folders look like
    fer_csv,  # the original; people unpack its pictures beside it
    fer_folders,  # before split_folders: by file name, because its folder `test` holds two splits
    ckplus,  # before class_folders: its file names tell the persons
    split_folders,  # before class_folders: its class folders lie in folders of parts
    class_folders,  # whatever pictures are left
)


def find(files: Files) -> Found:
    """What the format that recognises the files makes of them.

    Raises DataError that says what was looked for and what is there, if none does.
    """
    if not files.names:
        raise DataError(
            f"{files.title} is empty: it has no file, or hidden ones alone. Looked for pictures in "
            "a folder for each class, a list of them, or FER-2013's CSV."
        )
    for layout in ORDER:
        if files.kind == "tar.gz" and layout is not fer_csv:
            continue  # the members of a tar can only be read one after the other
        if layout.recognises(files):
            if _may_be_another(files, layout) and (hint := near_miss(files)):
                raise DataError(hint)
            found: Found = layout.read(files)
            return found
    if files.kind == "tar.gz":
        raise DataError(f"{files.title} has no CSV of FER-2013. Pack pictures as a zip instead.")
    if hint := near_miss(files):
        raise DataError(hint)
    looked_for = "; ".join(layout.LOOKS_FOR for layout in ORDER)
    raise DataError(
        f"{files.title} has no data set in a known form. Looked for: {looked_for}. "
        f"Found: {_what_is_there(files)}."
    )


def _may_be_another(files: Files, layout: ModuleType) -> bool:
    """Whether a format takes what it has no sign of: any file alone, or pictures in one folder."""
    if layout is fer_csv:
        return files.kind == "file"
    return layout is class_folders and len({path.parent for path in pictures(files.names)}) == 1


def _what_is_there(files: Files) -> str:
    """How many files of which kinds, and a few names."""
    kinds = Counter(PurePosixPath(name).suffix.lower() or "no suffix" for name in files.names)
    counts = ", ".join(
        f"{n:,} {kind}" for kind, n in sorted(kinds.items(), key=lambda k: -k[1])[:8]
    )
    return f"{counts} ({shown(files.names)})"
