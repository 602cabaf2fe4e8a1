"""Files that systems leave in folders: no part of any data, nor of its fingerprint."""

from pathlib import PurePath

_SYSTEM = {"__macosx", "desktop.ini", "thumbs.db", "ehthumbs.db", "@eadir", "$recycle.bin"}


def is_hidden(name: str | PurePath) -> bool:
    """Whether a file, by its path in a folder or archive, is hidden or the system's.

    `.DS_Store`, `.ipynb_checkpoints/...`, `__MACOSX/...`, `Thumbs.db`.
    """
    return any(part.startswith(".") or part.lower() in _SYSTEM for part in PurePath(name).parts)
