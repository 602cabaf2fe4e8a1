"""FER-2013's zip or folder: the official splits and labels, and every fault named."""

import zipfile

import cv2
import numpy as np
import pytest

from ferflow.core.errors import DataError, ParamError
from ferflow.core.hashing import sha256_of
from ferflow.download.labels import FER2013_COUNTS, FER2013_LABELS, FER2013_SPLITS
from ferflow.download.sources import describe, draw_data_set, load_images
from ferflow.images.faces import small_grey


@pytest.fixture
def refused(tmp_path, face_files, write_zip, read_splits):
    """Write the faces with some files changed as a zip and read it: the text of the DataError."""

    def read(changes, **options):
        files = {name: data for name, data in (face_files | changes).items() if data is not None}
        with pytest.raises(DataError) as caught:
            read_splits(write_zip(tmp_path / "changed.zip", files, **options))
        return str(caught.value)

    return read


def jpeg(channels=()):
    return cv2.imencode(".jpg", np.full((48, 48, *channels), 90, np.uint8))[1].tobytes()


def test_the_official_usages_and_labels_are_pinned():
    assert FER2013_SPLITS == {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
    assert FER2013_LABELS == (
        "angry",
        "disgust",
        "fear",
        "happy",
        "sad",
        "surprise",
        "neutral",
    )
    assert [sum(FER2013_COUNTS[usage]) for usage in FER2013_SPLITS] == [28_709, 3_589, 3_589]


def test_the_file_name_decides_the_split_and_the_folder_the_class(
    zip_of_faces, face_files, read_splits
):
    splits = read_splits(zip_of_faces)
    assert list(splits) == ["train", "val", "test"]
    usages = dict(zip(splits, ("Training_", "PublicTest_", "PrivateTest_"), strict=True))
    for name, split in splits.items():
        assert all(f"/{usages[name]}" in source for source in split.source_id)
        assert [split.labels[y] for y in split.y] == [s.split("/")[0] for s in split.source_id]
        assert {f"{source}.jpg" for source in split.source_id} <= {
            member.split("/", 1)[1] for member in face_files
        }
        assert split.labels == FER2013_LABELS
        assert split.original.all()
    assert [len(split) for split in splits.values()] == [14, 7, 7]


def test_rows_stand_in_the_order_of_their_numbers(zip_of_faces, read_splits):
    train = read_splits(zip_of_faces)["train"]
    numbers = [int(source.split("_")[1]) for source in train.source_id]
    assert numbers == sorted(numbers)
    assert numbers[0] < 10 < numbers[-1]


def test_each_row_holds_the_pixels_of_its_file(zip_of_faces, face_files, read_splits):
    pictures = {name.split("/", 1)[1][:-4]: data for name, data in face_files.items()}
    for split in read_splits(zip_of_faces).values():
        assert split.x.dtype == np.uint8
        for source, image in zip(split.source_id, split.x, strict=True):
            data = np.frombuffer(pictures[source], np.uint8)
            assert np.array_equal(image, cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def test_a_zip_and_its_unpacked_folder_give_the_same_splits(
    tmp_path, zip_of_faces, same_split, read_splits
):
    with zipfile.ZipFile(zip_of_faces) as archive:
        archive.extractall(tmp_path / "folder")
    (tmp_path / "folder" / "train" / ".DS_Store").write_bytes(b"no picture")
    from_zip, from_folder = read_splits(zip_of_faces), read_splits(tmp_path / "folder")
    for name, split in from_zip.items():
        same_split(from_folder[name], split)


@pytest.mark.parametrize("above", ["archive/", "./"])
def test_a_folder_above_and_hidden_files_do_not_matter(
    tmp_path, face_files, write_zip, zip_of_faces, same_split, read_splits, above
):
    files = {above: b""} | {f"{above}{name}": data for name, data in face_files.items()}
    files[f"{above}about.txt"] = b"no picture, and beside no picture"
    files["__MACOSX/archive/train/angry/._Training_1.jpg"] = b"no picture"
    nested = read_splits(write_zip(tmp_path / "nested.zip", files))
    for name, split in read_splits(zip_of_faces).items():
        same_split(nested[name], split)


def test_a_colour_picture_becomes_grey(tmp_path, face_files, write_zip, read_splits):
    files = face_files | {"train/happy/Training_1.jpg": jpeg(channels=(3,))}
    train = small_grey(read_splits(write_zip(tmp_path / "colour.zip", files))["train"].x)
    assert train.shape[1:] == (48, 48)
    assert abs(int(train[0].mean()) - 90) <= 1


def test_a_truncated_zip_is_refused(tmp_path, zip_of_faces, read_splits):
    content = zip_of_faces.read_bytes()
    (tmp_path / "cut.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"cut\.zip is not a complete zip file"):
        read_splits(tmp_path / "cut.zip")


@pytest.mark.parametrize("content", [b"", b"<html>Sign in to Kaggle</html>"], ids=["empty", "page"])
def test_a_file_that_is_no_zip_is_refused(tmp_path, content, read_splits):
    (tmp_path / "fer2013.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"fer2013\.zip is not a complete zip file"):
        read_splits(tmp_path / "fer2013.zip")


def test_a_missing_path_is_refused(tmp_path, read_splits):
    with pytest.raises(DataError, match=r"nothing\.zip is not here"):
        read_splits(tmp_path / "nothing.zip")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_is_refused(tmp_path, face_files, write_zip, compression, read_splits):
    path = write_zip(tmp_path / "damaged.zip", face_files, compression)
    content = bytearray(path.read_bytes())
    first = next(iter(face_files))
    start = 30 + len(first)  # a local header has 30 bytes and the name
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged\.zip: train/angry/.* cannot be read"):
        read_splits(path)


def test_an_encrypted_zip_is_refused(tmp_path, zip_of_faces, read_splits):
    content = bytearray(zip_of_faces.read_bytes())
    with zipfile.ZipFile(zip_of_faces) as archive:
        directory = archive.start_dir
    content[6] |= 1  # the flag "encrypted" of the first member, here and in the directory
    content[directory + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"locked\.zip"):
        read_splits(tmp_path / "locked.zip")


def test_a_misspelt_class_is_refused_with_the_nearest(refused):
    message = refused({"train/hapy/Training_1.jpg": jpeg()})
    assert "train/hapy/Training_1.jpg" in message
    assert "Did you mean 'happy'?" in message


@pytest.mark.parametrize(
    "name",
    [
        "train/happy/Train_1.jpg",
        "train/happy/Training_x.jpg",
        "train/happy/1.jpg",
        "train/happy/Training_1.jpg.jpg",
    ],
)
def test_a_file_name_without_usage_and_number_is_refused(refused, name):
    message = refused({name: jpeg()})
    assert message.startswith(name)
    assert "Training, PublicTest, PrivateTest" in message


def test_a_readme_beside_the_folders_is_left_out(
    tmp_path, face_files, write_zip, zip_of_faces, same_split, read_splits
):
    path = write_zip(tmp_path / "read.zip", face_files | {"README.txt": b"x", "a/b.csv": b"x"})
    splits = read_splits(zip_of_faces)
    for name, split in read_splits(path).items():
        same_split(split, splits[name])


def test_a_picture_in_no_class_folder_is_refused(refused):
    assert "the folder must be named after a class" in refused({"Training_1.jpg": jpeg()})


@pytest.mark.parametrize("content", [b"", b"no picture", jpeg()[:200]])
def test_an_unreadable_picture_is_refused_by_name(refused, content):
    message = refused({"train/happy/Training_1.jpg": content})
    assert message.startswith("train/happy/Training_1.jpg is not a readable picture")
    assert f"({len(content)} bytes)" in message


def test_a_huge_member_is_refused_before_it_is_unpacked(refused):
    bomb = {"train/happy/Training_1.jpg": bytes(2 << 20)}
    assert "is too large for a face: 2,097,152 bytes" in refused(
        bomb, compression=zipfile.ZIP_DEFLATED
    )


@pytest.mark.parametrize("usage", FER2013_SPLITS)
def test_a_missing_split_is_refused(refused, face_files, usage):
    message = refused({name: None for name in face_files if f"/{usage}_" in name})
    assert f"has no {usage} images" in message


def test_data_is_read_only_with_the_fingerprint_that_params_name(
    zip_of_faces, same_split, read_splits, data_params
):
    params = data_params(path=str(zip_of_faces), sha256=sha256_of(zip_of_faces))
    expected = read_splits(zip_of_faces)
    for name, split in load_images(params, seed=0).items():
        same_split(split, expected[name])
    with zip_of_faces.open("ab") as file:
        file.write(b"x")
    with pytest.raises(ParamError, match=r"data\.path: .*zip has the sha256.*ferflow use"):
        load_images(params, seed=0)


@pytest.mark.parametrize("missing", ["path", "sha256"])
def test_a_path_without_fingerprint_or_the_other_way_round_is_refused(missing, data_params):
    given = {"path": "fer.zip", "sha256": "0" * 64} | {missing: None}
    with pytest.raises(ParamError, match=r"data\.path and data\.sha256 are needed"):
        load_images(data_params(**given), seed=0)


def test_the_drawn_data_set_has_every_class_in_every_split():
    splits = draw_data_set(200, seed=1)
    assert list(splits) == ["train", "val", "test"]
    for name, split in splits.items():
        assert min(split.class_counts().values()) >= (6 if name == "train" else 1)
    sources = np.concatenate([split.source_id for split in splits.values()])
    assert len(set(sources)) == len(sources)
    assert f"train {len(splits['train']):>7,} images" in describe(splits)


def test_no_drawn_face_is_in_two_splits():
    splits = draw_data_set(200, seed=1)
    faces = [image.tobytes() for split in splits.values() for image in split.x]
    assert len(set(faces)) == len(faces)


def test_one_number_may_stand_in_two_classes_but_not_twice_in_one(
    tmp_path, face_files, write_zip, read_splits
):
    """Kaggle's FER-2013 has two such numbers."""
    content = next(iter(face_files.values()))
    shared = face_files | {"train/fear/Training_27.jpg": content}
    splits = read_splits(write_zip(tmp_path / "shared.zip", shared))
    assert len(np.unique(splits["train"].source_id)) == len(splits["train"])
    twice = face_files | {"again/train/angry/Training_27.jpg": content}
    with pytest.raises(DataError, match="more than one picture named angry/Training_27"):
        read_splits(write_zip(tmp_path / "twice.zip", twice))
