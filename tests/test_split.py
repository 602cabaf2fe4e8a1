"""Split files: they come back as they were saved, and what is none is refused."""

import errno
import json
import os
import struct
from dataclasses import replace

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from ferflow.core.errors import DataError, DiskError
from ferflow.core.files import pass_through
from ferflow.core.split import load_split, save_split, split_writer

IMAGES, FEATURES = (48, 48), (17,)


def write_raw(path, header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


@pytest.mark.parametrize("shape", [IMAGES, FEATURES], ids=["images", "features"])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_split_comes_back_as_it_was_saved(tmp_path, make_split, same_split, shape, n):
    split = make_split(y=[1] * n, shape=shape)
    save_split(tmp_path / "deep" / "split", split)
    same_split(load_split(tmp_path / "deep" / "split"), split)


def test_source_ids_and_labels_survive_in_any_script(tmp_path, make_split, same_split):
    split = make_split(y=[0, 1, 0, 1], labels=("joie", "peur é"))
    split = replace(split, source_id=np.array(["é", "顔_000123", "", "plain.jpg"]))
    save_split(tmp_path / "split", split)
    same_split(load_split(tmp_path / "split"), split)


def test_values_are_mapped_from_disk_and_read_only(tmp_path, make_split):
    save_split(tmp_path / "split", make_split())
    x = load_split(tmp_path / "split").x
    assert isinstance(x, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 0


def test_the_same_split_gives_the_same_bytes_in_any_process(tmp_path, make_split, run_python):
    split = make_split(shape=FEATURES)
    split = replace(split, meta={"b": 1, "a": [1.5, None]})
    save_split(tmp_path / "first", split)
    save_split(tmp_path / "second", replace(split, meta={"a": [1.5, None], "b": 1}))
    code = """
import sys
from pathlib import Path
from ferflow.core.split import load_split, save_split
save_split(Path(sys.argv[2]), load_split(Path(sys.argv[1])))
"""
    run_python(code, tmp_path / "first", tmp_path / "third")
    first = (tmp_path / "first").read_bytes()
    assert first == (tmp_path / "second").read_bytes()
    assert first == (tmp_path / "third").read_bytes()


@pytest.mark.parametrize("shape", [IMAGES, FEATURES], ids=["images", "features"])
@pytest.mark.parametrize("n", [0, 3])
def test_the_safetensors_library_reads_our_files(tmp_path, make_split, shape, n):
    split = make_split(y=[2] * n, shape=shape)
    save_split(tmp_path / "split", split)
    arrays = safetensors.numpy.load_file(tmp_path / "split")
    assert arrays["x"].dtype == split.x.dtype
    assert np.array_equal(arrays["x"], split.x)
    assert np.array_equal(arrays["y"], split.y)
    with safetensors.safe_open(tmp_path / "split", "numpy") as file:
        assert json.loads(file.metadata()["labels"]) == list(split.labels)
        assert json.loads(file.metadata()["meta"]) == split.meta


def test_values_can_be_filled_in_piece_by_piece(tmp_path, make_split, same_split):
    split = make_split(shape=FEATURES)
    with split_writer(tmp_path / "split", split, FEATURES, np.dtype(np.float32)) as x:
        for row in range(len(split)):
            x[row] = split.x[row]
    same_split(load_split(tmp_path / "split"), split)


def test_a_file_cut_anywhere_is_refused_by_name(tmp_path, make_split):
    save_split(tmp_path / "whole", make_split(shape=FEATURES))
    content = (tmp_path / "whole").read_bytes()
    for length in (0, 5, 8, 30, len(content) // 2, len(content) - 1):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(DataError, match="cut is not a complete split file"):
            load_split(tmp_path / "cut")


def test_a_missing_file_names_itself_and_the_cure(tmp_path):
    with pytest.raises(DataError, match=r"train\.safetensors is not here.*dvc repro"):
        load_split(tmp_path / "train.safetensors")


def test_an_oversized_header_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "split").write_bytes(struct.pack("<Q", 1 << 50) + b"{}")
    with pytest.raises(DataError, match="header is too long"):
        load_split(tmp_path / "split")


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64, np.int32])
def test_safetensors_of_something_else_are_refused(tmp_path, dtype):
    safetensors.numpy.save_file({"weight": np.zeros(3, dtype)}, tmp_path / "model")
    with pytest.raises(DataError, match="model is no"):
        load_split(tmp_path / "model")


@pytest.mark.parametrize(
    "header",
    [
        [1],
        {},
        b"\xff\xff",
        b"[" * 100_000,
        {"": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [100], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [-400, 4]}},
        {"x": {"dtype": "F32", "data_offsets": [0, 4]}},
    ],
    ids=["list", "empty", "no text", "deep", "no name", "too long", "negative", "no shape"],
)
def test_a_nonsensical_header_is_refused(tmp_path, header):
    write_raw(tmp_path / "split", header, b"1234")
    with pytest.raises(DataError, match="split"):
        load_split(tmp_path / "split")


def test_label_names_that_are_not_json_are_refused(tmp_path, make_split):
    save_split(tmp_path / "split", make_split())
    arrays = safetensors.numpy.load_file(tmp_path / "split")
    safetensors.numpy.save_file(arrays, tmp_path / "odd", {"labels": "angry", "meta": "{}"})
    with pytest.raises(DataError, match="odd"):
        load_split(tmp_path / "odd")


def test_an_interrupted_split_leaves_no_file(tmp_path, make_split):
    split = make_split(shape=FEATURES)
    writer = split_writer(tmp_path / "split", split, FEATURES, np.dtype(np.float32))
    with pytest.raises(KeyboardInterrupt), writer as x:
        x[0] = 1
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_mapped_file_has_its_room_before_it_is_filled(tmp_path, make_split, monkeypatch):
    def none_left(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", none_left, raising=False)
    with (
        pytest.raises(DiskError, match="No space left"),
        split_writer(tmp_path / "rows.safetensors", make_split(), (5,), np.dtype("float32")),
    ):
        raise AssertionError("writing into a hole of a full disk ends the process")
    assert list(tmp_path.iterdir()) == []


def test_writing_after_a_pass_through_leaves_the_source_alone(tmp_path, make_split):
    save_split(tmp_path / "source", make_split(seed=1))
    before = (tmp_path / "source").read_bytes()
    pass_through(tmp_path / "source", tmp_path / "target")
    save_split(tmp_path / "target", make_split(seed=2))
    assert (tmp_path / "source").read_bytes() == before


def test_a_pass_through_killed_half_way_cannot_harm_the_source(tmp_path, make_split):
    save_split(tmp_path / "source", make_split(seed=1))
    before = (tmp_path / "source").read_bytes()
    left = tmp_path / f"target.{os.getpid()}.part"  # by a kill before the rename; our number is its
    os.link(tmp_path / "source", left)
    save_split(tmp_path / "target", make_split(seed=2))
    assert (tmp_path / "source").read_bytes() == before


def test_only_untransformed_rows_count_as_original(make_split):
    split = replace(make_split(y=[0, 1, 2]), transform=np.array(["", "smote", "horizontal_flip"]))
    assert split.original.tolist() == [True, False, False]


def test_classes_are_counted_in_label_order_with_zeros(make_split):
    assert make_split(y=[2, 0, 2]).class_counts() == {"angry": 1, "disgust": 0, "fear": 2}
    assert make_split(y=[]).class_counts() == {"angry": 0, "disgust": 0, "fear": 0}
