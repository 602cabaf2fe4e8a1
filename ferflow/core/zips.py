"""Zip files from anybody: looked over before anything in them is unpacked."""

import struct
import zipfile
from pathlib import Path
from typing import IO

MAX_MEMBERS = 200_000  # FER-2013's pictures are 35,887, and 71,774 in the copy that has them twice
_DIRECTORY_ENTRY = 100  # bytes of a member's entry, its name included; usual are 80 to 130
_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# the records at a zip's end: signature, then where in it the directory's size stands
_END, _END64 = b"PK\x05\x06", b"PK\x06\x06"
_END_BYTES = 22 + (1 << 16) + 20 + 56  # with the longest comment, and the 64-bit ones before it


def open_zip(path: Path, *, max_bytes: int) -> zipfile.ZipFile:
    """The zip file, after its directory was found to promise no more than can be taken.

    Members are stored or deflated: other methods unpack what they hold in one piece, whatever
    size the directory gives, which is all that a reader can see beforehand.
    Raises BadZipFile where there is more, or what a damaged file makes `zipfile` raise.
    """
    with path.open("rb") as file:
        if directory_bytes(file) > MAX_MEMBERS * _DIRECTORY_ENTRY:
            raise zipfile.BadZipFile(f"it has more than the {MAX_MEMBERS:,} members that are read")
    archive = zipfile.ZipFile(path)
    try:
        _check(archive, max_bytes)
    except BaseException:
        archive.close()
        raise
    return archive


def directory_bytes(file: IO[bytes]) -> int:
    """The largest size of the directory that any record at the file's end gives, 0 without one."""
    file.seek(0, 2)
    file.seek(-min(file.tell(), _END_BYTES), 2)
    end = file.read()
    sizes = [0]
    for signature, form, offset in ((_END, "<L", 12), (_END64, "<Q", 40)):
        place = end.rfind(signature)
        if place >= 0 and len(end) >= place + offset + struct.calcsize(form):
            sizes += struct.unpack_from(form, end, place + offset)
    return max(sizes)


def _check(archive: zipfile.ZipFile, max_bytes: int) -> None:
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise zipfile.BadZipFile(f"it has more than the {MAX_MEMBERS:,} members that are read")
    if odd := [info for info in infos if info.compress_type not in _KINDS]:
        raise zipfile.BadZipFile(f"{odd[0].filename} is packed in a way that is not read")
    if (total := sum(info.file_size for info in infos)) > max_bytes:
        raise zipfile.BadZipFile(f"it unpacks to {total:,} bytes; at most {max_bytes:,} are read")
