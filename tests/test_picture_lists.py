"""Lists of pictures: paths, classes, splits and persons, or a fault in a line."""

import io
import re

import cv2
import numpy as np
import pandas as pd
import pytest
from picture_folders import pictures_of, sizes, tree

from ferflow.core.errors import DataError
from ferflow.download.sources import read_path


def listed(table, suffix="csv"):
    """A table as the bytes of a list."""
    if suffix == "parquet":
        stream = io.BytesIO()
        table.to_parquet(stream)
        return stream.getvalue()
    return table.to_csv(index=False, sep="\t" if suffix == "tsv" else ",").encode()


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_a_list_gives_paths_classes_splits_and_persons(folder, suffix, read_splits):
    names = [f"faces/{i}.png" for i in range(12)]
    table = pd.DataFrame(
        {
            "path": names,
            "label": [4, 7] * 6,
            "split": ["train"] * 6 + ["val"] * 2 + ["test"] * 4,
            "person": [f"p{i // 2}" for i in range(12)],
        }
    )
    files = pictures_of(names) | {f"labels.{suffix}": listed(table, suffix)}
    path = folder(files)
    splits = read_splits(path)
    assert sizes(splits) == [6, 2, 4]
    assert splits["val"].source_id.tolist() == names[6:8]
    assert splits["val"].group.tolist() == ["p3", "p3"]
    assert splits["val"].labels == ("4", "7")
    pixels = cv2.imdecode(np.frombuffer(files[names[7]], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(splits["val"].x[1], pixels)


def test_a_list_in_other_words_finds_pictures_wherever_they_lie(folder):
    names = ["a/x/1.png", "b/2.png", "lists/3.png", "lists/4.png"]
    rows = ["\ufefffile;emotion", ".\\x\\1.png;joy", "b/2.png;rage", "3.png;joy", "./4.png;rage"]
    files = pictures_of(names) | {"lists/labels.csv": "\r\n".join(rows).encode()}
    collection = read_path(folder(files))
    assert collection.rows.source_id.tolist() == ["a/x/1.png", "b/2.png", "3.png", "4.png"]
    assert collection.rows.labels == ("joy", "rage")
    assert "{joy: happy, rage: angry}" in collection.notes[-1]


def test_persons_in_a_list_stay_on_one_side(folder, read_splits):
    names = [f"{i}.png" for i in range(60)]
    table = pd.DataFrame({"path": names, "label": ["a", "b"] * 30})
    table["subject"] = [f"p{i // 4}" for i in range(60)]
    path = folder(pictures_of(names) | {"labels.csv": listed(table)})
    for changes in ({"split": "fraction"}, {"split": "kfold"}):
        splits = read_splits(path, **changes)
        assert sum(len(set(split.group)) for split in splits.values()) == 15
    table["split"] = ["train"] * 40 + ["test"] * 20
    folder({"labels.csv": listed(table)})
    splits = read_splits(path)
    assert not set(splits["train"].group) & set(splits["val"].group)
    assert sizes(splits)[2] == 20


def test_a_person_in_two_official_splits_is_said(folder):
    table = pd.DataFrame({"path": ["1.png", "2.png"], "label": ["a", "b"], "person": ["x", "x"]})
    table["split"] = ["train", "test"]
    files = pictures_of(["1.png", "2.png", "3.png"]) | {"labels.csv": listed(table)}
    left_out, persons = read_path(folder(files)).notes
    assert left_out == "pictures that are not in labels.csv, left out: 3.png"
    assert persons.startswith("persons in more than one split of labels.csv")
    assert "trained on: x." in persons


def test_a_list_beside_class_folders_is_read_where_it_names_their_pictures(folder):
    files = tree([""], ["a", "b"], n=2)
    rows = "file,label\na/im0.png,x\nb/im0.png,y\n"
    collection = read_path(folder(files | {"labels.csv": rows.encode()}))
    assert collection.rows.labels == ("x", "y")
    other = read_path(folder({"labels.csv": b"file,label\nelsewhere.png,x\n"}))
    assert other.rows.labels == ("a", "b")
    assert other.notes == ("left out, not pictures: labels.csv",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["path,label", "1.png,a", "9.png,b"], "row 3: the picture '9.png' is not in data"),
        (["path,label", "1.png,a", "1.png,b"], "row 3 names 1.png again, after row 2"),
        (["path,label", "1.png,a", "2.png,"], "row 3: the label is empty"),
        (["path,label,split", "1.png,a,train", "2.png,b,tset"], "row 3: split must be .*'test'"),
        (["path,label", "1.png,a", "2.png"], "row 3: 1 fields, expected 2"),
        (["path,label", '1.png,"a\nb"', "2.png,b"], "has several lines"),
        (["path,label", "1.png,a", "2.png,a"], "of one class only"),
        (["path,labelled", "1.png,a"], "no column label .*its columns are path, labelled"),
        (["path,label"], "has a header but no rows"),
    ],
)
def test_a_fault_in_a_list_is_named(refused, rows, message):
    files = pictures_of(["1.png", "2.png"]) | {"labels.csv": "\n".join(rows).encode()}
    assert re.search(message, refused(files))


def test_a_list_alone_asks_for_its_folder(folder):
    path = folder({"labels.csv": b"path,label\n1.png,a\n"})
    with pytest.raises(
        DataError, match=r"set data\.path to the folder that has the list and the pictures"
    ):
        read_path(path / "labels.csv")


def test_a_parquet_that_is_none_or_holds_endless_words_is_refused(refused):
    pictures = pictures_of(["1.png", "2.png"])
    assert "is not a parquet file that can be read" in refused(
        pictures | {"labels.parquet": b"PAR1"}
    )
    table = pd.DataFrame({"path": ["1.png"] * 3000, "label": ["x" * 100_000] * 3000})
    long = refused(pictures | {"labels.parquet": listed(table, "parquet")})
    assert "a word is longer than 4,096 letters" in long


LIST = b"filename,expression\n1.png,a\n2.png,b\n"


@pytest.mark.parametrize("where", ["", "images/"])
def test_a_list_of_another_name_is_named_with_the_legal_ones(folder, refused, where):
    files = {where + name: content for name, content in pictures_of(["1.png", "2.png"]).items()}
    message = refused(files | {"annotations.csv": LIST})
    assert message == (
        "annotations.csv has the columns of a list of pictures (filename, expression), but lists "
        "must be named labels.csv, labels.tsv or labels.parquet. Rename it."
    )
    with pytest.raises(DataError, match=r"Rename it and set data\.path to its folder\.$"):
        read_path(folder({}) / "annotations.csv")


def test_a_table_of_another_name_beside_classes_is_left_out(folder):
    read = read_path(folder(tree([""], ["a", "b"], n=2) | {"annotations.csv": LIST}))
    assert read.notes == ("left out, not pictures: annotations.csv",)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("classes", [["a"], ["a", "b"]])
def test_a_list_in_utf_16_is_refused_with_the_cure(refused, encoding, classes):
    content = "\ufefffile,label\n".encode(encoding)
    message = refused(tree([""], classes, n=2) | {"labels.csv": content})
    assert message.startswith("labels.csv is encoded in UTF-16. Tables must be UTF-8")
    assert "iconv -f UTF-16 -t UTF-8 labels.csv" in message
