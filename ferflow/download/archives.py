"""The files in a folder, a zip, a tar.gz, or a file alone: by name, read where they lie.

Nothing is ever unpacked to disk, and an archive that looks like an attack is refused whole:
members that point out of it, or that would unpack to more than any face data set holds.
"""

import gzip
import re
import struct
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from ferflow.core.errors import DataError, is_text
from ferflow.core.hidden import is_hidden
from ferflow.core.zips import MAX_MEMBERS, open_zip

MAX_PICTURE = 1 << 20  # bytes of one picture's file; FER-2013's have some 1,500
MAX_TOTAL = 9_500_000_000  # bytes of all files together; thirty times FER-2013's CSV is 9 GB

_MAX_TAR_READ = 1 << 20  # bytes of a tar's own records, such as long names

# what reading a damaged archive can raise; RuntimeError: locked with a password (zip), and
# NotImplementedError, its child: packed in an odd way
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    gzip.BadGzipFile,
    EOFError,
    RuntimeError,
)
# and opening one, or a member; ValueError: a name that is not UTF-8, IndexError: one that is empty
_MISSHAPEN = (*_DAMAGED, OSError, ValueError, OverflowError, IndexError, struct.error)


class Files(ABC):
    """Files by name, hidden ones left out. `title` names the whole in messages."""

    kind: str

    def __init__(self, title: str, sizes: dict[str, int]) -> None:
        self.title = title
        self._sizes = {name: size for name, size in sizes.items() if not is_hidden(name)}
        for name in sizes:
            if "\n" in name or "\r" in name:  # would end the line of every message about it
                raise DataError(f"{title}: the name of the file {name!r} has several lines.")
            if not is_text(name):
                raise DataError(f"{title}: the name of the file {name} is not UTF-8. Rename it.")
        self.names = sorted(self._sizes)
        if (total := sum(self._sizes.values())) > MAX_TOTAL:
            raise DataError(
                f"{title} would unpack to {total:,} bytes; at most {MAX_TOTAL:,} are read."
            )

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A stream of a file's bytes; damage that shows while it is read is a DataError."""
        try:
            stream = self._stream(name)
        except _MISSHAPEN as error:
            raise self._unreadable(name, error) from None
        try:
            with stream:
                yield stream
        except _DAMAGED as error:
            raise self._unreadable(name, error) from None

    def _unreadable(self, name: str, error: Exception) -> DataError:
        return DataError(f"{self.title}: {name} cannot be read: {error}. Download the data again.")

    def read_picture(self, name: str) -> bytes:
        """The content of a picture's file; one that is too large to be a face is refused."""
        if self._sizes[name] > MAX_PICTURE:
            raise DataError(
                f"{name} is too large for a face: {self._sizes[name]:,} bytes, at most "
                f"{MAX_PICTURE:,}."
            )
        with self.open(name) as stream:
            return stream.read(MAX_PICTURE)  # without a number all that a lying zip unpacks to

    @abstractmethod
    def _stream(self, name: str) -> IO[bytes]: ...


class _Folder(Files):
    kind = "folder"

    def __init__(self, path: Path, files: Iterable[Path], title: str) -> None:
        self._path = path
        super().__init__(
            title, {file.relative_to(path).as_posix(): file.stat().st_size for file in files}
        )

    def _stream(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb")


class _Alone(_Folder):
    kind = "file"


class _Zip(Files):
    kind = "zip"

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        infos = [info for info in archive.infolist() if not info.is_dir()]
        names = Counter(info.filename for info in infos)
        _refuse_escapes(path.name, names)
        if twice := [name for name, n in names.items() if n > 1]:
            raise DataError(f"{path.name} has the member {twice[0]} more than once.")
        super().__init__(path.name, {info.filename: info.file_size for info in infos})

    def _stream(self, name: str) -> IO[bytes]:
        return self._archive.open(name)


class _Unpacked(gzip.GzipFile):
    """A gzipped tar, unpacked as it is read: a record that wants all of it at once is refused."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MAX_TAR_READ:
            raise tarfile.ReadError(f"a record of {size or -1:,} bytes")
        return super().read(size)


class _Tar(Files):
    kind = "tar.gz"

    def __init__(self, path: Path, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members: dict[str, tarfile.TarInfo] = {}
        total = 0
        for number, member in enumerate(archive, start=1):  # reads all: stop where it is too much
            total += member.size
            if member.size < 0 or total > MAX_TOTAL or number > MAX_MEMBERS:
                raise DataError(
                    f"{path.name} has members of impossible sizes, unpacks to more than "
                    f"{MAX_TOTAL:,} bytes or has more than {MAX_MEMBERS:,} members."
                )
            if member.name in self._members:
                raise DataError(f"{path.name} has the member {member.name} more than once.")
            if member.isfile():
                self._members[member.name] = member
        _refuse_escapes(path.name, self._members)
        super().__init__(path.name, {name: info.size for name, info in self._members.items()})

    def _stream(self, name: str) -> IO[bytes]:
        stream = self._archive.extractfile(self._members[name])
        assert stream is not None  # only files are listed
        return stream


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """The files of a folder or archive, told by its content; any other file stands alone.

    Raises DataError if nothing is there, or an archive is damaged or reaches out of itself.
    """
    if path.is_dir():
        yield _Folder(path, filter(Path.is_file, path.rglob("*")), path.name)
        return
    if not path.is_file():
        raise DataError(f"{path} is not here: neither a file nor a folder has that name.")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"PK" or path.suffix.lower() == ".zip":
        with _archive(path, _Zip.kind) as zipped:
            yield zipped
    elif magic[:2] == b"\x1f\x8b" or path.suffix.lower() in (".gz", ".tgz"):
        with _archive(path, _Tar.kind) as tarred:
            yield tarred
    else:
        yield _Alone(path.parent, [path], path.name)


@contextmanager
def _archive(path: Path, kind: str) -> Iterator[Files]:
    with ExitStack() as opened:
        try:
            files: Files
            if kind == _Zip.kind:
                files = _Zip(path, opened.enter_context(open_zip(path, max_bytes=MAX_TOTAL)))
            else:
                unpacked = opened.enter_context(_Unpacked(path))
                tar = opened.enter_context(tarfile.open(fileobj=unpacked, mode="r:"))
                files = _Tar(path, tar)
        except _MISSHAPEN as error:  # an OSError: not gzipped
            raise DataError(
                f"{path} is not a complete {kind} file: {error}. Download it again."
            ) from None
        yield files


def _refuse_escapes(title: str, names: Iterable[str]) -> None:
    """Refuse an archive whose unpacking would write outside of its folder."""
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or re.match("[A-Za-z]:", name):
            raise DataError(
                f"{title}: the member '{name}' points outside of the archive. Do not unpack it; "
                "download the data again from a source that you trust."
            )
