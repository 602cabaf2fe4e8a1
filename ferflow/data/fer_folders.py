"""FER-2013 as Kaggle's image folders: `train/<class>/Training_<id>.jpg` and so on.

Read from the unpacked folder or straight from the zip, which is never unpacked to disk.
The split follows from the file name's prefix, because the folder `test` holds two of them.
"""

import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.artifacts import Split
from ferflow.data.labels import FER2013_LABELS, FER2013_SPLITS
from ferflow.errors import DataError
from ferflow.params import nearest

SIDE = 48  # pixels, both ways
_MAX_BYTES = 1 << 20  # of one picture's file; FER-2013's have some 1,500
_NAME = re.compile(r"(?P<usage>[A-Za-z]+)_(?P<number>\d+)\.(jpe?g|png)", re.IGNORECASE)


def read_fer_folders(path: Path) -> dict[str, Split]:
    """The three official splits, their rows in the order of the numbers in the file names.

    Raises DataError naming the member where the archive is damaged, a class is not FER-2013's,
    a file name has no usage, a picture is not 48x48, or a split is empty.
    """
    rows: dict[str, list[tuple[int, str, int, NDArray[np.uint8]]]]
    rows = {split: [] for split in FER2013_SPLITS.values()}
    with _members(path) as members:
        for name, content in members:
            split, number, label = _place(name)
            image = _decode(name, content)
            rows[split].append((number, _source_id(name), label, image))
    for usage, split in FER2013_SPLITS.items():
        times = Counter(source_id for _, source_id, _, _ in rows[split])
        if twice := [source_id for source_id, n in times.items() if n > 1]:
            raise DataError(f"{path} has more than one picture named {twice[0]}.")
        if not rows[split]:
            raise DataError(
                f"{path} holds no {usage} images. Expected FER-2013's folders: "
                "train/<class>/Training_<id>.jpg, test/<class>/PublicTest_<id>.jpg and "
                "test/<class>/PrivateTest_<id>.jpg."
            )
    return {split: _split(entries) for split, entries in rows.items()}


def _split(entries: list[tuple[int, str, int, NDArray[np.uint8]]]) -> Split:
    entries.sort(key=lambda entry: entry[:2])
    _, source_ids, y, images = zip(*entries, strict=True)
    return Split(
        x=np.stack(images),
        y=np.array(y, dtype=np.int64),
        source_id=np.array(source_ids),
        transform=np.full(len(y), ""),
        labels=FER2013_LABELS,
        meta={"data_set": "FER-2013", "split": "official (Training, PublicTest, PrivateTest)"},
    )


@contextmanager
def _members(path: Path) -> Iterator[Iterator[tuple[str, bytes]]]:
    """Yield (name, content) of every picture file in a zip or a folder."""
    if path.is_dir():
        yield _folder_members(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield _zip_members(archive)
    except FileNotFoundError:
        raise DataError(f"{path} is not here: neither a zip nor a folder has that name.") from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path} is not a whole zip file: {error}. Fetch it again.") from None


def _folder_members(path: Path) -> Iterator[tuple[str, bytes]]:
    for file in path.rglob("*"):
        if file.is_file() and not file.name.startswith("."):
            yield file.relative_to(path).as_posix(), file.read_bytes()


def _zip_members(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    for info in archive.infolist():
        if info.is_dir() or PurePosixPath(info.filename).name.startswith("."):
            continue
        if info.file_size > _MAX_BYTES:
            raise DataError(f"{info.filename} would unpack to {info.file_size:,} bytes: no face.")
        try:
            content = archive.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            # RuntimeError: locked with a password; NotImplementedError, its child: odd packing
            name = Path(str(archive.filename)).name
            raise DataError(f"{name}: {info.filename} cannot be read: {error}.") from None
        yield info.filename, content


def _place(name: str) -> tuple[str, int, int]:
    """Split, number and label index that a member's name stands for."""
    parts = PurePosixPath(name).parts
    match = _NAME.fullmatch(parts[-1])
    if match is None or match["usage"] not in FER2013_SPLITS:
        raise DataError(
            f"{name}: a file name must be one of {', '.join(FER2013_SPLITS)}, then _<number>.jpg."
        )
    folder = parts[-2] if len(parts) > 1 else ""
    if folder not in FER2013_LABELS:
        raise DataError(
            f"{name}: the folder must name a class ({', '.join(FER2013_LABELS)}); "
            f"got '{folder}'.{nearest(folder, FER2013_LABELS)}"
        )
    return FER2013_SPLITS[match["usage"]], int(match["number"]), FER2013_LABELS.index(folder)


def _source_id(name: str) -> str:
    """'<class>/<usage>_<number>': the same number may stand in two classes."""
    return "/".join(PurePosixPath(name).with_suffix("").parts[-2:])


def _decode(name: str, content: bytes) -> NDArray[np.uint8]:
    """The grey picture (48, 48) in a file's bytes; colour is converted."""
    image = (
        cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE) if content else None
    )
    if image is None:
        raise DataError(f"{name} is not a readable picture ({len(content)} bytes).")
    if image.shape != (SIDE, SIDE):
        height, width = image.shape
        raise DataError(f"{name} has {width}x{height} pixels; FER-2013's have {SIDE}x{SIDE}.")
    return np.asarray(image, dtype=np.uint8)
