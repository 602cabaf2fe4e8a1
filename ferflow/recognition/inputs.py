"""What `ferflow predict` is given: words that name pictures, folders, globs and videos."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ferflow.download.pictures import natural_key

STDIN = "-"
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")
VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")


@dataclass(frozen=True)
class Input:
    """One thing to look at.

    name : as the user knows it. path : its file; None for standard input, or where `fault` says
    why there is none. folder : the folder that it was found in, of those that the user named.
    """

    name: str
    path: Path | None = None
    folder: Path | None = None
    fault: str | None = None

    @property
    def is_video(self) -> bool:
        return self.path is not None and self.path.suffix.lower() in VIDEOS


def find_inputs(words: Sequence[str]) -> Iterator[Input]:
    """What the words stand for, in their order; folders are searched to any depth.

    In a folder only files named like pictures count; a file named by itself always does.
    """
    for word in words:
        path = Path(word)
        if word == STDIN:
            yield Input("standard input")
        elif path.is_dir():
            yield from _search(path)
        elif not os.path.lexists(path) and glob.has_magic(word):
            yield from _expand(word)
        else:
            yield Input(word, path)


def _expand(pattern: str) -> Iterator[Input]:
    names = sorted(glob.iglob(pattern, recursive=True), key=natural_key)  # noqa: PTH207
    if not names:
        yield Input(pattern, fault="matches no file.")
    for name in names:
        if Path(name).is_dir():
            yield from _search(Path(name))
        else:
            yield Input(name, Path(name))


def _search(folder: Path) -> Iterator[Input]:
    """Pictures in a folder, in the order of their names; folders that cannot be read are told."""
    faults: list[OSError] = []
    n_found = 0
    for place, folders, files in os.walk(folder, onerror=faults.append):
        folders.sort(key=natural_key)
        for name in sorted(files, key=natural_key):
            if Path(name).suffix.lower() in PICTURES:
                n_found += 1
                path = Path(place) / name
                yield Input(str(path), path, folder)
    for fault in faults:
        yield Input(str(fault.filename), fault=f"cannot be read: {fault.strerror}.")
    if not n_found and not faults:
        yield Input(str(folder), fault=f"holds no picture; legal: {', '.join(PICTURES)}.")
