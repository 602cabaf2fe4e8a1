"""Other people's data: their splits, names and files beside, read or refused in a line."""

import numpy as np
import pytest
from picture_folders import picture, pictures_of, sizes, tree

from ferflow.core.errors import DataError, ParamError
from ferflow.core.hashing import sha256_of
from ferflow.download.labels import FER2013_LABELS, splits_of_parts
from ferflow.download.sources import load_images, read_path
from ferflow.fer2013.labels import common_spelling

ODD = ("happy (posed)", "sad, tired", "50% surprise")


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


@pytest.mark.parametrize("place", ["", "fer2013new.csv"])
def test_fer_plus_without_pixels_says_what_takes_it(folder, place):
    content = b"Usage,Image name,neutral,happiness,NF\nTraining,fer0000000.png,4,0,0\n"
    path = folder({"fer2013new.csv": content}) / place
    with pytest.raises(
        DataError, match=r"fer2013new\.csv holds FER\+'s votes and no pixels"
    ) as error:
        read_path(path)
    assert "data.labels to ferplus" in str(error.value)
