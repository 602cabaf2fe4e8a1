"""Checks the size of some of a source's pictures before all are read."""

from contextlib import suppress
from zipfile import is_zipfile

import numpy as np

from ferflow.core.errors import DataError
from ferflow.core.params import from_root
from ferflow.download.archives import open_files
from ferflow.download.formats import fer_csv
from ferflow.download.params import DataParams
from ferflow.download.recognition import ORDER
from ferflow.images.faces import pack, refuse_other_sizes
from ferflow.images.size import SIDE

_N_SEEN = 20


def peek(params: DataParams) -> None:
    """As `refuse_other_sizes`, of some of the pictures of a source.

    Those of a CSV of FER-2013 and drawn ones have 48x48 pixels. What cannot be read is left to who
    reads all.
    """
    title = f"data.source {params.source}"
    if params.source == "path" and params.path is not None:
        path = from_root(params.path)
        title = path.name
        if path.is_dir() or is_zipfile(path):
            with suppress(DataError, OSError), open_files(path) as files:
                layout = next((each for each in ORDER if each.recognises(files)), None)
                if layout is not fer_csv:
                    names = layout.read(files).names if layout else ()
                    for name in names[:: max(1, len(names) // _N_SEEN)]:
                        content = np.frombuffer(files.read_picture(name), np.uint8)
                        refuse_other_sizes(pack([content]), [name], params)
                    return
        elif not path.is_file():
            return
    refuse_other_sizes(np.empty((1, SIDE, SIDE), np.uint8), [title], params)
