"""Any pictures in folders named after their classes: `<class>/<picture>`."""

from pathlib import PurePosixPath

import numpy as np

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.download.collection import Collection, image_rows
from ferflow.download.pictures import SUFFIXES, class_index, is_picture, natural_key, read_pictures


def read(files: Files) -> Collection:
    """All images, class by class; the labels are the folders' names in alphabetical order.

    Raises DataError naming the file that is no picture or lies elsewhere than the others, and
    where there are fewer than two classes.
    """
    names = sorted(files.names, key=natural_key)
    for name in names:
        path = PurePosixPath(name)
        if not is_picture(name):
            raise DataError(
                f"{files.title}: {name} is no picture ({', '.join(SUFFIXES)}). Legal are "
                "<class>/<picture>, FER-2013's folders or CSV, and CK+48's folders."
            )
        if len(path.parts) < 2 or path.parents[1] != PurePosixPath(names[0]).parent.parent:
            raise DataError(
                f"{files.title}: {name} and {names[-1]} lie at different depths; expected "
                "<class>/<picture>, all class folders in one place."
            )
    labels = tuple(sorted({PurePosixPath(name).parent.name for name in names}))
    if len(labels) < 2:
        raise DataError(
            f"{files.title} holds pictures of one class only ('{labels[0]}'); two are needed."
        )
    return Collection(
        rows=image_rows(
            read_pictures(files, names),
            [class_index(name, labels) for name in names],
            ["/".join(PurePosixPath(name).parts[-2:]) for name in names],
            labels,
            data_set="pictures in class folders",
        ),
        usage=np.full(len(names), ""),
    )
