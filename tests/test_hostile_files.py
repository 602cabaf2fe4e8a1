"""Records, parameters, arrays and tables from a stranger: no code runs, nothing takes memory."""

import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import DEEP, Planted, peak

from ferflow.claims.confusion import read_matrix
from ferflow.core.errors import DataError, ParamError, printable
from ferflow.core.files import read_json
from ferflow.core.masks import load_mask
from ferflow.core.params import read_yaml
from ferflow.core.split import load_split
from ferflow.core.yaml_text import parse_yaml
from ferflow.recognition.pictures import read_picture
from ferflow.recognition.video.reading import Video
from ferflow.records.compact import read_answers
from ferflow.records.record import read_record
from ferflow.settings.presets import load_preset, parse_setting

pytestmark = pytest.mark.usefixtures("nothing_planted")


# --- pipes and devices


@pytest.mark.parametrize("read", [read_picture, Video])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_may_never_end_is_not_opened(tmp_path, read, kind):
    name = tmp_path / "a.png"
    if kind == "device":
        name.symlink_to("/dev/zero")
    else:
        os.mkfifo(name)
        pipe = os.open(name, os.O_RDWR | os.O_NONBLOCK)  # so that who opens it does not wait
        os.write(pipe, b"x")
    with pytest.raises(DataError, match=r"^cannot be read: it is not an ordinary file\."):
        read(name)
    if kind == "pipe":
        assert os.read(pipe, 2) == b"x"
        os.close(pipe)


# --- JSON and YAML


@pytest.mark.parametrize("content", [DEEP, b"9" * 5000, b"{", b"\xff", b""])
def test_a_json_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.json is not valid JSON"):
        read_json(tmp_path / "a.json")
    Path("p").mkdir()
    (tmp_path / "p" / "seed-0.json").write_bytes(content)
    with pytest.raises(DataError, match=r"is not a record"):
        read_record(tmp_path / "p" / "seed-0.json")


def test_a_file_without_an_end_is_read_to_a_limit(tmp_path):
    (tmp_path / "p").mkdir()
    name = tmp_path / "p" / "seed-0.json"
    before = peak()
    for target, message in (("/dev/zero", "is not an ordinary file"), ("hole", "is too large")):
        name.unlink(missing_ok=True)
        name.symlink_to(target)
        with (tmp_path / "p" / "hole").open("wb") as file:
            file.truncate(1 << 36)
        for read in (read_json, read_record, read_matrix, read_yaml, load_mask, read_answers):
            with pytest.raises((DataError, ParamError), match=message):
                read(name)
    assert peak() - before < 200 << 20


def test_aliases_of_aliases_are_refused(tmp_path):
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{k}: &a{k} {{x: *a{k - 1}, y: *a{k - 1}}}" for k in range(1, 40)]
    (tmp_path / "a.yaml").write_text("\n".join(lines))
    with pytest.raises(ParamError, match="aliases"):
        read_yaml(tmp_path / "a.yaml")
    for text in ("&a [*a]", "a: &a {k: 1}\nb: {<<: *a}"):
        with pytest.raises(ValueError, match="aliases"):
            parse_yaml(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 5_000, "nested too deeply"),
        ("a: 0x" + "f" * 9000, "64 binary digits"),
        ("a: !!python/object/apply:os.mkdir [planted]", "could not determine a constructor"),
        ("a: !!python/name:os.mkdir", "could not determine a constructor"),
        ("!!timestamp x", "timestamp"),
        ("!!int ''", "index out of range"),
        ("a: 2020-99-99", "month"),
    ],
)
def test_a_yaml_that_is_none_is_refused(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ParamError, match=message) as caught:
        read_yaml(tmp_path / "a.yaml")
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(ParamError, match="is not a YAML value"):
        parse_setting(f"balance.method={text}")


@pytest.mark.parametrize(
    "text",
    ["params: {}", "about: x", "about: x\nparams:", "about: x\nparams: {}\nneeds: y", "about: 1"],
)
def test_a_preset_that_is_none_is_named(workplace, text):
    (workplace / "presets" / "mine.yaml").write_text(text)
    with pytest.raises(ParamError, match=r"presets/mine\.yaml: "):
        load_preset("mine")


@pytest.mark.parametrize(
    "content",
    [b",", b"\0", b'a"' + b"x" * 140_000 + b'",b', b"[[1" + b"0" * 400 + b", 1], [1, 1]]"],
)
def test_a_matrix_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(DataError):
        read_matrix(tmp_path / "m")


def test_a_message_cannot_steer_the_terminal():
    assert printable("a\x1b[2Jb\u202ec\rd\ne") == "a\\x1b[2Jb\\u202ec\\rd\ne"
    assert printable("Schön \u00a0 顔") == "Schön \u00a0 顔"
    assert len(printable("x" * 10**6)) < 3000


# --- arrays


def npy(header):
    text = header.encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '|b1', 'fortran_order': False, 'shape': (10000000000000,), }\n"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n") + pickle.dumps(Planted()),
        npy("(" * 9000 + "\n"),
        npy("{'descr': '|b1', 'shape': (1,), 'fortran_order': os.mkdir('planted')}\n"),
        npy("{'descr': '|b1\0', 'fortran_order': False\n"),
        pickle.dumps(Planted()),
        b"",
    ],
)
def test_a_mask_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "mask.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"mask\.npy is not a mask of features"):
        load_mask(tmp_path / "mask.npy")


def split_file(path, **changes):
    """A split of two rows, with other entries in its header."""
    words = {"dtype": "U8", "shape": [2, 0], "data_offsets": [24, 24]}
    header = {
        "__metadata__": {"labels": '["x", "y"]', "meta": "{}"},
        "y": {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]},
        "x": {"dtype": "F32", "shape": [2, 1], "data_offsets": [16, 24]},
        "source_id": words,
        "transform": words,
        "group": words,
    }
    text = json.dumps(header | changes).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(24))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"y": {"dtype": "I64", "shape": [10**12, 0], "data_offsets": [0, 0]}},
        {"y": {"dtype": "I64", "shape": [1 << 40], "data_offsets": [0, 1 << 43]}},
        {"y": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}},
        {"x": {"dtype": "F32", "shape": [-2, -1], "data_offsets": [16, 24]}},
        {"__metadata__": {"labels": "[]", "meta": "{}"}},
        {"__metadata__": {"labels": "7", "meta": "{}"}},
        {"__metadata__": {"labels": DEEP.decode(), "meta": "{}"}},
    ],
)
def test_a_split_that_is_none_is_refused(tmp_path, changes):
    with pytest.raises(DataError, match="is not a complete split file"):
        load_split(split_file(tmp_path / "a.safetensors", **changes))


def test_a_class_without_a_label_is_refused(tmp_path):
    path = split_file(tmp_path / "a.safetensors")
    content = path.read_bytes()
    path.write_bytes(content[:-24] + struct.pack("<qq", 1 << 60, -1) + bytes(8))
    with pytest.raises(DataError, match="its classes are not those of its labels"):
        load_split(path)


# --- parquet


def answers(path, n, label="a"):
    """n equal rows: a few bytes, whatever n."""

    def column(value):
        return pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), pa.array([value]))

    values = {"split": "val", "image": 7, "label": label, "p_a": 0.5, "p_b": 0.5}
    table = pa.table({name: column(value) for name, value in values.items()})
    pq.write_table(table, path, compression="zstd", store_schema=False, write_statistics=False)
    return path


def test_rows_that_take_no_room_in_the_file_are_refused(tmp_path):
    path = answers(tmp_path / "a.parquet", 1_000_001)
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="more than 1,000,000 rows"):
        read_answers(path)


def test_columns_without_end_are_refused(tmp_path):
    pq.write_table(pa.table({f"p_{k}": [0.5] for k in range(129)}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="more than 128 columns"):
        read_answers(tmp_path / "a.parquet")


def test_a_long_word_in_every_row_is_kept_once(tmp_path):
    path = answers(tmp_path / "a.parquet", 3_000, label="x" * 500_000)  # 1.5 GB if it were copied
    before = peak()
    with pytest.raises(DataError, match="is not a record's file of predictions"):
        read_answers(path)
    assert peak() - before < 400 << 20
