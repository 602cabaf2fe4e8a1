"""The way files appear, whole or not at all, and JSON in them."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import safetensors
from safetensors.numpy import save_file

from ferflow.core.errors import DataError, DiskError
from ferflow.core.files import atomic, pass_through, read_json, write_json


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="disk"), atomic(target) as part:
        part.write_text("half of the ne")
        raise RuntimeError("disk full")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path):
    target = tmp_path / "file"
    with atomic(target) as part:
        part.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert not part.exists()


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FULL, "No space left on device"),
        (OSError("1000 requested and 262 written"), "262 written"),  # numpy's
        (safetensors.SafetensorError("I/O error: No space left on device"), "No space left"),
    ],
)
def test_a_full_disk_is_told_with_the_name_of_the_file_and_leaves_the_old_one(
    tmp_path, error, reason
):
    file = tmp_path / "file.txt"
    file.write_text("old")
    with (
        pytest.raises(DiskError, match=rf"file\.txt cannot be written \(.*{reason}"),
        atomic(file) as part,
    ):
        part.write_text("half")
        raise error
    assert file.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


def test_a_folder_that_cannot_be_made_is_told_in_the_same_way(tmp_path):
    (tmp_path / "a file").write_text("")
    with (
        pytest.raises(DiskError, match=r"new\.txt .*\(Not a directory\)\. Choose another name, "),
        atomic(tmp_path / "a file" / "folder" / "new.txt"),
    ):
        pass


def test_a_file_in_place_of_a_folder_is_told_and_the_folder_stays(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(DiskError, match=r"model .*\(Is a directory\)\. Choose another name, "):
        write_json(tmp_path / "model", 1)
    assert [path.name for path in tmp_path.rglob("*")] == ["model"]


def test_a_fault_of_another_file_stays_what_it_was(tmp_path):
    with pytest.raises(IsADirectoryError), atomic(tmp_path / "new.txt") as part:
        part.write_bytes(tmp_path.joinpath("..").read_bytes())


def test_passing_through_hands_on_the_same_bytes(tmp_path):
    source, target = tmp_path / "source", tmp_path / "next" / "target"
    source.write_bytes(b"rows")
    target.parent.mkdir()
    target.write_bytes(b"those of the last run")
    pass_through(source, target)
    assert source.read_bytes() == target.read_bytes() == b"rows"


def test_passing_through_copies_where_links_are_impossible(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("another disk")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "source").write_bytes(b"rows")
    pass_through(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"rows"


def test_passing_through_a_missing_file_says_so(tmp_path):
    with pytest.raises(DataError, match=r"source is not here"):
        pass_through(tmp_path / "source", tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_json_round_trips_and_refuses_nan(tmp_path):
    write_json(tmp_path / "file.json", {"a": [1, 0.1, None]})
    assert read_json(tmp_path / "file.json") == {"a": [1, 0.1, None]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "file.json", {"a": float("nan")})
    assert read_json(tmp_path / "file.json") == {"a": [1, 0.1, None]}


def test_damaged_or_missing_json_is_named(tmp_path):
    with pytest.raises(DataError, match=r"file\.json is not here"):
        read_json(tmp_path / "file.json")
    (tmp_path / "file.json").write_text("{")
    with pytest.raises(DataError, match=r"file\.json is not valid JSON"):
        read_json(tmp_path / "file.json")


def left_by(process, target):
    part = target.with_name(f"{target.name}.{process}.part")
    part.write_text("half")
    return part


def test_what_killed_processes_left_is_deleted_and_a_living_ones_is_not(tmp_path, ended):
    target = tmp_path / "a.json"
    dead, own = left_by(ended, target), left_by(os.getpid(), target)
    live = left_by(os.getppid(), target)
    by_a_thread = left_by(f"{ended}-{ended + 1}", target)
    others = [
        left_by(f"{os.getppid()}-7", target),
        left_by(ended, tmp_path / "a.json.b"),  # of other files
        left_by(ended, tmp_path / "a"),
        left_by("a12", target),
        left_by("9" * 20, target),
    ]
    folder = tmp_path / f"b.{ended}.part"
    folder.mkdir()
    left_by(ended, folder / "inside")
    before = left_by(f"{ended}.old", tmp_path / "b")
    write_json(target, 1)
    assert not dead.exists() and not own.exists() and not by_a_thread.exists()
    assert live.exists() and all(other.exists() for other in others)
    assert folder.exists()
    write_json(tmp_path / "b", 1)
    assert not folder.exists() and not before.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_files_can_be_read_by_those_who_may_read_their_folder(tmp_path):
    for rights, wanted in ((0o755, 0o644), (0o770, 0o640), (0o700, 0o600)):
        folder = tmp_path / oct(rights)
        folder.mkdir()
        folder.chmod(rights)
        with atomic(folder / "model") as part:
            part.mkdir()
            save_file({"x": np.zeros(1)}, part / "weights.safetensors")
            (part / "weights.safetensors").chmod(0o600)
        with atomic(folder / "file") as part:
            part.touch(mode=0o600)
        found = [folder / "file", folder / "model/weights.safetensors"]
        assert [file.stat().st_mode & 0o777 for file in found] == [wanted, wanted]


def test_a_folder_appears_whole_in_place_of_the_old_one(tmp_path):
    target = tmp_path / "model"
    for n in (1, 2):
        with atomic(target) as part:
            part.mkdir()
            (part / f"file {n}").write_text("")
    assert [path.name for path in target.iterdir()] == ["file 2"]
    with pytest.raises(ValueError, match="too large"), atomic(target) as part:
        part.mkdir()
        (part / "file 3").write_text("")
        raise ValueError("too large")
    with pytest.raises(DiskError, match="model cannot be written"), atomic(target) as part:
        part.mkdir()
        raise OSError(errno.ENOSPC, "", str(part / "file 4"))
    assert [path.name for path in target.iterdir()] == ["file 2"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("times", [1, 1000])
def test_a_folder_that_another_process_has_just_put_there_is_replaced(tmp_path, monkeypatch, times):
    """At each look for so many times; in the end that is a fault of the disk."""
    replace, left, target = Path.replace, iter(range(times)), tmp_path / "model"

    def late(self, path):
        if next(left, None) is not None:
            path.mkdir()
            (path / "of another").write_text("")
        return replace(self, path)

    monkeypatch.setattr(Path, "replace", late)
    try:
        with atomic(target) as part:
            part.mkdir()
            (part / "own").write_text("")
        assert times == 1
    except DiskError as error:
        assert times == 1000 and "model cannot be written (Directory not empty)" in str(error)
    assert [path.name for path in target.iterdir()] == ["own" if times == 1 else "of another"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("")
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(DiskError, match="Input/output"), atomic(target) as part:
        part.mkdir()
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "old"]


def test_two_threads_that_write_a_file_at_once_do_not_break_each_other(tmp_path):
    target = tmp_path / "file"
    with atomic(target) as part:
        part.write_text("first")
        thread = Thread(target=write_json, args=(target, "second"))
        thread.start()
        thread.join()
        assert read_json(target) == "second"
        assert part.read_text() == "first"
    assert target.read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


WRITE = """
import sys, time
from pathlib import Path
from ferflow.core.files import atomic
content = sys.argv[2] * 100_000
print("ready", flush=True)
input()
for _ in range(200):
    with atomic(Path(sys.argv[1])) as part, part.open("w") as file:
        for start in range(0, len(content), 10_000):
            file.write(content[start : start + 10_000])
            file.flush()
"""


WRITE_FOLDER = """
import sys
from pathlib import Path
from ferflow.core.files import atomic
print("ready", flush=True)
input()
for _ in range(200):
    with atomic(Path(sys.argv[1])) as part:
        part.mkdir()
        for name in "xyz":
            (part / name).write_text(sys.argv[2])
"""


def at_once(code, target):
    """Two processes that run the code at the same time, with the letters a and b."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, target, letter],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for letter in "ab"
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    return writers


def test_two_processes_that_write_a_folder_at_once_do_not_break_each_other(tmp_path):
    target = tmp_path / "model"
    for writer in at_once(WRITE_FOLDER, target):
        writer.communicate()
        assert writer.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    contents = {path.name: path.read_text() for path in target.iterdir()}
    assert contents in (dict.fromkeys("xyz", letter) for letter in "ab")


def test_two_processes_that_write_a_file_at_once_do_not_break_each_other(tmp_path):
    target = tmp_path / "file"
    target.write_text("a" * 100_000)
    writers, seen = at_once(WRITE, target), set()
    while any(writer.poll() is None for writer in writers):
        seen.add(target.read_text())
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert seen | {target.read_text()} <= {letter * 100_000 for letter in "ab"}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
