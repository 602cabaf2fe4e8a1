"""FER-2013 as Kaggle's jonathanoheix/face-expression-recognition-dataset.

`images/train/<class>/<n>.jpg` and `images/validation/<class>/<n>.jpg`: FER-2013's images dealt
anew into 28,821 and 7,066, which papers 4 and 5 used. There is no third part. `validation` is
what both papers report on, so it is the test split here, and validation images are cut from
`train` (paper 5: a fifth), twins on one side.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.download.collection import Collection, image_rows
from ferflow.download.labels import FER2013_LABELS, TWO_FOLDER_COUNTS, TWO_FOLDER_SPLITS
from ferflow.download.pictures import class_index, is_picture, natural_key, read_pictures


def recognises(names: Sequence[str]) -> bool:
    """Whether any file lies in <train or validation>/<class>/."""
    return any(_part(name) in TWO_FOLDER_SPLITS for name in names)


def read(files: Files) -> Collection:
    """All images, those of `train` first.

    Kaggle's copy holds both folders twice, as `images/train` and `images/images/train`: the
    second, found to name the same files, is left out.

    Raises DataError naming the file that is no picture or lies in no class folder of a part, and
    where a part has no images.
    """
    trees: dict[PurePosixPath, dict[str, str]] = {}  # folder above the parts -> id -> name
    for name in files.names:
        parts = PurePosixPath(name).parts
        if _part(name) not in TWO_FOLDER_SPLITS or not is_picture(name):
            raise DataError(
                f"{name}: expected train/<class>/<picture> and validation/<class>/<picture>."
            )
        class_index(name, FER2013_LABELS)
        trees.setdefault(PurePosixPath(*parts[:-3]), {})["/".join(parts[-3:])] = name
    root, *copies = sorted(trees, key=lambda tree: (len(tree.parts), str(tree)))
    if other := [copy for copy in copies if trees[copy].keys() != trees[root].keys()]:
        raise DataError(
            f"{files.title}: {other[0]}/ and {root}/ both hold train and validation, but not the "
            "same files. Name the one that is meant in data.path."
        )
    ids = sorted(trees[root], key=natural_key)
    usage = np.array([identity.split("/")[0] for identity in ids])
    if missing := [part for part in TWO_FOLDER_SPLITS if part not in usage]:
        raise DataError(f"{files.title} holds no images in {missing[0]}/.")
    return Collection(
        rows=image_rows(
            read_pictures(files, [trees[root][identity] for identity in ids]),
            [class_index(identity, FER2013_LABELS) for identity in ids],
            ids,
            FER2013_LABELS,
            data_set="FER-2013, the edition in train and validation folders",
        ),
        usage=usage,
        splits=TWO_FOLDER_SPLITS,
        official_counts=TWO_FOLDER_COUNTS,
        notes=tuple(f"{copy}/ names the same files as {root}/: left out" for copy in copies),
    )


def _part(name: str) -> str:
    """The folder above the class folder."""
    return PurePosixPath(name).parent.parent.name
