"""Malformed tables for `ferflow score`, teachers' answers, and what a record's name may be."""

import json
import struct
from datetime import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import DEEP, refused

from ferflow.core.hashing import image_number
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.records.record import check_name
from ferflow.score.keep import parse_about
from ferflow.score.score import score_file
from ferflow.training.families.network.answers import load_answers, with_answers

pytestmark = pytest.mark.usefixtures("nothing_planted")

HEADER = "image," + ",".join(FER2013_LABELS)
ROW = "PrivateTest_65940639.jpg,0.1,0.1,0.1,0.4,0.1,0.1,0.1"  # an image of FER-2013
SPARE = ",".join(["0.1"] * 6 + ["0.4"])


def table(*rows, header=HEADER):
    return "\n".join([header, *rows]).encode()


# --- `ferflow score`, CSV


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no answers"),
        (b"\n\n \n", "holds no answers|is not said|names FER-2013's images"),
        (table(), "holds no answers"),
        (table(ROW, header="image,angry,disgust,fear,happy,sad,surprise,contempt"), "neutral"),
        (table(ROW, header=HEADER.replace("disgust", "anger")), "no column for disgust"),
        (table(ROW + ",0.3", header=HEADER + ",anger"), "two columns for one class"),
        (table(ROW, header=HEADER.replace("sad", "happy")), "two columns have the same name"),
        (table(ROW, ROW.rpartition(",")[0]), "row 3: 7 cells, expected 8"),
        (table(ROW + ",0.1"), "row 2: 9 cells, expected 8"),
        (table(ROW.replace("0.4", "0,4")), "row 2: 9 cells, expected 8"),
        (table(ROW.replace("0.4", "")), "row 2: '' is not a finite number"),
        (table(ROW.replace("0.4", "40%")), "row 2: '40%' is not a finite number"),
        (table(ROW.replace("0.4", "1e999")), "row 2: '1e999' is not a finite number"),
        (table(ROW.replace("0.4", "0x1")), "row 2: '0x1' is not a finite number"),
        (table(ROW.replace("0.1", "0").replace("0.4", "0")), "row 2: its probabilities are all 0"),
        (table(ROW, ROW), "is answered twice, in rows 2 and 3"),
        (table(f"35887,{SPARE}", f"99999,{SPARE}"), "no column names FER-2013's images"),
        (table(f"0,{SPARE}", f"1,{SPARE}"), "has no answer for an image of val or test"),
        (table(ROW).decode().encode("utf-16"), "neither CSV nor parquet"),
        (table(ROW)[:60] + b"\xff\xfe" + table(ROW)[60:], "neither CSV nor parquet"),
        (table(ROW.replace("PrivateTest", '"PrivateTest')), "cells, expected 8|neither CSV"),
        (table('"' + "x" * 140_000 + '"'), "neither CSV nor parquet: field larger"),
        (b'[{"image": 1, "label": 2}]', "holds no answers"),
        (b"<html>\n<body>404</body>\n</html>\n", "no column names FER-2013's images"),
        (table("PrivateTest_65940639.jpg,happyy", header="image,label"), "Did you mean 'happy'"),
        (table("PrivateTest_65940639.jpg,7", header="image,label"), "'7' is not a class"),
        (table("PrivateTest_65940639.jpg,3.5", header="image,label"), "'3.5' is not a class"),
        (table("PrivateTest_65940639.jpg,True", header="image,label"), "'True' is not a class"),
        (table("PrivateTest_65940639.jpg,-1", header="image,label"), "'-1' is not a class"),
    ],
)
def test_a_csv_that_cannot_be_scored_is_a_line(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    line = refused(score_file, tmp_path / "a.csv")
    assert any(words in line for words in message.split("|")), line


# --- `ferflow score`, parquet

IDS = ["PrivateTest_65940639.jpg", "PrivateTest_72618063.jpg"]
LISTS = pa.array([[0.5, 0.5], [1.0]])
STRUCTS = pa.array([{"happy": 0.5}, {"happy": 0.1}])


def parquet(path, columns, names=None):
    arrays = [pa.array(v) if isinstance(v, list) else v for v in columns.values()]
    pq.write_table(pa.Table.from_arrays(arrays, names=names or list(columns)), path)
    return path


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": IDS}, "no answers|is not said"),
        ({"image": IDS, "probabilities": LISTS}, "probabilities holds list<element: double>"),
        ({"image": IDS, "label": STRUCTS}, "label holds struct<happy: double>"),
        ({"image": IDS, "label": [None, None]}, "'' is not a class"),
        ({"image": IDS, "label": [True, False]}, "'True' is not a class"),
        ({"image": IDS, "label": [b"happy", b"sad"]}, "is not a class"),
        ({"image": IDS, "label": [datetime(2026, 1, 1)] * 2}, "is not a class"),
        ({"image": IDS, "label": [Decimal("0.5")] * 2}, "'0.5' is not a class"),
        ({"image": [None, None], "label": ["sad", "sad"]}, "no column names FER-2013's images"),
        ({"image": LISTS, "label": ["sad", "sad"]}, "image holds list<element: double>"),
        ({"image": [1.5, 2.5], "label": ["sad", "sad"]}, "no column names FER-2013's images"),
        ({"image": IDS, "label": pa.nulls(2)}, "'' is not a class"),
        ({"image": [], "label": []}, "holds no answers"),
        ({}, "holds no answers"),
    ],
)
def test_a_parquet_that_cannot_be_scored_is_a_line(tmp_path, columns, message):
    line = refused(score_file, parquet(tmp_path / "a.parquet", columns))
    assert any(words in line for words in message.split("|")), line


def test_two_columns_of_one_name_are_refused(tmp_path):
    columns = {"image": IDS, "label": ["sad", "sad"], "2": ["happy", "sad"]}
    path = parquet(tmp_path / "a.parquet", columns, ["image", "label", "label"])
    assert "two columns have the same name" in refused(score_file, path)


@pytest.mark.parametrize("kept", [4, 8, 100, -8, -1])
def test_a_parquet_that_is_cut_off_is_refused(tmp_path, kept):
    path = parquet(tmp_path / "a.parquet", {"image": IDS, "label": ["sad", "sad"]})
    path.write_bytes(path.read_bytes()[:kept])
    assert "is not a parquet file" in refused(score_file, path)


def test_a_long_word_in_every_row_is_refused_before_it_is_copied(tmp_path):
    words = pa.DictionaryArray.from_arrays(np.zeros(150_000, np.int32), ["x" * 100_000])
    path = parquet(tmp_path / "a.parquet", {"image": words, "label": words})
    assert path.stat().st_size < 1 << 20
    assert "a word is longer than 4,096 letters" in refused(score_file, path)


# --- teachers' answers

IMAGES = np.sort([image_number("a"), image_number("b"), image_number("c")])
LEVELS = np.array([[200, 30, 25], [0, 255, 0], [85, 85, 85]], np.uint8)
LABELS = ["angry", "disgust", "fear"]


def answers(path, image=IMAGES, p=LEVELS, labels=LABELS, **header):
    """A file of answers, its header written by hand."""
    image, p = np.asarray(image), np.asarray(p)
    kinds = {"i8": "I64", "u1": "U8", "f4": "F32", "i4": "I32"}
    text = labels if isinstance(labels, str) else json.dumps(labels)
    ends = [0, image.nbytes, image.nbytes + p.nbytes]
    about = {"__metadata__": {"labels": text}}
    for k, (name, array) in enumerate((("image", image), ("p", p))):
        about[name] = {"dtype": kinds[array.dtype.str[1:]], "shape": list(array.shape)}
        about[name]["data_offsets"] = ends[k : k + 2]
    about = {k: v for k, v in (about | header).items() if v is not None}
    packed = json.dumps(about).encode()
    path.write_bytes(struct.pack("<Q", len(packed)) + packed + image.tobytes() + p.tobytes())
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"image": IMAGES[::-1].copy()},
        {"image": IMAGES[[0, 0, 1]]},
        {"image": IMAGES[:2]},
        {"image": IMAGES.astype(np.int32)},
        {"image": np.zeros(0, np.int64), "p": np.zeros((0, 3), np.uint8)},
        {"p": LEVELS.astype(np.float32)},
        {"p": LEVELS[:, :2].copy()},
        {"p": LEVELS.ravel()},
        {"p": LEVELS * 0},
        {"image": IMAGES[:, None], "p": LEVELS},
        {"labels": ["angry", "disgust"]},
        {"labels": ["angry", "angry", "fear"]},
        {"labels": [1, 2, 3]},
        {"labels": [["angry"], [], None]},
        {"labels": "3"},
        {"labels": "abc"},
        {"labels": DEEP.decode()},
        {"__metadata__": None},
        {"__metadata__": {}},
        {"p": LEVELS, "image": IMAGES, "x": {"dtype": "U8", "shape": [9], "data_offsets": [0, 9]}},
    ],
)
def test_answers_of_teachers_that_are_none_are_refused(tmp_path, changes):
    path = answers(tmp_path / "a.safetensors", **changes)
    assert "does not hold answers to training images" in refused(load_answers, path)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, struct.pack("<Q", 1 << 60), DEEP, b"PK\3\4"])
def test_bytes_that_are_no_answers_are_refused(tmp_path, make_split, content):
    (tmp_path / "a").write_bytes(content)
    line = refused(with_answers, make_split(), [tmp_path / "a"], 1.0, "train.network.teachers")
    assert "does not hold answers to training images" in line


# --- what a user says of them


@pytest.mark.parametrize(
    "name", ["", ".", "../x", "a/b", "A", "ü", "-a", "a b", "x" * 61, "seed-0", "summary", "a\n"]
)
def test_a_name_that_a_record_cannot_have_is_refused(name):
    assert "a record's name must be" in refused(check_name, name)


@pytest.mark.parametrize(
    "words", [["x"], ["=y"], ["a="], ["A=1"], ["a=1", "a=2"], ["a b=1"], ["a=\n"]]
)
def test_what_is_said_of_answers_must_be_a_key_and_a_text(words):
    assert "--about is KEY=TEXT" in refused(parse_about, words)
