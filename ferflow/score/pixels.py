"""The pixels of FER-2013's PublicTest and PrivateTest, out of a data set that the user has."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError, ParamError
from ferflow.core.params import PARAMS_FILE, from_root, pick_section, read_yaml, repository_root
from ferflow.download.ferplus import own_labels
from ferflow.download.params import DataParams
from ferflow.download.sources import read_path
from ferflow.fer2013.join import find_entries
from ferflow.fer2013.table import UNKNOWN, load_table, pixel_hash
from ferflow.images.faces import small_grey
from ferflow.score.images import Named


@dataclass(frozen=True)
class ImagesToScore:
    """The labelled images of PublicTest and PrivateTest that are there, each once.

    faces : uint8 (n, 48, 48). ids : as the table names them. named : which they are.
    """

    faces: NDArray[np.uint8]
    ids: list[str]
    named: Named


def load_test_images(data: Path | None) -> ImagesToScore:
    """The images in a folder, archive or CSV of any layout that `download` reads.

    data : where they lie; None for data.path of params.yaml. Raises DataError where it holds none
    of them, ParamError where there is no such path.
    """
    path = data if data is not None else _path_of_params()
    table, rows = load_table(), read_path(path).rows
    faces = small_grey(rows.x)
    entries = find_entries(table, rows.source_id.tolist(), own_labels(rows), faces)
    wanted = (entries != UNKNOWN) & (table.usage[entries] > 0) & (table.label[entries] != UNKNOWN)
    entries, first = np.unique(np.where(wanted, entries, UNKNOWN), return_index=True)
    entries, faces = entries[entries != UNKNOWN], faces[first[entries != UNKNOWN]]
    if not len(entries):
        raise DataError(f"{path} holds none of FER-2013's PublicTest and PrivateTest images.")
    hashes = np.array([int(pixel_hash(face), 16) for face in faces], np.uint64)
    same = [(known[entries] == hashes).sum() for known in (table.folder_hash, table.csv_hash)]
    kind = "file" if same[0] >= same[1] else "row"
    names, rows_ = table.source_ids(), table.row_ids()
    ids = [names[k] or rows_[k] for k in entries.tolist()]
    return ImagesToScore(faces, ids, Named(f"what lies in {path.name}", kind, entries, {}))


def _path_of_params() -> Path:
    """data.path of the repository's params.yaml; ParamError where it names none."""
    cure = "Name FER-2013's images: --data fer2013.zip"
    file = repository_root() / PARAMS_FILE
    if not file.is_file():
        raise ParamError(f"a model needs images, and there is no {PARAMS_FILE} here. {cure}")
    params = pick_section(read_yaml(file), "data", DataParams)
    if params.source != "path" or params.path is None:
        raise ParamError(
            f"a model needs images, and data.source of {PARAMS_FILE} is {params.source}. {cure}"
        )
    return from_root(params.path)
