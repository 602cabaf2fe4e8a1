"""Every layout of pictures is told by its content, and what is wrong in it is named."""

import tarfile
import zipfile
from functools import partial

import cv2
import numpy as np
import pytest
from picture_folders import picture, refusal, unpacked

from ferflow.core.errors import DataError, ParamError
from ferflow.core.face_shape import GREY_48
from ferflow.download import archives
from ferflow.download.collection import count_differences, counts_agree, data_report
from ferflow.download.formats import split_folders
from ferflow.download.labels import (
    CKPLUS_COUNTS,
    CKPLUS_LABELS,
    FER2013_COUNTS,
    FER2013_LABELS,
    TWO_FOLDER_COUNTS,
)
from ferflow.download.peek import peek
from ferflow.download.sources import load_data, load_images, read_path
from ferflow.images.faces import faces_of, refuse_other_sizes, small_grey


@pytest.fixture(scope="module")
def two_folders():
    """The other Kaggle edition in small: 10 and 2 pictures of each class."""
    return {
        f"images/{part}/{label}/{n}.jpg": picture([number, y, n], suffix=".jpg")
        for number, (part, count) in enumerate({"train": 10, "validation": 2}.items())
        for y, label in enumerate(FER2013_LABELS)
        for n in range(count)
    }


@pytest.fixture(scope="module")
def ckplus():
    """CK+48 in small: 6 subjects, three frames of each of their classes."""
    return {
        f"CK+48/{label}/S{subject:03d}_{y:03d}_{frame:08d}.png": picture([subject, y, frame])
        for subject in range(6)
        for y, label in enumerate(CKPLUS_LABELS)
        for frame in (10, 9, 11)
    }


@pytest.fixture
def refused(tmp_path, write_zip):
    """Write files as a zip and read it: the one line of the DataError."""

    def read(files, compression=zipfile.ZIP_STORED):
        return refusal(write_zip(tmp_path / "refused.zip", files, compression))

    return read


def test_the_counts_of_both_editions_are_fer_2013s_classes():
    in_all = np.sum(list(FER2013_COUNTS.values()), axis=0)
    assert np.array_equal(np.sum(list(TWO_FOLDER_COUNTS.values()), axis=0), in_all)
    assert [sum(counts) for counts in TWO_FOLDER_COUNTS.values()] == [28_821, 7_066]
    assert sum(CKPLUS_COUNTS) == 981


# --- the edition in two folders


def test_the_validation_folder_is_test_and_val_is_cut_from_train(
    tmp_path, two_folders, write_zip, read_splits
):
    splits = read_splits(write_zip(tmp_path / "edition.zip", two_folders))
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 56,
        "val": 14,
        "test": 14,
    }
    for name, split in splits.items():
        part = "validation" if name == "test" else "train"
        assert all(source.startswith(f"{part}/") for source in split.source_id)
        assert [split.labels[y] for y in split.y] == [s.split("/")[1] for s in split.source_id]
        assert split.labels == FER2013_LABELS
    assert set(splits["val"].class_counts().values()) == {2}
    assert splits["val"].meta["split"] == (
        "official (train, validation), val is 0.2 of train, stratified, twins on one side"
    )


def test_each_row_of_a_split_holds_the_pixels_of_its_file(
    tmp_path, two_folders, write_zip, read_splits
):
    """The images are reordered in place: they must stay with their names."""
    for split in read_splits(write_zip(tmp_path / "edition.zip", two_folders)).values():
        for source, image in zip(split.source_id, split.x, strict=True):
            data = np.frombuffer(two_folders[f"images/{source}"], np.uint8)
            assert np.array_equal(image, cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def test_a_second_copy_of_both_folders_is_left_out(
    tmp_path, two_folders, write_zip, read_splits, same_split
):
    """Kaggle's copy holds images/train and images/images/train."""
    doubled = two_folders | {f"images/{name}": data for name, data in two_folders.items()}
    path = write_zip(tmp_path / "doubled.zip", doubled)
    expected = read_splits(write_zip(tmp_path / "single.zip", two_folders))
    for name, split in read_splits(path).items():
        same_split(split, expected[name])
    assert read_path(path).notes[0] == "images/images/ has the same files as images/: left out"


def test_two_different_trees_are_refused(refused, two_folders):
    other = two_folders | {"old/train/happy/99.jpg": picture()}
    assert "with different files" in refused(other)


def test_a_misspelt_class_in_the_edition_is_named(refused, two_folders, monkeypatch):
    small = {"train": [10] * 7, "validation": [2] * 7}
    monkeypatch.setattr(split_folders, "TWO_FOLDER_COUNTS", small)
    message = refused(two_folders | {"images/train/hapy/1.jpg": picture()})
    assert message.startswith("images/train/hapy/1.jpg: the folder must be named after a class")
    assert "Did you mean 'happy'?" in message


def test_the_edition_is_known_by_its_numbers_of_images(
    tmp_path, two_folders, write_zip, monkeypatch
):
    """Whoever has folders of these names need not have FER-2013."""
    path = write_zip(tmp_path / "edition.zip", two_folders)
    assert read_path(path).rows.meta["data_set"] == "pictures in folders train, validation"
    small = {"train": [10] * 7, "validation": [2] * 7}
    monkeypatch.setattr(split_folders, "TWO_FOLDER_COUNTS", small)
    collection = read_path(path)
    assert collection.rows.meta["data_set"].startswith("FER-2013, the edition")
    assert counts_agree(collection) is True


# --- CK+48


def test_ckplus_has_its_own_labels_and_its_subjects_as_groups(tmp_path, ckplus, write_zip):
    collection = read_path(write_zip(tmp_path / "ck.zip", ckplus))
    rows = collection.rows
    assert rows.labels == CKPLUS_LABELS
    assert len(rows) == 6 * 7 * 3
    for source, group, y in zip(rows.source_id, rows.group, rows.y, strict=True):
        subject, sequence, _ = source.split("_")
        assert group == subject
        assert y == int(sequence)  # the fixture numbers a subject's sequences by class
    frames = [int(source.split("_")[2]) for source in rows.source_id[:3]]
    assert frames == [9, 10, 11]


def test_ckplus_from_a_folder_is_the_same_also_without_the_outer_name(
    tmp_path, ckplus, write_zip, same_split
):
    from_zip = read_path(write_zip(tmp_path / "ck.zip", ckplus))
    folder = unpacked(tmp_path / "folder", ckplus) / "CK+48"
    same_split(read_path(folder).rows, from_zip.rows)


def test_ckplus_has_no_official_splits(tmp_path, ckplus, write_zip, read_splits):
    path = write_zip(tmp_path / "ck.zip", ckplus)
    with pytest.raises(ParamError, match=r"CK\+48\) has no official splits.*fraction or kfold"):
        read_splits(path)


@pytest.mark.parametrize("name", ["happy_1.png", "S010.png", "010_002_00000001.png"])
def test_a_ckplus_name_without_a_subject_is_named(refused, ckplus, name):
    message = refused(ckplus | {f"CK+48/happy/{name}": picture()})
    assert message.startswith(f"CK+48/happy/{name}: the file name must be S<subject>")


def test_a_ckplus_folder_without_any_subject_is_refused(refused):
    assert "S<subject>" in refused({f"CK+48/{c}/1.png": picture() for c in CKPLUS_LABELS})


# --- class folders


@pytest.mark.parametrize("root", ["", "faces/", "a/b/"])
def test_class_folders_give_their_sorted_names_as_labels(tmp_path, write_zip, root):
    files = {
        f"{root}{label}/{n}.png": picture([n, len(label)])
        for label in ("wink", "grin", "frown")
        for n in (10, 9)
    }
    rows = read_path(write_zip(tmp_path / "faces.zip", files)).rows
    assert rows.labels == ("frown", "grin", "wink")
    assert rows.source_id.tolist()[:2] == ["frown/9.png", "frown/10.png"]
    assert [rows.labels[y] for y in rows.y] == [s.split("/")[0] for s in rows.source_id]


def test_a_picture_outside_of_the_class_folders_is_named(refused):
    files = {"grin/1.png": picture(), "wink/1.png": picture(1)}
    message = refused(files | {"1.png": picture(2)})
    assert "1.png and wink/1.png lie at different depths" in message
    message = refused(files | {"grin/left/1.png": picture(2)})
    assert "grin/left/1.png and wink/1.png lie at different depths" in message


def test_one_class_is_refused(refused):
    assert "one class only ('grin')" in refused({"grin/1.png": picture()})


def test_a_file_that_is_no_picture_is_named(refused):
    message = refused({"grin/1.png": picture(), "wink/1.png": picture(1), "wink/a.txt": b"a"})
    assert "wink/a.txt is not a supported picture" in message


# --- pictures and archives


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_that_was_cut_off_is_refused_though_it_decodes(refused, suffix):
    whole = picture(3, suffix=suffix)
    for kept in (0, 10, len(whole) // 2, len(whole) - 12):
        message = refused({f"grin/1{suffix}": whole[:kept], "wink/1.png": picture()})
        assert message.startswith(f"grin/1{suffix} is not a readable picture ({kept} bytes)")


def test_a_text_with_a_pictures_name_is_refused(refused):
    message = refused({"grin/1.jpg": b"<html>no picture</html>", "wink/1.png": picture()})
    assert message.startswith("grin/1.jpg is not a readable picture")


@pytest.mark.parametrize("shape", [(40, 64), (96, 96, 3), (8, 8)])
def test_another_size_is_an_error_unless_resizing_is_on(tmp_path, write_zip, data_params, shape):
    files = {"grin/1.png": picture(shape=shape), "wink/1.png": picture()}
    path = write_zip(tmp_path / "sizes.zip", files)
    rows = read_path(path).rows
    message = rf"grin/1\.png has {shape[1]}x{shape[0]}.*data\.resize: true"
    for look in (peek, partial(refuse_other_sizes, rows.x, rows.source_id)):
        with pytest.raises(ParamError, match=message):
            look(data_params(path=str(path)))
        look(data_params(path=str(path), resize=True))
    faces = faces_of(rows.x, GREY_48)[:]
    assert faces.shape == (2, 48, 48)
    assert faces[0].std() > 0


def test_a_source_without_pictures_has_48_pixels(tmp_path, data_params):
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage\n")
    for place in ({"path": str(tmp_path / "fer2013.csv")}, {"source": "synthetic"}):
        peek(data_params(**place))
        with pytest.raises(ParamError, match=r"has 48x48 pixels; expected 64x64, data\.size"):
            peek(data_params(**place, size=64))


def test_colour_becomes_grey(tmp_path, write_zip):
    red = np.zeros((48, 48, 3), np.uint8)
    red[..., 2] = 200
    content = cv2.imencode(".png", red)[1].tobytes()
    files = {"grin/1.png": content, "wink/1.png": picture()}
    rows = read_path(write_zip(tmp_path / "colour.zip", files)).rows
    assert set(np.unique(small_grey(rows.x)[0])) <= {59, 60}  # 0.299 x 200, ITU-R BT.601


@pytest.mark.parametrize(
    "name", ["../grin/1.png", "/etc/1.png", "a/../../1.png", "..\\1.png", "C:\\1.png", "C:/1.png"]
)
def test_a_member_that_points_out_of_the_archive_is_refused(tmp_path, refused, two_folders, name):
    assert "points outside of the archive" in refused(two_folders | {name: picture()})
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(DataError, match="points outside of the archive"):
        read_path(tmp_path / "evil.tar.gz")


def test_an_archive_that_would_fill_the_memory_is_refused(refused, monkeypatch, two_folders):
    monkeypatch.setattr(archives, "MAX_TOTAL", 10_000)
    assert "at most 10,000 are read" in refused(two_folders)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_stands_twice_in_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        for _ in range(2):
            archive.writestr("grin/1.png", picture())
    with pytest.raises(DataError, match=r"has the member grin/1\.png more than once"):
        read_path(tmp_path / "twice.zip")


def test_an_empty_folder_and_an_empty_zip_are_refused(tmp_path, refused):
    with pytest.raises(DataError, match="is empty"):
        read_path(tmp_path)
    assert "is empty" in refused({})
    assert "is empty" in refused({"train/.DS_Store": b"x"})


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nowhere is not here"):
        read_path(tmp_path / "nowhere")


# --- counts


def test_a_path_of_another_computer_is_refused_with_the_cure(tmp_path, data_params):
    path = str(tmp_path / "elsewhere" / "faces.zip")
    with pytest.raises(DataError) as caught:
        load_images(data_params(path=path, sha256="ab"), seed=0)
    assert str(caught.value) == (
        f"data.path: {path} is not here. Set data.path in params.yaml to its place on this "
        "computer, or: ferflow use PRESET --set data.path=PATH"
    )


def test_every_difference_from_the_official_counts_is_told(tmp_path, ckplus, write_zip):
    collection = read_path(write_zip(tmp_path / "ck.zip", ckplus))
    assert counts_agree(collection) is False
    assert count_differences(collection)[0] == "all: 18 images of 'anger', officially 135"
    assert len(count_differences(collection)) == 7


def test_the_report_counts_each_split_and_class_and_keeps_the_warnings(zip_of_faces, data_params):
    from ferflow.core.hashing import sha256_of

    params = data_params(path=str(zip_of_faces), sha256=sha256_of(zip_of_faces))
    data = load_data(params, seed=0)
    splits, report = data.splits, data.report
    assert report["n"] == {"train": 14, "val": 7, "test": 7}
    assert report["per_class"]["train"] == dict.fromkeys(FER2013_LABELS, 2)
    assert report["official_counts"] is False
    assert report["official_file"] is None
    assert report["warnings"][0] == "Training: 2 images of 'angry', officially 3,995"
    assert len(report["warnings"]) == 21
    assert list(splits) == list(report["n"])


def test_complete_counts_are_no_difference(zip_of_faces):
    collection = read_path(zip_of_faces)
    official = {"Training": [2] * 7, "PublicTest": [1] * 7, "PrivateTest": [1] * 7}
    complete = type(collection)(collection.rows, collection.usage, official_counts=official)
    assert counts_agree(complete) is True
    assert data_report(complete, {})["warnings"] == []


def test_drawn_faces_have_no_official_counts(data_params):
    data = load_data(data_params(source="synthetic"), seed=1)
    assert data.report["official_counts"] is None
    assert data.report["warnings"] == []
    assert data.splits["train"].meta["split"] == "drawn independently"
