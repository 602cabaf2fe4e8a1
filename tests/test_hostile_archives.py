"""Archives, tables and pictures from a stranger: refused in a line, before they take memory."""

import gzip
import os
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from ferflow.core import zips
from ferflow.core.errors import DataError
from ferflow.download import archives
from ferflow.download.formats import fer_csv
from ferflow.download.pictures import decode
from ferflow.download.sources import read_path
from ferflow.images.decode import decode_grey
from ferflow.recognition.pictures import read_picture

BOMB = 64 << 20  # bytes that a bomb unpacks to
LITTLE = 16 << 20  # bytes that refusing it may take
PICTURE = cv2.imencode(".png", np.arange(2304, dtype=np.uint8).reshape(48, 48))[1].tobytes()


@contextmanager
def little_memory():
    """Fail where Python's peak of memory rises by more than LITTLE."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()


def refused(path):
    """The one line of the DataError."""
    with little_memory(), pytest.raises(DataError) as caught:
        read_path(path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def zeros():
    """BOMB zeros, deflated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = bytes(1 << 20)
    return b"".join(packer.compress(piece) for _ in range(BOMB >> 20)) + packer.flush()


def lying_zip(path, name, packed, says):
    """A zip whose member unpacks to more than its size in the directory says."""
    encoded = name.encode()
    crc = zlib.crc32(bytes(says))  # of what a reader keeps: the lie shows nowhere
    common = struct.pack("<HHHHHL", 20, 0, zipfile.ZIP_DEFLATED, 0, 33, crc)
    common += struct.pack("<LLHH", len(packed), says, len(encoded), 0)
    local = b"PK\3\4" + common + encoded + packed
    entry = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHLL", 0, 0, 0, 0, 0)
    directory = entry + encoded
    end = b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(directory), len(local), 0)
    path.write_bytes(local + directory + end)
    return path


# --- zips


def test_a_picture_that_unpacks_to_more_than_it_says_takes_no_memory(tmp_path):
    path = lying_zip(tmp_path / "a.zip", "grin/1.png", zeros(), says=2000)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("wink/1.png", PICTURE)
    assert "grin/1.png is not a readable picture" in refused(path)


def test_a_table_that_unpacks_to_more_than_it_says_takes_no_memory(tmp_path):
    path = lying_zip(tmp_path / "a.zip", "fer2013.csv", zeros(), says=2000)
    assert "must begin with the header" in refused(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_in_one_piece_are_refused(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("grin/1.png", PICTURE)
    assert "grin/1.png is packed in a way that is not read" in refused(tmp_path / "a.zip")


def test_a_zip_that_says_how_much_it_unpacks_to_is_believed(tmp_path):
    path = lying_zip(tmp_path / "a.zip", "grin/1.png", b"", says=1000)
    huge, said = struct.pack("<L", (1 << 32) - 2), struct.pack("<L", 1000)
    content = path.read_bytes().replace(said, huge)
    local, entry = content[:40], content[40 : content.index(b"PK\5\6")]
    end = b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, 3, 3, 3 * len(entry), len(local), 0)
    path.write_bytes(local + 3 * entry + end)
    assert "it unpacks to 12,884,901,882 bytes" in refused(path)


def test_a_directory_of_too_many_members_is_not_even_read(tmp_path, monkeypatch):
    monkeypatch.setattr(zips, "MAX_MEMBERS", 3)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for k in range(30):
            archive.writestr(f"grin/{k}.png", b"")
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(DataError, match="more than the 3 members"):
        read_path(tmp_path / "a.zip")


def test_too_many_members_are_refused_where_their_entries_are_short(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for k in range(4):
            archive.writestr(f"grin/{k}.png", b"")
    monkeypatch.setattr(zips, "MAX_MEMBERS", 3)
    assert "more than the 3 members" in refused(tmp_path / "a.zip")


def test_a_64_bit_record_gives_a_directory_s_size_too(tmp_path):
    big = b"PK\6\6" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    big += b"PK\6\7" + struct.pack("<LQL", 0, 0, 1)
    big += b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, 1, 1, 46, 0, 0)
    (tmp_path / "a.zip").write_bytes(b"PK\3\4" + big)
    assert "more than the 200,000 members" in refused(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"grin/1.png", b"grin\xff1.png", "is not a complete zip"),
        (b"grin/1.png", b"grin\n1.png", "has several lines"),
        (b"grin/1.png", b"\0rin/1.png", "is not a complete zip"),
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path, write_zip, old, new, message):
    path = write_zip(tmp_path / "a.zip", {"grin/1.png": PICTURE, "wink/é.png": PICTURE})
    content = path.read_bytes().replace(old, new)
    content = content.replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\0\x08")  # UTF-8
    path.write_bytes(content)
    assert message in refused(path)


def test_a_zip_with_a_password_is_refused(tmp_path, write_zip):
    path = write_zip(tmp_path / "a.zip", {"grin/1.png": PICTURE, "wink/1.png": PICTURE})
    content = path.read_bytes()
    locked = content.replace(b"PK\3\4\x14\0\0\0", b"PK\3\4\x14\0\1\0")
    path.write_bytes(locked.replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"))
    assert "cannot be read" in refused(path)


# --- tars


def raw_header(name, size, kind):
    """A tar's block for a member of any size, negative ones included."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:124] = b"0000644\0" + b"0000000\0" * 2
    block[124:136] = size.to_bytes(12, "big", signed=True) if size < 0 else b"%011o\0" % size
    if size >= 8**11:
        block[124:136] = b"\x80" + size.to_bytes(11, "big")
    block[136:148] = b"00000000000\0"
    block[156:157], block[257:265] = kind, b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"], ids=["pax", "global", "name", "link"])
def test_a_tars_own_record_of_any_length_takes_no_memory(tmp_path, kind):
    with gzip.open(tmp_path / "a.tar.gz", "wb", 1) as file:
        file.write(raw_header(b"record", BOMB, kind))
        for _ in range(BOMB >> 20):
            file.write(bytes(1 << 20))
    assert "a record of 67,108,864 bytes" in refused(tmp_path / "a.tar.gz")


@pytest.mark.parametrize("size", [9 << 30, 1 << 60])
def test_a_member_that_is_too_large_is_refused_by_its_header(tmp_path, size):
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(raw_header(b"fer2013.csv", size, b"0")))
    assert "impossible sizes" in refused(tmp_path / "a.tar.gz")


def test_a_negative_size_does_not_read_for_ever(tmp_path):
    """Python's tarfile goes back and forth on one, CVE-2025-8194."""
    content = raw_header(b"a.csv", 0, b"0") + raw_header(b"b.csv", -1024, b"0") + bytes(1024)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(content))
    refused(tmp_path / "a.tar.gz")


def test_a_tar_of_too_many_members_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    content = b"".join(raw_header(b"%d" % k, 0, b"0") for k in range(9))
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(content))
    assert "more than 3 members" in refused(tmp_path / "a.tar.gz")


@pytest.mark.parametrize("target", ["fer2013.csv", "/etc/passwd", "../../x"])
def test_a_link_in_a_tar_is_never_followed(tmp_path, target):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            member = tarfile.TarInfo("fer2013.csv" if kind == tarfile.SYMTYPE else "other.csv")
            member.type, member.linkname = kind, target
            archive.addfile(member)
    assert "is empty" in refused(tmp_path / "a.tar.gz")


def test_a_member_that_stands_twice_in_a_tar_is_refused(tmp_path):
    content = raw_header(b"fer2013.csv", 0, b"0") * 2
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(content))
    assert "has the member fer2013.csv more than once" in refused(tmp_path / "a.tar.gz")


# --- folders, pipes and devices


@pytest.mark.parametrize("name", ["a.csv", "a.zip", "a.tar.gz"])
def test_a_pipe_and_a_device_are_no_data(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "pipe", "/dev/zero"):
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).symlink_to(target)
        assert "is not here" in refused(tmp_path / name)
    assert "is empty" in refused(tmp_path)


# --- tables


def test_a_line_of_gigabytes_is_read_to_where_a_row_must_have_ended(tmp_path):
    with (tmp_path / "a.csv").open("wb") as file:
        file.write(b"emotion,pixels,Usage\n0,")
        file.truncate(8 << 30)  # a hole: takes no room
    assert "a.csv, row 2 is longer than 65,536 bytes" in refused(tmp_path / "a.csv")


def test_more_rows_than_any_fer_2013_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fer_csv, "_MAX_ROWS", 3)
    row = b"0," + b" ".join([b"7"] * 2304) + b",Training\n"
    (tmp_path / "a.csv").write_bytes(b"emotion,pixels,Usage\n" + 4 * row)
    assert "a.csv has more than 3 rows" in refused(tmp_path / "a.csv")


# --- pictures


def png_that_says(width, height):
    """A PNG with another size in its header than its pixels have."""
    header = b"IHDR" + struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0)
    return PICTURE[:12] + header + struct.pack(">L", zlib.crc32(header)) + PICTURE[33:]


def jpeg_that_says(width, height):
    content = cv2.imencode(".jpg", np.zeros((48, 48), np.uint8))[1].tobytes()
    place = content.index(b"\xff\xc0") + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


@pytest.mark.parametrize("make", [png_that_says, jpeg_that_says])
@pytest.mark.parametrize("size", [(60_000, 60_000), (9_000, 9_000)])
def test_a_picture_that_says_it_is_huge_is_not_decoded(make, size):
    content = make(*size)
    for read in (read_picture, decode_grey, lambda data: decode("x.png", data)):
        with little_memory(), pytest.raises(DataError, match="pixels"):
            read(content)


def test_a_huge_picture_is_refused_by_its_header():
    packer = zlib.compressobj(9)
    row = bytes(1 + 30_000)
    packed = b"".join(packer.compress(row) for _ in range(3_000)) + packer.flush()
    content = png_that_says(30_000, 3_000)[:33]
    for kind, data in ((b"IDAT", packed), (b"IEND", b"")):
        chunk = kind + data
        content += struct.pack(">L", len(data)) + chunk + struct.pack(">L", zlib.crc32(chunk))
    with little_memory(), pytest.raises(DataError, match="30,000 x 3,000 pixels"):
        decode("x.png", content)
