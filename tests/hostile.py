"""What the tests of files from a stranger share."""

import os
import resource
from pathlib import Path

import pytest

from ferflow.core.errors import FerflowError, printable

DEEP = b"[" * 100_000


class Planted:
    """What runs when a pickle is opened."""

    def __reduce__(self):
        return os.mkdir, ("planted",)


def peak():
    """The most memory, in bytes, that this process has taken so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def refused(function, *words, **named):
    """The one line with which a function refuses what it is given; no file has changed."""
    before = contents()
    with pytest.raises(FerflowError) as caught:
        function(*words, **named)
    assert contents() == before
    (line,) = printable(str(caught.value)).splitlines()
    assert len(line) > 20 and "Traceback" not in line
    return line


def contents():
    """Path -> size and time of each file below the current folder, but for files of locks."""
    found = (path for path in Path.cwd().rglob("*") if path.is_file())
    found = (path for path in found if path.suffix not in (".lock", ".writer"))
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found}
