"""What `ferflow predict` is given: words that name pictures, folders, globs and videos."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PICTURES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".bmp", ".dib"),
    *(".tif", ".tiff", ".pgm", ".ppm", ".pnm", ".heic", ".heif", ".hif", ".avif"),
)
VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".mpg", ".mpeg", ".ogv", ".flv"),
    *(".3gp", ".mts", ".m2ts"),
)

_BY_FILES = ("desktop.ini", "thumbs.db", "ehthumbs.db")  # which systems put beside pictures
_N_NAMED = 5  # of the files that are passed over, at most


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


def find_inputs(words: Sequence[str], note: Callable[[str], None]) -> Iterator[Input]:
    """What the words stand for, in their order; folders are searched to any depth.

    In a folder files count that are named like pictures or videos; a file named by itself always
    does. note : is told in a line a folder what else lies there, but for hidden files and folders.
    """
    for word in words:
        path = Path(word)
        if word == "-":
            yield Input("standard input")
        elif path.is_dir():
            yield from _search(path, note)
        elif not os.path.lexists(path) and glob.has_magic(word):
            yield from _expand(word, note)
        else:
            yield Input(word, path)


def _expand(pattern: str, note: Callable[[str], None]) -> Iterator[Input]:
    names = sorted(glob.iglob(pattern, recursive=True), key=_natural)  # noqa: PTH207
    if not names:
        yield Input(pattern, fault="matches no file.")
    for name in names:
        if Path(name).is_dir():
            yield from _search(Path(name), note)
        else:
            yield Input(name, Path(name))


def _search(folder: Path, note: Callable[[str], None]) -> Iterator[Input]:
    """What a folder holds, in the order of names; folders that cannot be read are faults."""
    faults: list[OSError] = []
    others: list[str] = []
    links: list[str] = []
    n_found = 0
    for place, folders, files in os.walk(folder, onerror=faults.append):
        here = Path(place)
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=_natural)
        links += [
            str((here / name).relative_to(folder)) for name in folders if (here / name).is_symlink()
        ]
        for name in sorted(files, key=_natural):
            path = here / name
            if name.startswith(".") or name.lower() in _BY_FILES:
                continue
            if path.suffix.lower() in PICTURES + VIDEOS:
                n_found += 1
                yield Input(str(path), path, folder)
            else:
                others.append(str(path.relative_to(folder)))
    for fault in faults:
        yield Input(str(fault.filename), fault=f"cannot be read: {fault.strerror}.")
    if others:
        n = len(others)
        what = "file is not a picture or video" if n == 1 else "files are not pictures or videos"
        note(f"in {folder} {n} {what} by name: {_listed(others)}")
    if links:
        note(f"in {folder} links to folders are not followed; name them: {_listed(links)}")
    if not n_found and not faults:
        legal = ", ".join(PICTURES + VIDEOS)
        yield Input(str(folder), fault=f"has no picture or video; legal: {legal}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_N_NAMED]) + (", ..." if len(names) > _N_NAMED else "")


def _natural(name: str) -> Any:
    """The key by which 9.jpg comes before 10.jpg."""
    from ferflow.download.pictures import natural_key  # for folders and globs alone

    return natural_key(name)
