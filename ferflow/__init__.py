"""ferflow: facial expression recognition on FER-2013 as one reproducible pipeline.

`from ferflow import Recognizer` names the expressions of the faces in a picture.
"""

import os
import sys

__all__ = ["Recognizer"]

_ROOM = 64 << 20  # bytes

# On a full disk Python (3.11 here) keeps a cut-off .pyc file, over which every later import fails.
if hasattr(os, "statvfs"):
    _disk = os.statvfs(os.path.dirname(__file__))  # noqa: PTH120  (pathlib takes longer)
    if _disk.f_bavail * _disk.f_frsize < _ROOM:
        sys.dont_write_bytecode = True


def __getattr__(name: str) -> object:
    """The library's face, loaded when it is used: `import ferflow` alone loads nothing."""
    if name == "Recognizer":
        from ferflow.recognition.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module 'ferflow' has no attribute {name!r}")
