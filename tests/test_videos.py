"""Videos: read with their times, followed face by face, and written so that browsers play them."""

import csv
import json
from itertools import chain

import av
import cv2
import numpy as np
import pytest
from film import turned, write_film, write_sound
from recognition_data import FACES, picture_of, predict_in

from ferflow.core.errors import DataError
from ferflow.recognition.boxes import Box
from ferflow.recognition.recognizer import Face
from ferflow.recognition.results import Result
from ferflow.recognition.video.reading import Video
from ferflow.recognition.video.series import Series
from ferflow.recognition.video.timeline import Timeline
from ferflow.recognition.video.writing import writing_video

UNEVEN = [0, 0.04, 0.08, 0.5, 0.54, 2.0, 2.04, 2.1, 3.0, 3.5]  # seconds
SMALL = (160, 120)  # width, height


def grey_frames(n, size=SMALL):
    width, height = size
    return [np.full((height, width), 20 + 20 * k, np.uint8) for k in range(n)]


@pytest.fixture
def run(model_folder, tmp_path, monkeypatch):
    return predict_in(tmp_path, monkeypatch, model_folder)


@pytest.fixture
def clip(tmp_path):
    """Two faces from the second frame on, the left one there from the first; 12 frames a second."""
    frames = []
    for k in range(12):
        frame = picture_of(FACES[3], 100, (20 + 4 * k, 60), (400, 240))
        if k:
            frame[60:160, 250:350] = cv2.resize(FACES[5], (100, 100))
        frames.append(frame)
    return write_film(tmp_path / "clip.mp4", frames, np.arange(12) / 12)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx-vp9")]
)
@pytest.mark.parametrize("start", [0, 5])
def test_frames_have_the_times_that_their_container_gives(tmp_path, name, codec, start):
    path = write_film(tmp_path / name, grey_frames(10), [start + t for t in UNEVEN], codec)
    video = Video(path)
    frames = list(video)
    assert [at for at, _ in frames] == pytest.approx(UNEVEN, abs=1e-3)
    assert [round(pixels.mean() / 20) for _, pixels in frames] == list(range(1, 11))
    video.check_end()  # Matroska announces 106 frames, for it counts none


def test_without_times_the_rate_tells_them(tmp_path):
    path = tmp_path / "bare.mp4"  # a stream without a container
    with av.open(str(path), "w", format="h264") as bare:
        stream = bare.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SMALL, "yuv420p"
        for pixels in grey_frames(5):
            bare.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="gray")))
        bare.mux(stream.encode())
    assert [at for at, _ in Video(path)] == pytest.approx(np.arange(5) / 25)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_telephones_video_is_upright(tmp_path, degrees):
    """Half white, half black: where the white lies tells the turn."""
    frame = np.zeros((120, 160), np.uint8)
    frame[:40] = 250
    write_film(tmp_path / "a.mp4", [frame] * 3, [0, 0.1, 0.2])
    path = tmp_path / "turned.mp4"
    path.write_bytes(turned((tmp_path / "a.mp4").read_bytes(), degrees))
    _, pixels = next(iter(Video(path)))
    expected = np.rot90(frame, -degrees // 90)
    assert pixels.shape[:2] == expected.shape
    assert np.abs(pixels[..., 0].astype(int) - expected)[::10, ::10].mean() < 5


def test_videos_without_pictures_are_one_line(tmp_path, run):
    write_sound(tmp_path / "sound.mp4")
    with av.open(str(tmp_path / "none.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    (tmp_path / "empty.mp4").touch()
    done = run("sound.mp4", "none.mp4", "empty.mp4", "--annotate", "out")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        *(
            f"error: {name}.mp4 cannot be read as a video: it is damaged, of an unknown format or "
            "without frames."
            for name in ("sound", "none")
        ),
        "error: empty.mp4 is empty (0 bytes).",
    ]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_video_cut_in_half_is_a_broken_one(tmp_path):
    content = write_film(tmp_path / "a.webm", grey_frames(10) * 6, np.arange(60) / 30, "libvpx-vp9")
    whole = content.read_bytes()
    (tmp_path / "cut.webm").write_bytes(whole[: len(whole) // 2])
    video = Video(tmp_path / "cut.webm")
    assert 0 < len(list(video)) < 50
    with pytest.raises(DataError, match="broken video"):
        video.check_end()


# --- the same face over frames


def face(left, top=0, side=100, **probabilities):
    probabilities = probabilities or {"happy": 0.8, "sad": 0.2}
    best = max(probabilities, key=probabilities.get)
    return Face(Box(left, top, side, side), best, probabilities)


def followed(frames, *, seconds=0.1, smooth=0.0):
    """The numbers of each frame's faces, and the results."""
    series = Series(smooth)
    results = [
        series.follow(Result("x", list(faces), frame=k, seconds=k * seconds))
        for k, faces in enumerate(frames)
    ]
    return [list(result.numbers) for result in results], results


def test_a_face_keeps_its_number_though_it_moves_and_others_come_and_go():
    frames = [
        [face(0), face(300)],
        [face(40), face(290)],
        [face(80), face(180, 150), face(280)],
        [face(120), face(280)],
        [face(270)],
        [face(160), face(260)],
    ]
    numbers, _ = followed(frames)
    assert numbers == [[1, 2], [1, 2], [1, 3, 2], [1, 2], [2], [1, 2]]


def test_a_face_that_is_away_for_longer_than_a_second_is_a_new_one():
    numbers, _ = followed([[face(0)], *[[]] * 9, [face(0)], *[[]] * 11, [face(0)]])
    assert [row for row in numbers if row] == [[1], [1], [2]]


def test_frames_that_lie_seconds_apart_are_followed_all_the_same():
    assert followed([[face(0)], [face(5)], [face(9)]], seconds=5.0)[0] == [[1]] * 3


def test_a_face_elsewhere_is_another_one():
    assert followed([[face(0)], [face(90)]])[0] == [[1], [2]]


def test_of_two_faces_near_a_box_the_one_that_overlaps_more_has_it():
    assert followed([[face(0), face(60)], [face(55)]])[0] == [[1, 2], [2]]


def test_smoothing_follows_the_answers_by_time():
    """A step from 0 to 1 has come to 1 - 1/e after the time that is asked for."""
    frames = [[face(0, happy=1.0, sad=0.0)], *[[face(0, happy=0.0, sad=1.0)]] * 20]
    _, results = followed(frames, seconds=0.1, smooth=1.0)
    sad = [result.faces[0].probabilities["sad"] for result in results]
    assert sad == pytest.approx(1 - np.exp(-np.arange(21) / 10))
    assert [result.faces[0].label for result in results] == ["happy"] * 7 + ["sad"] * 14
    for result in results:
        assert sum(result.faces[0].probabilities.values()) == pytest.approx(1)


def test_smoothing_counts_seconds_and_not_frames():
    first, then = face(0, happy=1.0, sad=0.0), face(0, happy=0.0, sad=1.0)
    _, often = followed([[first], *[[then]] * 10], seconds=0.05, smooth=0.3)
    _, rarely = followed([[first], *[[then]] * 2], seconds=0.25, smooth=0.3)
    assert often[-1].faces[0].probabilities == pytest.approx(rarely[-1].faces[0].probabilities)


def test_without_smoothing_the_answers_are_untouched():
    frames = [[face(0, happy=0.9, sad=0.1)], [face(0, happy=0.2, sad=0.8)]]
    _, results = followed(frames)
    assert [result.faces for result in results] == frames


@pytest.mark.usefixtures("clip")
def test_every_form_names_a_face_by_its_number(run):
    rows = [json.loads(line) for line in run("clip.mp4", "--json").stdout.splitlines()]
    numbers = [[face["number"] for face in row["faces"]] for row in rows]
    assert numbers[0] == [1]
    assert [1, 2] in numbers
    assert {number for row in numbers for number in row} == {1, 2}
    table = csv.DictReader(run("clip.mp4", "--csv").stdout.splitlines())
    by_frame = [[] for _ in rows]
    for row in table:
        by_frame[int(row["frame"])].append(int(row["face"]))
    assert by_frame == numbers
    text = run("clip.mp4").stdout.splitlines()
    assert text[0].startswith("clip.mp4 frame 0 (0.00 s): 1 ")
    assert [int(line.split(": ")[1].split()[0]) for line in text] == list(chain(*numbers))


@pytest.mark.usefixtures("clip")
def test_smooth_changes_a_videos_answers_and_no_pictures(run, tmp_path):
    cv2.imwrite(str(tmp_path / "x.png"), picture_of(FACES[3]))
    plain, smooth = (
        [json.loads(line) for line in run("clip.mp4", "x.png", "--json", *more).stdout.splitlines()]
        for more in ([], ["--smooth", "1"])
    )
    assert plain[0] == smooth[0] and plain[-1] == smooth[-1]
    assert plain[5] != smooth[5]
    assert sum(smooth[5]["faces"][0]["probabilities"].values()) == pytest.approx(1)


@pytest.mark.usefixtures("clip")
@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
def test_seconds_that_are_none(run, seconds):
    done = run("clip.mp4", "--smooth", seconds)
    assert done.exit_code != 0 and done.stdout == ""


# --- annotated videos


@pytest.mark.parametrize("size", [(160, 120), (33, 21), (1, 1)])
def test_a_written_video_is_what_browsers_play(tmp_path, size):
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (25, 3), dtype=np.uint8)
    with writing_video(tmp_path / "a.mp4", 25.0) as add:
        for k, colour in enumerate(colours):
            add(np.full((*size[::-1], 3), colour, np.uint8), k / 25)
        assert not (tmp_path / "a.mp4").exists()
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == tuple(side + side % 2 for side in size)
        assert (stream.frames, stream.average_rate) == (25, 25)
        frames = list(container.decode(stream))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(25) / 25)
    for frame, colour in zip(frames, colours, strict=True):
        assert np.abs(frame.to_ndarray(format="rgb24").mean((0, 1)) - colour).max() < 12
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays while it loads
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_written_video_keeps_a_rate_that_varies(tmp_path):
    with writing_video(tmp_path / "a.mp4", 3.0) as add:
        for seconds in UNEVEN:
            add(np.zeros((48, 64, 3), np.uint8), seconds)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert [frame.time for frame in container.decode(video=0)] == pytest.approx(UNEVEN)


def test_a_video_that_breaks_off_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), writing_video(tmp_path / "a.mp4", 25.0) as add:
        add(np.zeros((48, 64, 3), np.uint8), 0.0)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("clip")
def test_with_the_copy_comes_the_timeline(run, tmp_path):
    done = run("clip.mp4", "--annotate", "out", "--csv", "--smooth", "0.2")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "clip-faces.mp4",
        "clip-timeline.csv",
        "clip-timeline.png",
    ]
    assert (tmp_path / "out/clip-timeline.csv").read_text() == done.stdout
    assert cv2.imread(str(tmp_path / "out/clip-timeline.png")).shape[1] == 1200
    with av.open(str(tmp_path / "out/clip-faces.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 12, abs=2e-3)
    assert np.ptp(frames[3].to_ndarray(format="rgb24").astype(int), axis=2).max() > 100  # yellow


def test_of_a_broken_video_the_good_frames_are_copied(run, tmp_path):
    frames = [picture_of(FACES[3], 100, (20 + k, 60), (320, 240)) for k in range(20)]
    path = write_film(tmp_path / "a.avi", frames, np.arange(20) / 10, "mjpeg", "yuvj420p")
    whole = path.read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    done = run("cut.avi", "--annotate", "out", "--json")
    assert "broken video" in done.stderr
    with av.open(str(tmp_path / "out/cut-faces.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == done.stdout.count("\n") > 5


@pytest.mark.usefixtures("clip")
def test_without_the_encoder_a_line_names_the_extra_before_anything_is_computed(
    run, tmp_path, without
):
    without("av")
    done = run("clip.mp4", "--annotate", "out")
    assert done.stdout == ""
    assert "pip install 'ferflow[media]'" in str(done.exception)
    assert not (tmp_path / "out").exists()
    assert run("clip.mp4").exit_code == 0  # reading needs no extra


def probabilities(**known):
    return {name: known.get(name, 0.0) for name in ("happy", "sad")}


def test_the_timeline_draws_each_face_where_it_was():
    timeline = Timeline(("happy", "sad"))
    for k in range(200):
        faces = [face(0, **probabilities(happy=0.9, sad=0.1))]
        if k >= 100:
            faces.append(face(200, **probabilities(happy=0.2, sad=0.8)))
        timeline.add(Result("x", faces, frame=k, seconds=k / 10))
    drawn = timeline.drawn().astype(int)
    height = drawn.shape[0]
    coloured = np.ptp(drawn, axis=2) > 40
    upper, lower = coloured[70 : height // 2], coloured[height // 2 : height - 60]
    assert upper[:, 100:600].any(axis=0).all() and upper[:, 640:1100].any(axis=0).all()
    assert not lower[:, 100:600].any() and lower[:, 640:1100].any(axis=0).all()


def test_a_timeline_of_nothing_of_a_moment_and_of_many_faces():
    assert Timeline(("happy",)).drawn().shape[1] == 1200
    one = Timeline(("happy", "sad"))
    one.add(Result("x", [face(0)], frame=0, seconds=0.0))
    many = Timeline(("happy", "sad"))
    for k in range(30):
        many.add(Result("x", [face(0)], frame=k, seconds=3600.0 * k, numbers=[k + 1]))
    assert one.drawn().shape[0] < many.drawn().shape[0] < 3000
