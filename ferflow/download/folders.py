"""Pictures in folders named after their classes: what the formats that come so share."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from posixpath import basename, dirname, splitext

from ferflow.core.errors import DataError
from ferflow.download.archives import Files
from ferflow.download.pictures import SUFFIXES, is_picture

_SHOWN = 3  # files named in a message
# of pictures that are not read: without them a class would be smaller, or gone
_UNREAD = (".avif", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".ppm", ".svg", ".tga", ".webp")


def pictures(names: Iterable[str]) -> list[PurePosixPath]:
    """The files whose names end like a picture's."""
    return [PurePosixPath(name) for name in names if is_picture(name)]


def most(paths: Sequence[PurePosixPath], fits: Callable[[PurePosixPath], bool]) -> bool:
    """Whether there are files, and half of them or more fit: a few may be misnamed."""
    return bool(paths) and 2 * sum(map(fits, paths)) >= len(paths)


def class_of(name: str) -> str:
    """The folder that a picture lies in; '' where it lies in none."""
    folder = basename(dirname(name))
    return "" if folder == "." else folder


def part_of(path: PurePosixPath) -> str:
    """The folder above a picture's class folder; '' if there is none."""
    return path.parent.parent.name


def left_out(files: Files) -> tuple[list[str], tuple[str, ...]]:
    """The pictures, and a note that names the files beside the class folders that are not pictures.

    Raises DataError if a file within a class folder, or a picture anywhere, is not
    supported.
    """
    chosen = [name for name in files.names if is_picture(name)]
    folders = {dirname(name) for name in chosen} - {"", "."}
    others = [name for name in files.names if not is_picture(name)]
    for name in others:
        if dirname(name) in folders or splitext(name)[1].lower() in _UNREAD:
            raise DataError(
                f"{files.title}: {name} is not a supported picture ({', '.join(SUFFIXES)}). "
                "Move it out of the class folders, or save it in one of these formats."
            )
    return chosen, (f"left out, not pictures: {shown(others)}",) if others else ()


def shown(names: Sequence[str]) -> str:
    """A few of many names, and how many more there are."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
