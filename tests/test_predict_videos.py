"""`ferflow predict` on videos, and the annotated copies of videos and pictures."""

import json

import cv2
import numpy as np
import pytest
from recognition_data import FACES, picture_of, predict_in

from ferflow.recognition import predict as module


@pytest.fixture
def run(model_folder, tmp_path, monkeypatch):
    return predict_in(tmp_path, monkeypatch, model_folder)


def write_video(path, n_frames=20, size=(320, 240)):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, size)
    assert writer.isOpened()
    for number in range(n_frames):
        frame = picture_of(FACES[3], 120, (60 + number, 60), size)
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_every_frame_of_a_video_has_an_answer(run, tmp_path, monkeypatch):
    write_video(tmp_path / "clip.avi")
    done = run("clip.avi", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["frame"] for row in rows] == list(range(20))
    assert rows[15]["seconds"] == 1.5
    assert all(row["faces"] for row in rows)
    monkeypatch.setattr(module, "_FRAMES_AT_ONCE", 7)
    assert run("clip.avi", "--json").stdout == done.stdout


def test_of_a_broken_video_the_good_frames_are_answered(run, tmp_path):
    content = write_video(tmp_path / "clip.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 2])
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(3000))
    (tmp_path / "none.mov").write_bytes(b"")
    done = run("cut.avi", "noise.mp4", "none.mov", "clip.avi", "absent.mkv")
    assert done.stdout.count("clip.avi frame") == 20
    assert 5 <= done.stdout.count("cut.avi frame") < 18
    assert [line.split()[1] for line in done.stderr.splitlines()] == [
        "cut.avi",
        "noise.mp4",
        "none.mov",
        "absent.mkv",
    ]
    assert "broken video" in done.stderr


def test_annotated_copies_keep_their_place_and_their_size(run, tmp_path):
    write_video(tmp_path / "clip.avi")
    done = run("album", "album/2.png", "clip.avi", "--annotate", "out")
    assert done.exit_code == 1  # for the bad files
    written = {str(path.relative_to(tmp_path)) for path in (tmp_path / "out").rglob("*.*")}
    assert written == {
        "out/2-faces.jpg",
        "out/2-2-faces.jpg",
        "out/10-faces.jpg",
        "out/deep/empty room-faces.jpg",
        "out/clip-faces.mp4",
        "out/clip-timeline.csv",
        "out/clip-timeline.png",
    }
    picture = cv2.imread(str(tmp_path / "out/2-faces.jpg"))
    assert picture.shape == (480, 640, 3)
    coloured = np.ptp(picture.astype(int), axis=2) > 60
    assert 300 < coloured.sum() < 20_000  # the box and the letters on a grey picture
    video = cv2.VideoCapture(str(tmp_path / "out/clip-faces.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 20


def test_annotated_copies_never_lie_where_pictures_are_read(run, tmp_path):
    for place in ("album", "album/out"):
        assert "is an input" in str(run("album", "--annotate", place).exception)
    assert not (tmp_path / "album/out").exists()


def test_a_folder_for_copies_that_cannot_be_made(run, tmp_path):
    (tmp_path / "face.txt").touch()
    assert "cannot be made" in str(run("album", "--annotate", "face.txt/x").exception)
