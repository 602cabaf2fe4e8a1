"""FER-2013's CSV: both official layouts, and every impossible row named."""

import gzip
import hashlib
import io
import tarfile

import numpy as np
import pytest

from ferflow.core.errors import DataError
from ferflow.download.formats import fer_csv
from ferflow.download.labels import FER2013_SPLITS
from ferflow.download.sources import read_path

PIXELS = 48 * 48


def text_of(image):
    return " ".join(map(str, image.ravel()))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 48, 48), dtype=np.uint8)


@pytest.fixture(scope="module")
def rows(images):
    """Two rows of each usage: emotion, pixels, Usage; the usages stand mixed."""
    usages = ["PrivateTest", "Training", "PublicTest"] * 2
    return [[str(i), text_of(image), usages[i]] for i, image in enumerate(images)]


@pytest.fixture
def write_csv(tmp_path):
    def write(rows, header="emotion,pixels,Usage", end="\n", name="fer2013.csv"):
        lines = [header, *(",".join(row) for row in rows)]
        (tmp_path / name).write_bytes((end.join(lines) + end).encode())
        return tmp_path / name

    return write


@pytest.fixture
def refused(rows, write_csv):
    """The message about the CSV in which one field of row 4 (the third image) is changed."""

    def read(**changes):
        changed = [list(row) for row in rows]
        for column, value in changes.items():
            changed[2][["emotion", "pixels", "usage"].index(column)] = value
        with pytest.raises(DataError) as caught:
            read_path(write_csv(changed))
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)

    return read


def test_each_row_becomes_the_image_class_and_split_that_it_says(images, rows, write_csv):
    collection = read_path(write_csv(rows))
    assert np.array_equal(collection.rows.x, images)
    assert collection.rows.y.tolist() == [0, 1, 2, 3, 4, 5]
    assert collection.usage.tolist() == [usage for *_, usage in rows]
    assert collection.rows.source_id.tolist() == [
        f"{usage}_{i:05d}" for i, (*_, usage) in enumerate(rows)
    ]
    assert collection.splits == FER2013_SPLITS


def test_the_splits_are_the_usages(images, rows, write_csv, read_splits):
    splits = read_splits(write_csv(rows))
    assert {name: split.y.tolist() for name, split in splits.items()} == {
        "train": [1, 4],
        "val": [2, 5],
        "test": [0, 3],
    }
    for split in splits.values():
        assert np.array_equal(split.x, images[split.y])


def test_the_second_layout_and_other_line_ends_give_the_same(images, rows, write_csv):
    """icml_face_data.csv has other positions and spaces in its header."""
    turned = [[label, usage, pixels] for label, pixels, usage in rows]
    for end in ("\n", "\r\n"):
        path = write_csv(turned, "emotion, Usage, pixels", end, name="icml_face_data.csv")
        assert np.array_equal(read_path(path).rows.x, images)


def test_a_tar_gz_and_a_zip_around_it_give_the_same(tmp_path, images, rows, write_csv, write_zip):
    path = write_csv(rows)
    with tarfile.open(tmp_path / "fer2013.tar.gz", "w:gz") as archive:
        archive.add(path, "fer2013/fer2013.csv")
        archive.addfile(tarfile.TarInfo("fer2013/README"), io.BytesIO())
    zipped = write_zip(tmp_path / "fer2013.zip", {"fer2013/fer2013.csv": path.read_bytes()})
    for source in (tmp_path / "fer2013.tar.gz", zipped):
        assert np.array_equal(read_path(source).rows.x, images)


def quoted(fields):
    return [f'"{field}"' for field in fields]


WRITERS = {  # header, what becomes of [row number, *row], line end, what follows the last line
    "quoted pixels": ("emotion,pixels,Usage", lambda r: [r[1], *quoted(r[2:3]), r[3]], "\n", ""),
    "csv.QUOTE_ALL": ('"emotion","pixels","Usage"', lambda r: quoted(r[1:]), "\n", ""),
    "R, write.csv": ('"","emotion","pixels","Usage"', quoted, "\n", ""),
    "R, write.table": ('"emotion","pixels","Usage"', quoted, "\n", ""),
    "pandas": (",emotion,pixels,Usage", lambda r: r, "\n", ""),
    "pandas, twice": ("Unnamed: 0,emotion,pixels,Usage", lambda r: r, "\n", "\n"),
    "Excel": ("\ufeffemotion,pixels,Usage", lambda r: r[1:], "\r\n", ",,\r\n"),
    "Excel, Europe": ("emotion;pixels;Usage", lambda r: [";".join(r[1:])], "\r\n", "\r\n"),
    "with tabs": ("emotion\tpixels\tUsage", lambda r: ["\t".join(r[1:])], "\n", ""),
    "lower case": ("emotion,pixels,usage", lambda r: [*r[1:3], r[3].lower()], "\n", "\n\n"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_what_other_programs_write_is_read_as_the_original(images, rows, write_csv, writer):
    header, change, end, last = WRITERS[writer]
    path = write_csv([change([str(i), *row]) for i, row in enumerate(rows)], header, end)
    with path.open("ab") as file:
        file.write(last.encode())
    collection, original = read_path(path), read_path(write_csv(rows, name="original.csv"))
    assert np.array_equal(collection.rows.x, images)
    assert np.array_equal(collection.rows.y, original.rows.y)
    assert collection.usage.tolist() == original.usage.tolist()
    assert collection.rows.source_id.tolist() == original.rows.source_id.tolist()


def test_quotes_that_do_not_end_are_refused(rows, write_csv):
    path = write_csv([['"' + label, *more] for label, *more in rows])
    with pytest.raises(DataError, match=r"fer2013\.csv, row \d+"):
        read_path(path)


def test_kaggles_train_and_test_csv_say_what_is_missing(tmp_path, images, rows, write_csv):
    """As torchvision has them: no Usage in one, no emotion in the other."""
    write_csv(
        [[label, f'"{pixels}"'] for label, pixels, _ in rows], "emotion,pixels", name="train.csv"
    )
    write_csv([[f'"{pixels}"'] for _, pixels, _ in rows], "pixels", name="test.csv")
    collection = read_path(tmp_path)
    assert np.array_equal(collection.rows.x, images)
    assert "test.csv has no column emotion: its images cannot be used" in collection.notes
    assert collection.no_splits == (
        "train.csv has no column Usage, and test.csv no column emotion: the val and test images of "
        "FER-2013 are missing; fer2013.csv and icml_face_data.csv have them"
    )
    with pytest.raises(
        DataError, match=r"test\.csv has no column emotion: like test\.csv of Kaggle's"
    ):
        read_path(tmp_path / "test.csv")


def test_tables_of_parts_are_official_splits(tmp_path, images, rows, write_csv):
    for name, taken in {"train": rows, "test": rows[::-1]}.items():
        write_csv([row[:2] for row in taken], "emotion,pixels", name=f"{name}.csv")
    collection = read_path(tmp_path)
    assert collection.splits == {"train": "train", "test": "test"}
    assert collection.usage.tolist() == ["test"] * 6 + ["train"] * 6
    assert np.array_equal(collection.rows.x[6:], images)


def test_two_tables_without_parts_are_not_guessed_among(tmp_path, rows, write_csv):
    for name in ("a.csv", "b.csv"):
        write_csv(rows, name=name)
    with pytest.raises(DataError, match=r"several tables with pixels \(a\.csv, b\.csv\)"):
        read_path(tmp_path)


def test_another_csv_beside_it_does_not_matter(tmp_path, images, rows, write_csv):
    write_csv(rows, name="mine.csv")
    (tmp_path / "submission.csv").write_text("id,emotion\n1,2\n")
    assert np.array_equal(read_path(tmp_path).rows.x, images)


def test_fer_plus_beside_it_is_offered(tmp_path, rows, write_csv):
    path = write_csv(rows)
    (tmp_path / "fer2013new.csv").write_text("Usage,Image name,neutral\nTraining,fer0.png,4\n")
    assert len(read_path(path).notes) == 1
    notes = read_path(tmp_path).notes
    assert len(notes) == 2 and "data.labels=ferplus" in notes[1]


def test_an_official_file_is_known_by_its_md5(rows, write_csv, monkeypatch):
    path = write_csv(rows)
    collection = read_path(path)
    assert collection.official_file is False
    assert "not one of the official files" in collection.notes[0]
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setitem(fer_csv.OFFICIAL_MD5, md5, "fer2013.csv")
    collection = read_path(path)
    assert collection.official_file is True
    assert collection.notes == ("fer2013.csv is the official fer2013.csv",)


@pytest.mark.parametrize("n", [PIXELS - 1, PIXELS + 1])
def test_a_row_of_too_few_or_too_many_pixels_is_named(refused, n):
    message = refused(pixels=" ".join(["7"] * n))
    assert message == f"fer2013.csv, row 4: {n:,} pixels, expected 2,304 (48x48)."


@pytest.mark.parametrize("value", ["256", "-1", "1.5", "x", "1e2", "3x", "99999999999999999999"])
@pytest.mark.parametrize("position", [1, 700, PIXELS])
def test_an_impossible_pixel_is_named(refused, value, position):
    words = ["7"] * PIXELS
    words[position - 1] = value
    message = refused(pixels=" ".join(words))
    assert message == (
        f"fer2013.csv, row 4: pixel {position} must be a whole number from 0 to 255; got '{value}'."
    )


def test_a_row_without_pixels_is_named(refused):
    assert "row 4: 0 pixels, expected 2,304" in refused(pixels="")


@pytest.mark.parametrize("value", ["7", "-1", "", "1.0", "happy"])
def test_an_impossible_label_is_named(refused, value):
    message = refused(emotion=value)
    assert "row 4: emotion must be one of 0, 1, 2, 3, 4, 5, 6" in message
    assert f"got '{value}'" in message


def test_an_unknown_usage_is_named_with_the_nearest(refused):
    message = refused(usage="Trainig")
    assert "row 4: Usage must be one of Training, PublicTest, PrivateTest" in message
    assert "Did you mean 'Training'?" in message


def test_a_row_of_too_many_fields_is_named(refused):
    assert "row 4: 4 fields, expected 3" in refused(usage="Training,")


def test_a_usage_without_images_is_named(rows, write_csv):
    with pytest.raises(DataError, match="has no PublicTest images"):
        read_path(write_csv([row for row in rows if row[2] != "PublicTest"]))


def test_a_csv_without_header_is_refused(rows, write_csv):
    path = write_csv(rows[1:], header=",".join(rows[0]))
    with pytest.raises(DataError, match=r"must begin with the header emotion,pixels,Usage"):
        read_path(path)


def test_a_header_alone_is_refused(write_csv):
    with pytest.raises(DataError, match="has a header but no images"):
        read_path(write_csv([]))


@pytest.mark.parametrize(
    "content", [b"", bytes(range(256)) * 999, b"\x00" * 999_999, b"<html>Sign in</html>\n"]
)
def test_what_is_no_csv_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "fer2013.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"^fer2013\.csv") as caught:
        read_path(tmp_path / "fer2013.csv")
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 400


def test_a_row_without_end_is_refused(rows, write_csv):
    path = write_csv(rows)
    with path.open("ab") as file:
        file.write(b"7 " * 100_000)
    with pytest.raises(DataError, match="row 8 is longer than"):
        read_path(path)


@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_truncated_tar_gz_is_refused(tmp_path, rows, write_csv, kept):
    path = tmp_path / "fer2013.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(write_csv(rows), "fer2013/fer2013.csv")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match=r"fer2013\.tar\.gz"):
        read_path(path)


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(b"no tar", mtime=0)])
def test_what_is_no_tar_gz_is_refused(tmp_path, content):
    (tmp_path / "fer2013.tar.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"not a complete tar\.gz file|is empty"):
        read_path(tmp_path / "fer2013.tar.gz")


def test_a_tar_gz_of_pictures_is_refused(tmp_path):
    with tarfile.open(tmp_path / "fer.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("train/happy/Training_1.jpg"), io.BytesIO())
    with pytest.raises(DataError, match=r"has no CSV of FER-2013. Pack pictures as a zip"):
        read_path(tmp_path / "fer.tar.gz")
