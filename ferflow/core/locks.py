"""One process at a time, and one thread of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def lock_of(path: Path) -> Path:
    """The file that is locked by who uses a file or a folder."""
    return path.with_name(f"{path.name}.lock")


@contextmanager
def exclusive(file: Path, *, held: Exception | None = None) -> Iterator[None]:
    """Hold the lock on a file for the block's length; its folder and itself are made, and stay.

    The lock ends with the process, however that ends: what a killed one leaves blocks nobody.
    held : raised at once where another process or thread holds the lock; None waits for its end.
    """
    from filelock import FileLock, Timeout  # takes longer than the rest of ferflow.core

    file.parent.mkdir(parents=True, exist_ok=True)
    # no fallback: on a disk without locks it would make a file that outlives a killed process
    lock = FileLock(file, timeout=0 if held else -1, fallback_to_soft=False)
    try:
        acquired = lock.acquire()
    except Timeout:
        assert held is not None
        raise held from None
    with acquired:
        yield
