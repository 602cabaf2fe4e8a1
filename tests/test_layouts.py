"""Other people's data: their splits, names, lists and files beside, read or refused in a line."""

import io
import re

import cv2
import numpy as np
import pandas as pd
import pytest

from ferflow.core.errors import DataError, ParamError
from ferflow.core.hashing import sha256_of
from ferflow.download.labels import FER2013_LABELS, splits_of_parts
from ferflow.download.sources import load_images, read_path
from ferflow.fer2013.labels import common_spelling

ODD = ("happy (posed)", "sad, tired", "50% surprise")


def picture(*seed):
    """The bytes of a picture of noise, another for every seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (48, 48), dtype=np.uint8)
    return cv2.imencode(".png", noise)[1].tobytes()


def tree(parts, classes, n=8, root=""):
    """Name -> picture of <root><part>/<class>/im<i>.png; a part '' is no folder."""
    return {
        f"{root}{part and part + '/'}{label}/im{i}.png": picture(a, b, i)
        for a, part in enumerate(parts)
        for b, label in enumerate(classes)
        for i in range(n)
    }


@pytest.fixture
def folder(tmp_path):
    """Write name -> bytes as a folder."""

    def write(files):
        for name, content in files.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path / "data"

    return write


@pytest.fixture
def refused(folder):
    """The one line of the DataError about files."""

    def read(files, **options):
        with pytest.raises(DataError) as caught:
            read_path(folder(files), **options)
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)

    return read


def sizes(splits):
    return [len(splits[name]) for name in ("train", "val", "test")]


# --- folders with splits of their own


def test_train_and_test_of_the_seven_classes_are_official_splits(folder, read_splits):
    splits = read_splits(folder(tree(["train", "test"], FER2013_LABELS)))
    assert sizes(splits)[2] == 56 and 7 <= sizes(splits)[1] <= 14
    assert splits["train"].labels == FER2013_LABELS
    for name, split in splits.items():
        part = "test" if name == "test" else "train"
        for source, y in zip(split.source_id, split.y, strict=True):
            assert source.split("/")[:2] == [part, FER2013_LABELS[y]]


def test_classes_may_have_any_names(folder, read_splits):
    splits = read_splits(folder(tree(["train", "test"], ["a", "b"])))
    assert splits["train"].labels == ("a", "b")
    assert sizes(splits)[2] == 16 and 2 <= sizes(splits)[1] <= 4
    assert splits["val"].meta["split"] == (
        "official (train, test), val is 0.2 of train, stratified, twins on one side"
    )


@pytest.mark.parametrize("word", ["val", "valid", "Validation"])
def test_a_val_part_is_val_where_there_is_a_test_part(folder, read_splits, word):
    splits = read_splits(folder(tree(["train", word, "test"], ["a", "b"])))
    assert sizes(splits) == [16, 16, 16]
    assert all(source.startswith(word) for source in splits["val"].source_id)


def test_numbered_classes_of_raf_db_stand_in_their_order(folder):
    files = tree(["train", "test"], [str(i) for i in range(1, 11)], n=2, root="DATASET/")
    files["train_labels.csv"] = b"image,label\nim0.png,1\n"
    collection = read_path(folder(files))
    assert collection.rows.labels == tuple(map(str, range(1, 11)))
    assert collection.notes == ("left out, not pictures: train_labels.csv",)
    assert collection.splits == {"train": "train", "test": "test"}


def test_without_a_test_part_val_is_test_and_that_is_said(folder, read_splits):
    path = folder(tree(["train", "val"], "0123456"))
    splits = read_splits(path)
    assert all(source.startswith("val/") for source in splits["test"].source_id)
    assert sizes(splits)[2] == 56
    assert read_path(path).notes == (
        "there is no test part: val/ becomes the test split, val is taken from train",
    )


def test_parts_named_as_in_fer_2013s_csv_are_its_splits():
    assert splits_of_parts(["PrivateTest", "Training", "PublicTest"]) == {
        "Training": "train",
        "PublicTest": "val",
        "PrivateTest": "test",
    }
    assert splits_of_parts(["train"]) == splits_of_parts(["test", "val"]) == {}


def test_twins_are_on_one_side_of_a_val_that_is_cut(folder, read_splits):
    files = tree(["train", "test"], ["a", "b"], n=10)
    files |= {f"train/a/copy{i}.png": files[f"train/a/im{i}.png"] for i in range(5)}
    splits = read_splits(folder(files), val_fraction=0.4)
    sides = {}
    for name, split in splits.items():
        for image in split.x:
            sides.setdefault(image.tobytes(), set()).add(name)
    assert all(len(where) == 1 for where in sides.values())
    assert len(splits["val"]) > 5


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_class_of_one_part_only_is_taken_for_a_slip(folder, read_splits, part):
    files = tree(["train", "test"], ["happy", "sad"])
    files[f"{part}/hapy/1.png"] = picture(99)
    with pytest.raises(DataError, match=r"the class 'hapy' has no image in .*mean 'happy'\?"):
        read_splits(folder(files))
    assert sizes(read_splits(folder(files), classes_map={"hapy": "happy"}))[2] >= 16


def test_one_part_alone_is_no_split(folder, read_splits):
    path = folder(tree(["train"], ["a", "b"]))
    with pytest.raises(ParamError, match="train/ is the only part"):
        read_splits(path)
    assert sum(sizes(read_splits(path, split="fraction"))) == 16


def test_a_picture_in_no_class_folder_of_a_part_is_named(refused):
    files = tree(["train", "test"], ["a", "b"], n=1)
    assert refused(files | {"test/9.png": picture(9)}).startswith("test/9.png: expected <part>/")


# --- files beside


@pytest.mark.parametrize("parts", [[""], ["train", "test"]])
def test_files_beside_class_folders_do_not_change_what_a_folder_is(folder, parts):
    files = tree(parts, ["a", "b"])
    before = read_path(folder(files)).rows.x.copy()
    more = {"README.md": b"#", "fer.csv": b"a,b\n1,2\n", "docs/list.txt": b"x"}
    after = read_path(folder(files | more))
    assert np.array_equal(after.rows.x, before)
    assert after.notes == ("left out, not pictures: README.md, docs/list.txt, fer.csv",)


@pytest.mark.parametrize("name", ["a/1.webp", "c/1.HEIC", "a/notes.txt"])
def test_a_picture_that_is_not_read_is_not_left_out_in_silence(refused, name):
    assert f"{name} is not a supported picture" in refused(tree([""], ["a", "b"]) | {name: b"x"})


HIDDEN = [".DS_Store", "a/Thumbs.db", "desktop.ini", "__MACOSX/a/._im0.png"]
HIDDEN += ["a/.ipynb_checkpoints/im0-checkpoint.png", "a/@eaDir/im0.png"]


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_and_system_files_are_no_part_of_the_data_nor_of_their_fingerprint(
    folder, data_params, name
):
    files = tree([""], ["a", "b"])
    path = folder(files)
    params = data_params(path=str(path), sha256=sha256_of(path), split="fraction")
    before = load_images(params, seed=0)
    folder({name: b"of the system"})
    assert sha256_of(path) == params.sha256
    other = params.model_copy(update={"val_fraction": 0.3})
    assert sum(sizes(load_images(other, seed=0))) == sum(sizes(before)) == 16


# --- lists


def listed(table, suffix="csv"):
    """A table as the bytes of a list."""
    if suffix == "parquet":
        stream = io.BytesIO()
        table.to_parquet(stream)
        return stream.getvalue()
    return table.to_csv(index=False, sep="\t" if suffix == "tsv" else ",").encode()


def pictures_of(names):
    return {name: picture(i) for i, name in enumerate(names)}


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


# --- names of classes


def test_a_map_renames_and_joins_classes_before_everything(folder, read_splits):
    files = tree(["train", "test"], ["anger", "1", "rage"])
    names = {"anger": "angry", "1": "surprise", "rage": "angry"}
    splits = read_splits(folder(files), classes_map=names)
    assert splits["test"].labels == ("angry", "surprise")
    assert splits["test"].class_counts() == {"angry": 16, "surprise": 8}


def test_a_map_of_fer_2013_makes_it_another_question(zip_of_faces, read_splits):
    names = dict.fromkeys(("angry", "disgust", "fear", "sad"), "negative")
    splits = read_splits(zip_of_faces, classes_map=names)
    assert splits["train"].labels == ("negative", "happy", "surprise", "neutral")
    assert splits["train"].class_counts()["negative"] == 8
    assert read_path(zip_of_faces, classes_map=names).official_counts == {}


def test_drawn_faces_are_mapped_too(data_params):
    names = {"happy": "good", "sad": "bad", "angry": "bad"}
    splits = load_images(data_params(source="synthetic", classes_map=names), seed=0)
    assert splits["val"].labels == ("bad", "disgust", "fear", "good", "surprise", "neutral")


def test_a_map_of_a_class_that_is_not_there_is_refused(folder):
    path = folder(tree([""], ["angry", "sad"]))
    with pytest.raises(ParamError, match=r"names 'angri'.*Legal: angry, sad\. .*'angry'\?"):
        read_path(path, classes_map={"angri": "x"})


def test_other_spellings_of_the_seven_are_suggested_and_not_guessed(folder):
    collection = read_path(folder(tree([""], ["anger", "Happy", "neutral"])))
    assert collection.rows.labels == ("Happy", "anger", "neutral")
    (note,) = collection.notes
    assert "--set 'data.classes_map={Happy: happy, anger: angry}'" in note
    assert [common_spelling(w) for w in ("Sadness", "fear", "contempt")] == ["sad", "fear", None]


def test_a_known_set_in_other_spellings_is_refused_with_the_map(
    tmp_path, face_files, write_zip, read_splits
):
    files = {name.replace("/happy/", "/happiness/"): data for name, data in face_files.items()}
    path = write_zip(tmp_path / "a.zip", files)
    with pytest.raises(DataError, match=r"--set 'data\.classes_map=\{happiness: happy\}'"):
        read_splits(path)
    assert sizes(read_splits(path, classes_map={"happiness": "happy"})) == [14, 7, 7]


def test_names_that_a_system_allows_are_kept(folder):
    assert read_path(folder(tree([""], ODD))).rows.labels == tuple(sorted(ODD))


# --- what is nothing of all that


def test_the_refusal_says_what_was_looked_for_and_what_is_there(refused):
    message = refused({"a.txt": b"", "clip.mp4": b"", "b/notes.txt": b""})
    assert "has no data set in a known form" in message
    for words in ("labels.csv", "emotion, pixels, Usage", "CK+48", "train/<class>/<picture>"):
        assert words in message
    assert message.endswith("Found: 2 .txt, 1 .mp4 (a.txt, b/notes.txt, clip.mp4).")


def test_pictures_without_classes_are_refused(refused):
    message = refused(pictures_of(["1.png", "2.png"]))
    assert "Found: 2 .png (1.png, 2.png)." in message


@pytest.mark.parametrize(
    ("parts", "found"),
    [(["train", "holdout"], "holdout, train"), (["val", "test"], "test, val")],
)
def test_splits_of_other_names_are_refused_with_the_legal_ones(refused, parts, found):
    message = refused(tree(parts, ["a", "b"], n=2))
    assert message.startswith(f"data has class folders in {found}. Splits need a train folder")
    assert "train: train, training; val: val, valid, validation, publictest; test: test" in message
    assert "data.split to fraction" in message


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


@pytest.mark.parametrize("place", ["", "fer2013new.csv"])
def test_fer_plus_without_pixels_says_what_takes_it(folder, place):
    content = b"Usage,Image name,neutral,happiness,NF\nTraining,fer0000000.png,4,0,0\n"
    path = folder({"fer2013new.csv": content}) / place
    with pytest.raises(
        DataError, match=r"fer2013new\.csv holds FER\+'s votes and no pixels"
    ) as error:
        read_path(path)
    assert "data.labels to ferplus" in str(error.value)
