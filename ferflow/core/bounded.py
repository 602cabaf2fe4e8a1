"""Files that may come from anybody are read up to a size, and only if they are ordinary files."""

from pathlib import Path

from ferflow.core.errors import DataError


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file of at most `most` bytes.

    Raises FileNotFoundError where there is none; DataError where it is larger, cannot be read, or
    is a folder, a pipe or a device, which may never end.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path} cannot be read: it is no ordinary file.")
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) > most:
        raise DataError(f"{path} is too large: at most {most:,} bytes are read.")
    return content
