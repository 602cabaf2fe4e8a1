"""Any pictures in folders named after their classes: `<class>/<picture>`."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from ferflow.core.errors import DataError
from ferflow.core.split import SPLITS
from ferflow.download.archives import Files
from ferflow.download.collection import Found
from ferflow.download.folders import class_of, left_out, part_of, pictures, shown
from ferflow.download.labels import PARTS
from ferflow.download.pictures import natural_key

LOOKS_FOR = "class folders (<class>/<picture>)"


def recognises(files: Files) -> bool:
    """Whether any picture lies in a folder."""
    return any(len(path.parts) > 1 for path in pictures(files.names))


def read(files: Files) -> Found:
    """All images, class by class.

    Raises DataError that names the picture that lies elsewhere than the others, or the folders that
    may be splits under other names.
    """
    chosen, notes = left_out(files)
    names = sorted(chosen, key=natural_key)
    paths = [PurePosixPath(name) for name in names]
    _refuse_unknown_splits(files.title, paths)
    for path in paths:
        if len(path.parts) < 2 or path.parent.parent != paths[0].parent.parent:
            raise DataError(
                f"{files.title}: {path} and {names[-1]} lie at different depths; expected "
                "<class>/<picture>, all class folders in one place."
            )
    part = part_of(paths[0])
    return Found(
        data_set="pictures in class folders",
        classes=[class_of(name) for name in names],
        source_id=["/".join(path.parts[-2:]) for path in paths],
        names=names,
        no_splits=f"{part}/ is the only part" if part.lower() in PARTS else "",
        notes=notes,
    )


def _refuse_unknown_splits(title: str, paths: Sequence[PurePosixPath]) -> None:
    """Refuse class folders in several folders that are not named as splits."""
    parts = sorted({part_of(path) for path in paths})
    if len(parts) < 2 or len({len(path.parts) for path in paths}) > 1:
        return
    names = {split: [part for part, s in PARTS.items() if s == split] for split in SPLITS}
    legal = "; ".join(f"{split}: {', '.join(words)}" for split, words in names.items())
    raise DataError(
        f"{title} has class folders in {shown(parts)}. Splits need a train folder, and val, "
        f"test or both. Legal names: {legal}. Rename the folders, or set data.path to one of them "
        "and data.split to fraction. If they are not splits but, say, people, write a list: "
        "labels.csv with the columns path, label and person."
    )
