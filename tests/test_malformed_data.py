"""Malformed data sets: tables, lists, folders and archives; each refused in a line."""

import io
import os
import zipfile

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import refused

from ferflow.core.hashing import sha256_of
from ferflow.download.sources import read_path

pytestmark = pytest.mark.usefixtures("nothing_planted")  # `refused` looks at all files in it

PICTURE = cv2.imencode(".png", np.arange(2304, dtype=np.uint8).reshape(48, 48))[1].tobytes()
OTHER = cv2.imencode(".png", np.arange(2304, dtype=np.uint8)[::-1].reshape(48, 48))[1].tobytes()
PIXELS = " ".join(["7"] * 2304)


def put(folder, files):
    for name, content in files.items():
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / "data"


@pytest.fixture
def said(tmp_path, monkeypatch):
    """The line with which a folder of such files is refused."""
    monkeypatch.chdir(tmp_path)
    return lambda files: refused(read_path, put(tmp_path, files))


# --- FER-2013's table

USUAL = "emotion,pixels,Usage"
ROW = f"0,{PIXELS},Training"


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (USUAL, f"7,{PIXELS},Training", "emotion must be one of"),
        (USUAL, f"-1,{PIXELS},Training", "emotion must be one of"),
        (USUAL, f"0.0,{PIXELS},Training", "emotion must be one of"),
        (USUAL, f"angry,{PIXELS},Training", "emotion must be one of"),
        (USUAL, f",{PIXELS},Training", "emotion must be one of"),
        (USUAL, f"0,{PIXELS},train", "Usage must be one of"),
        (USUAL, f"0,{PIXELS},", "Usage must be one of"),
        (USUAL, f"0,{PIXELS} 7,Training", "2,305 pixels, expected 2,304"),
        (USUAL, f"0,{PIXELS[:-2]},Training", "2,303 pixels, expected 2,304"),
        (USUAL, f"0,{PIXELS[:-1]}256,Training", "pixel 2304 must be"),
        (USUAL, f"0,{PIXELS[:-1]}-1,Training", "pixel 2304 must be"),
        (USUAL, f"0,{PIXELS[:-1]}1e2,Training", "pixel 2304 must be"),
        (USUAL, f"0,{PIXELS[:-1]}nan,Training", "pixel 2304 must be"),
        (USUAL, f"0,{PIXELS[:-1]}\u0667,Training", "pixel 2304 must be"),
        (USUAL, f"0,{PIXELS[:-1]}{'9' * 4000},Training", "pixel 2304 must be"),
        (USUAL, f"0,[{PIXELS}],Training", "pixel 1 must be"),
        (USUAL, f'0,"{PIXELS},Training', "row"),
        (USUAL, f"0,{PIXELS}", "2 fields, expected 3"),
        ("emotion,image,Usage", ROW, "header emotion,pixels,Usage|no data set"),
        ("emotion,emotion,pixels,Usage", ROW, "3 fields, expected 4|4 fields|row 2"),
        ("label,pixels,Usage", ROW, "has no column emotion"),
    ],
)
def test_a_fault_in_fer_2013s_table_is_named(said, header, row, message):
    rows = [f"{k % 7},{PIXELS},{u}" for k, u in enumerate(("PublicTest", "PrivateTest"))]
    line = said({"fer2013.csv": "\n".join([header, row, ROW, *rows, ""])})
    assert any(words in line for words in message.split("|")), line


# --- lists of pictures

TWO = {"1.png": PICTURE, "2.png": OTHER}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "labels.csv"),
        ("path,label\n", "has a header but no rows"),
        ("path\n1.png\n", "has no column label"),
        ("label\na\n", "has no column path"),
        ("path,label\n1.png,a\n2.png\n", "row 3: 1 fields, expected 2"),
        ("path,label\n1.png,a\n3.png,b\n", "row 3: the picture '3.png' is not in"),
        ("path,label\n1.png,a\n1.png,b\n", "names 1.png again"),
        ("path,label\n1.png,a\n./1.png,b\n", "names 1.png again"),
        ("path,label\n1.png,a\n2.png,\n", "row 3: the label is empty"),
        ("path,label\n1.png,a\n2.png,  \n", "row 3: the label is empty"),
        ("path,label\n1.png,a\n../2.png,b\n", "is not in"),
        ("path,label\n1.png,a\n/etc/passwd,b\n", "is not in"),
        ("path,label\n1.png,a\nhttps://x.example/2.png,b\n", "is not in"),
        ('path,label\n1.png,a\n2.png,"b\nc"\n', "several lines or control characters"),
        ("path,label\n1.png,a\n2.png,b\x1b[2J\n", "several lines or control characters"),
        ("path,label,split\n1.png,a,train\n2.png,b,dev set\n", "split must be one of"),
        ("path,label,split\n1.png,a,train\n2.png,b,\n", "split must be one of"),
        ("path,label\n1.png,a\n2.png,a\n", "class"),
        ('path,label\n1.png,"a\n2.png,b\n', "several lines or control characters"),
        ("path,label\n" + "x" * 70_000 + ",a\n", "row 2 is longer than 65,536 bytes"),
    ],
)
def test_a_fault_in_a_list_is_named(said, text, message):
    assert message in said(TWO | {"labels.csv": text})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"path": [["1.png"], ["2.png"]], "label": ["a", "b"]}, "path holds list"),
        ({"path": ["1.png", "2.png"], "label": [{"x": 1}, {"x": 2}]}, "label holds struct"),
        ({"path": ["1.png", None], "label": ["a", "b"]}, "the picture '' is not in"),
        ({"path": ["1.png", "2.png"], "label": ["a", None]}, "the label is empty"),
        ({"path": [1, 2], "label": ["a", "b"]}, "the picture '1' is not in"),
        ({"path": [b"\xff", b"\xfe"], "label": ["a", "b"]}, "is not in"),
        ({"path": ["1.png", "2.png"]}, "has no column label"),
        ({"path": [], "label": []}, "has a header but no rows"),
    ],
)
def test_a_fault_in_a_list_in_parquet_is_named(said, columns, message):
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    assert message in said(TWO | {"labels.parquet": target.getvalue()})


# --- folders


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a/1.png": b"", "b/1.png": PICTURE}, "a/1.png is not a readable picture"),
        ({"a/1.png": b"GIF89a", "b/1.png": PICTURE}, "a/1.png is not a readable picture"),
        ({"a/1.png": PICTURE[:80], "b/1.png": PICTURE}, "a/1.png is not a readable picture"),
        ({"a/1.png": b"<svg/>", "b/1.png": PICTURE}, "a/1.png is not a readable picture"),
        ({"a/1.png": PICTURE, "a/2.png": OTHER}, "class"),
        ({"1.png": PICTURE, "2.png": OTHER}, "class"),
        ({"a/x/1.png": PICTURE, "b/1.png": PICTURE}, "a/x/1.png|no data set|class"),
        ({"readme.txt": "x"}, "has no data set in a known form"),
        ({"a/readme.txt": "x", "b/readme.txt": "y"}, "has no data set in a known form"),
        ({".hidden/1.png": PICTURE}, "is empty"),
        ({"train/a/1.png": PICTURE, "train/b/1.png": OTHER}, "train/ is the only part"),
        ({"train/a/1.png": PICTURE, "test/b/1.png": OTHER}, "has no image in"),
        ({"a/clip.mp4": b"\0" * 99, "b/clip.mp4": b"\0" * 99}, "no data set|not read"),
        ({"a\n/1.png": PICTURE, "b/1.png": OTHER}, "lines|control|known form"),
        ({"fer2013new.csv": "Usage,Image name,neutral\nTraining,fer0.png,10\n"}, "pixels|votes"),
    ],
)
def test_a_folder_that_is_no_data_set_is_refused(
    tmp_path, monkeypatch, read_splits, files, message
):
    monkeypatch.chdir(tmp_path)
    line = refused(read_splits, put(tmp_path, files))
    assert any(words in line for words in message.split("|")), line


@pytest.mark.parametrize("kind", ["loop", "pipe", "nowhere", "file in the way"])
def test_links_and_pipes_in_a_folder_are_no_pictures(said, tmp_path, kind):
    folder = put(tmp_path, {"a/1.png": PICTURE, "b/1.png": OTHER})
    if kind == "pipe":
        os.mkfifo(folder / "b/2.png")
    else:
        targets = {"loop": "../b", "nowhere": "x.png", "file in the way": "/dev/zero"}
        (folder / "b/2.png").symlink_to(targets[kind])
    (folder / "b/1.png").unlink()
    assert said({})


def test_a_name_that_is_not_utf_8_is_told(tmp_path, read_splits):
    folder = put(tmp_path, {"a/1.png": PICTURE, "b/1.png": OTHER})
    (folder / "b/1.png").rename(os.fsdecode(os.fsencode(folder / "b") + b"/caf\xe9.png"))
    line = refused(read_splits, folder)
    assert line.endswith(r"the name of the file b/caf\udce9.png is not UTF-8. Rename it.")
    assert len(sha256_of(folder)) == 64


# --- archives


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a/1.png": PICTURE, "b/1.png": b"x"}, "b/1.png is not a readable picture"),
        ({"a/1.png": PICTURE, "b/../../1.png": OTHER}, ".."),
        ({"/a/1.png": PICTURE, "/b/1.png": OTHER}, "/"),
        ({"C:\\a\\1.png": PICTURE, "b/1.png": OTHER}, "C:"),
        ({"a/": b"", "b/": b""}, "is empty|no data set"),
        ({"inner.zip": b"PK\5\6" + bytes(18)}, "no data set"),
        ({"fer2013.csv": ""}, "fer2013.csv"),
        ({"fer2013.csv": USUAL}, "has a header but no images"),
        ({}, "is empty"),
    ],
)
def test_a_zip_that_is_no_data_set_is_refused(tmp_path, monkeypatch, members, message):
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("a.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    line = refused(read_path, tmp_path / "a.zip")
    assert any(words in line for words in message.split("|")), line
