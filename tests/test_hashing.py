"""Fingerprints of what the user names."""

import hashlib

import pytest

from ferflow.core.errors import DataError
from ferflow.core.hashing import sha256_of

FILES = {"a.txt": b"1", "sub/b.txt": b"2", "sub/deep/c.txt": b""}


def make_folder(path, files):
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return path


def test_a_file_has_the_sha256_that_sha256sum_prints(tmp_path):
    content = bytes(range(256)) * 10_000  # more than one chunk
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_folder_does_not_depend_on_its_place_or_the_order_of_creation(tmp_path):
    first = make_folder(tmp_path / "first", FILES)
    second = make_folder(tmp_path / "second", dict(reversed(FILES.items())))
    assert sha256_of(first) == sha256_of(second)


@pytest.mark.parametrize(
    "changed",
    [
        FILES | {"a.txt": b"3"},
        FILES | {"new.txt": b""},
        {"a.txt": b"1", "sub/b.txt": b"2"},
        {"renamed.txt": b"1", "sub/b.txt": b"2", "sub/deep/c.txt": b""},
        {"a.txt": b"1", "b.txt": b"2", "sub/deep/c.txt": b""},
        {"a.txt": b"2", "sub/b.txt": b"1", "sub/deep/c.txt": b""},
        {"a.txt": b"1sub/b.txt2", "sub/deep/c.txt": b""},
    ],
    ids=["content", "added", "removed", "renamed", "moved", "swapped", "merged"],
)
def test_a_folder_notices_every_change_of_names_and_contents(tmp_path, changed):
    before = sha256_of(make_folder(tmp_path / "before", FILES))
    assert sha256_of(make_folder(tmp_path / "after", changed)) != before


def test_a_large_file_in_a_folder_counts_to_its_last_byte(tmp_path):
    content = b"x" * (3 << 20)
    before = sha256_of(make_folder(tmp_path / "before", {"a": content}))
    assert sha256_of(make_folder(tmp_path / "after", {"a": content[:-1] + b"y"})) != before


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="nothing is not here"):
        sha256_of(tmp_path / "nothing")
