"""Any pictures in folders named after their classes: `<class>/<picture>`."""

from pathlib import PurePosixPath

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.download.collection import Found
from ferflow.download.folders import class_of, left_out, part_of, pictures
from ferflow.download.labels import PARTS
from ferflow.download.pictures import natural_key

LOOKS_FOR = "class folders (<class>/<picture>)"


def recognises(files: Files) -> bool:
    """Whether any picture lies in a folder."""
    return any(len(path.parts) > 1 for path in pictures(files.names))


def read(files: Files) -> Found:
    """All images, class by class.

    Raises DataError naming the picture that lies elsewhere than the others.
    """
    chosen, notes = left_out(files)
    names = sorted(chosen, key=natural_key)
    paths = [PurePosixPath(name) for name in names]
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
        no_splits=f"there is {part}/, and no other part" if part.lower() in PARTS else "",
        notes=notes,
    )
