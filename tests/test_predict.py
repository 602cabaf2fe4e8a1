"""`ferflow predict`: many inputs, good and bad, and the forms of its answers."""

import csv
import io
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from film import write_film
from picture_folders import unpacked
from PIL import Image
from recognition_data import ALBUM, FACES, PICTURE, picture_of, predict_in
from typer.testing import CliRunner

from ferflow.cli import app
from ferflow.core.errors import FerflowError
from ferflow.download.labels import FER2013_LABELS
from ferflow.recognition import predict as module
from ferflow.recognition.inputs import find_inputs
from ferflow.recognition.recognizer import Recognizer


@pytest.fixture
def run(model_folder, tmp_path, monkeypatch):
    return predict_in(tmp_path, monkeypatch, model_folder)


@pytest.fixture
def folder(tmp_path):
    return unpacked(tmp_path / "album", ALBUM)


def test_a_folder_is_read_in_order_and_bad_files_are_listed_at_the_end(run):
    done = run("album")
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "album/2.png",
        "album/10.png",
        "album/deep/empty room.png",
    ]
    assert lines[2].endswith("no face found")
    assert done.stderr.splitlines() == [
        "note: in album 1 file is not a picture or video by name: notes.txt",
        "error: album/noise.jpg is not a picture; legal: "
        "JPEG, PNG, BMP, GIF, PPM, TIFF, WEBP, AVIF, HEIC.",
        "error: album/zero.jpg is empty (0 bytes).",
    ]
    assert done.exit_code == 1
    assert str(done.exception) == "2 of 5 inputs could not be read."


def in_a_process(folder, *words):
    environment = os.environ | {"PYTHONPATH": os.fspath(module.__file__).rsplit("/ferflow/", 1)[0]}
    options = {"capture_output": True, "text": True, "cwd": folder, "env": environment}
    return subprocess.run([sys.executable, *words], **options, check=False)


def test_the_exit_code_of_the_command_itself(folder, model_folder):
    command = ("-m", "ferflow", "predict", "--model", model_folder)
    done = in_a_process(folder, *command, "2.png", "zero.jpg")
    assert done.returncode == 1
    assert done.stdout.startswith("2.png: ")
    assert done.stderr == (
        "error: zero.jpg is empty (0 bytes).\nerror: 1 of 2 inputs could not be read.\n"
    )


def test_json_is_a_line_for_each_picture(run):
    rows = [json.loads(line) for line in run("album", "--json").stdout.splitlines()]
    assert [len(row["faces"]) for row in rows] == [1, 1, 0]
    face = rows[0]["faces"][0]
    assert list(face["probabilities"]) == list(FER2013_LABELS)
    assert sum(face["probabilities"].values()) == pytest.approx(1)
    assert set(face["box"]) == {"left", "top", "width", "height"}


def test_csv_has_a_row_for_each_face_and_each_picture_without(run):
    rows = list(csv.DictReader(io.StringIO(run("album", "--csv").stdout)))
    assert [row["label"] != "" for row in rows] == [True, True, False]
    assert sum(float(rows[0][name]) for name in FER2013_LABELS) == pytest.approx(1, abs=1e-5)
    assert {None} & set(rows[2]) == set()


def test_json_and_csv_exclude_each_other(run):
    assert "exclude" in str(run("album", "--json", "--csv").exception)


def test_globs_are_expanded_and_one_that_matches_nothing_is_told(run):
    done = run("album/*.png", "album/**/*.tif", "--csv")
    assert [row["path"] for row in csv.DictReader(io.StringIO(done.stdout))] == [
        "album/2.png",
        "album/10.png",
    ]
    assert "album/**/*.tif matches no file." in done.stderr


def test_a_file_whose_name_looks_like_a_glob_is_a_file(run, folder):
    (folder / "[1].png").write_bytes(PICTURE)
    done = run("album/[1].png")
    assert (done.exit_code, done.stdout.count("album/[1].png: ")) == (0, 1)


def test_a_name_that_is_not_utf_8_is_printed_in_every_form(run, folder):
    name = os.fsdecode(b"album/caf\xe9.png")
    (folder.parent / name).write_bytes(PICTURE)
    assert "caf\\udce9.png: " in run(name).stdout
    (line,) = run(name, "--json").stdout.splitlines()
    assert json.loads(line)["path"] == name
    (folder.parent / name).rename(folder / os.fsdecode(b"caf\xe9.mp4"))
    assert "its name is not UTF-8" in run(name.replace("png", "mp4")).stderr


def test_standard_input(run):
    done = run("-", content=PICTURE)
    assert done.stdout.startswith("standard input: ")
    assert "standard input is empty" in run("-", content=b"").stderr


def test_a_picture_too_large_for_a_jpeg_is_named_and_the_others_are_annotated(run, tmp_path):
    cv2.imwrite(str(tmp_path / "wide.png"), np.zeros((4, 65_501), np.uint8))
    done = run("wide.png", "album/2.png", "--no-detect", "--annotate", "out")
    assert done.exit_code == 1
    assert "error: wide.png has 65,501 x 4 pixels; --annotate writes JPEGs" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["2-faces.jpg"]


def test_standard_input_that_does_not_end_is_given_up(run, monkeypatch):
    monkeypatch.setattr(module, "_MAX_STDIN", 1000)
    done = run("-", content=bytes(1001))
    assert done.exit_code == 1
    assert "standard input is too large: at most 1,000 bytes are read." in done.stderr


def test_batches_do_not_change_the_answers(run, monkeypatch):
    together = run("album").stdout
    monkeypatch.setattr(module, "_PICTURES_AT_ONCE", 1)
    assert run("album").stdout == together


def test_ten_thousand_pictures_are_not_in_memory_at_once(monkeypatch, tmp_path):
    """Reading goes no further ahead of the answers than a batch."""
    read = []
    names = find_inputs([str(tmp_path / f"{number}.png") for number in range(10_000)], pytest.fail)

    class Model:
        threads = 2

        def name(self, *_):
            return []

    def look(item, **_):
        read.append(item)
        return module._Seen(item, module.Result(item.name))

    monkeypatch.setattr(module, "_look_at_picture", look)
    ahead = []
    module.predict(list(names), Model(), lambda _: ahead.append(len(read) - len(ahead)))
    assert len(read) == len(ahead) == 10_000
    assert max(ahead) <= module._PICTURES_AT_ONCE


def test_the_number_of_threads_does_not_change_the_answers(run):
    assert run("album", "--threads", "1").stdout == run("album", "--threads", "3").stdout


def test_without_detection_a_face_is_named_as_it_is(run, tmp_path):
    (tmp_path / "face.png").write_bytes(cv2.imencode(".png", FACES[3])[1].tobytes())
    hint = "if the picture is a face already, --no-detect names it"
    assert run("face.png", "--detector", "haar").stdout == f"face.png: no face found ({hint})\n"
    assert json.loads(run("face.png", "--json", "--detector", "haar").stdout)["note"] == hint
    assert "48x48 pixels at 0,0" in run("face.png", "--no-detect").stdout


def test_an_animation_says_that_its_first_frame_was_read(run, tmp_path):
    frames = [Image.fromarray(picture_of(face)) for face in FACES[3:5]]
    frames[0].save(tmp_path / "both.gif", save_all=True, append_images=frames[1:])
    assert "(the first of 2 frames)" in run("both.gif").stdout
    small = [frame.resize((48, 36)) for frame in frames]
    small[0].save(tmp_path / "small.gif", save_all=True, append_images=small[1:])
    assert "(the first of 2 frames; if the picture is a face" in (
        run("small.gif", "--detector", "haar").stdout
    )


def test_an_unreadable_folder_is_a_line(run, monkeypatch):
    walk = os.scandir

    def scandir(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return walk(path)

    monkeypatch.setattr(os, "scandir", scandir)
    done = run("album")
    assert "error: album/deep cannot be read: Permission denied." in done.stderr
    assert done.stdout.count("\n") == 2


def test_a_folder_without_pictures(run, tmp_path):
    (tmp_path / "bare").mkdir()
    done = run("bare")
    assert "bare has no picture or video" in done.stderr
    assert done.exit_code == 1


def test_all_that_telephones_write_is_found_in_a_folder(run, tmp_path):
    import pillow_heif

    pillow_heif.register_heif_opener()
    (tmp_path / "phone").mkdir()
    picture = Image.fromarray(picture_of(FACES[3])).convert("RGB")
    for name, form in {"a.jpg": "JPEG", "b.HEIC": "HEIF", "c.avif": "AVIF"}.items():
        picture.save(tmp_path / "phone" / name, form, quality=90)
    picture.save(tmp_path / "phone/d.jfif", "JPEG")
    write_film(tmp_path / "phone/e.MP4", [np.asarray(picture)] * 3, [0, 0.1, 0.2])
    done = run("phone")
    assert (done.exit_code, done.stderr) == (0, "")
    answered = [line.split(": ")[0] for line in done.stdout.splitlines()]
    assert [name.split()[0].removeprefix("phone/") for name in answered] == [
        *("a.jpg", "b.HEIC", "c.avif", "d.jfif"),
        *["e.MP4"] * 3,
    ]
    assert "no face" not in done.stdout


def test_heic_without_its_codec_is_an_error_and_the_others_are_answered(run, folder, without):
    import pillow_heif

    pillow_heif.register_heif_opener()
    Image.fromarray(picture_of(FACES[3])).save(folder / "3.heic")
    without("pillow_heif")
    done = run("album/2.png", "album/3.heic")
    assert done.stdout.startswith("album/2.png: ")
    assert done.stderr == (
        "error: album/3.heic is a HEIC picture, which needs one more package: "
        "pip install 'ferflow[media]'.\n"
    )
    assert done.exit_code == 1


def test_what_is_passed_over_in_a_folder_is_told(run, tmp_path):
    folder = tmp_path / "mixed"
    (folder / "deep").mkdir(parents=True)
    (folder / ".thumbnails").mkdir()
    for name in ("deep/x.png", ".hidden.png", "._x.png", ".thumbnails/x.png"):
        (folder / name).write_bytes(PICTURE)
    for number in range(6):
        (folder / f"notes {number}.txt").touch()
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "deep/letter\x1b[2J.doc", "no suffix"):
        (folder / name).touch()
    (folder / "link").symlink_to(tmp_path / "album")
    done = run("mixed")
    assert done.exit_code == 0
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == ["mixed/deep/x.png"]
    assert done.stderr.splitlines() == [
        "note: in mixed 8 files are not pictures or videos by name: "
        "no suffix, notes 0.txt, notes 1.txt, notes 2.txt, notes 3.txt, ...",
        "note: in mixed links to folders are not followed; name them: link",
    ]
    (folder / "deep/x.png").unlink()
    told = run("mixed/deep").stderr.splitlines()
    assert "letter\\x1b[2J.doc" in told[0]
    assert told[1].startswith("error: mixed/deep has no picture or video; legal: .jpg")


def test_several_faces_are_numbered_from_left_to_right_in_every_form(run, tmp_path):
    picture = picture_of(FACES[3], 120, (400, 60))
    picture[200:320, 60:180] = cv2.resize(FACES[5], (120, 120))
    cv2.imwrite(str(tmp_path / "two.png"), picture)
    text = run("two.png").stdout.splitlines()
    faces = json.loads(run("two.png", "--json").stdout)["faces"]
    rows = list(csv.DictReader(io.StringIO(run("two.png", "--csv").stdout)))
    assert [line.split()[1] for line in text] == ["1", "2"]
    assert [face["number"] for face in faces] == [1, 2]
    assert [row["face"] for row in rows] == ["1", "2"]
    assert faces[0]["box"]["left"] < 100 < 350 < faces[1]["box"]["left"]
    assert [row["left"] for row in rows] == [str(face["box"]["left"]) for face in faces]
    assert run("album/2.png").stdout.split()[1] != "1"  # a picture's only face has none


def test_a_picture_needs_neither_codecs_nor_what_is_for_videos(folder, model_folder):
    script = """
import sys
from ferflow.cli import app
app(sys.argv[1:], standalone_mode=False)
print(*sorted(set(sys.modules) & set(NAMES)), file=sys.stderr)
"""
    ours = ("video.series", "video.timeline", "copies")
    names = ["av", "pillow_heif", "PIL.ImageFont", *(f"ferflow.recognition.{k}" for k in ours)]
    words = ("-c", script.replace("NAMES", repr(names)), "predict", "--model", model_folder)
    done = in_a_process(folder, *words, "2.png")
    assert done.stderr == "\n"
    assert done.stdout.startswith("2.png: ")


def test_without_a_model_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("ferflow.recognition.recognizer.BUNDLED", tmp_path)
    done = CliRunner().invoke(app, ["predict", "x.png"])
    assert isinstance(done.exception, FerflowError)


def test_paths_count_from_where_the_user_is(workplace, model_folder, monkeypatch):
    (workplace / "dvc.yaml").touch()
    monkeypatch.setenv("DVC_ROOT", "")  # set by the command; this puts it back
    monkeypatch.delenv("DVC_ROOT")
    below = workplace / "below"
    below.mkdir()
    (below / "x.png").write_bytes(PICTURE)
    monkeypatch.chdir(below)
    done = CliRunner().invoke(app, ["predict", "x.png", "--model", str(model_folder)])
    assert done.exit_code == 0
    assert os.environ["DVC_ROOT"] == str(workplace)
    monkeypatch.delenv("DVC_ROOT")


def test_a_picture_of_pillows_is_answered_like_its_file(folder, model_folder):
    recognizer = Recognizer(model_folder)
    with Image.open(folder / "2.png") as picture:
        assert recognizer(picture) == recognizer(folder / "2.png") != []
