"""The hand-marked photographs, and how boxes are matched to their marks."""

import numpy as np
import pytest

from benchmarks.photographs import POSES, judge, overlap, read_rows

MARKS = np.array([[10.0, 10, 40, 50], [100, 10, 40, 50], [200, 10, 40, 50]])
KINDS = ["frontal", "profile", "ignore"]


def found_and_false(*boxes: tuple[float, float, float, float]) -> tuple[list[str], int]:
    """What `judge` says of boxes."""
    return tuple(judge(np.array(boxes, dtype=float).reshape(-1, 4), MARKS, KINDS))


def test_overlap_is_intersection_over_union() -> None:
    a = np.array([0.0, 0, 10, 10])
    assert overlap(a, np.array([5.0, 0, 10, 10])) == pytest.approx(50 / 150)
    assert overlap(a, np.array([20.0, 20, 10, 10])) == 0


def test_a_square_about_a_face_finds_it() -> None:
    assert found_and_false((5, 10, 50, 50)) == (["frontal"], 0)


def test_a_second_box_on_a_face_is_false() -> None:
    assert found_and_false((12, 10, 40, 50), (10, 10, 40, 50)) == (["frontal"], 1)


def test_a_box_too_large_is_false_and_finds_nothing() -> None:
    assert found_and_false((0, 0, 90, 90)) == ([], 1)


def test_what_is_to_be_ignored_is_neither_found_nor_false() -> None:
    assert found_and_false((200, 10, 40, 50), (210, 20, 10, 10)) == ([], 0)


def test_no_box_finds_nothing() -> None:
    assert found_and_false() == ([], 0)


def test_a_picture_without_faces_has_only_false_boxes() -> None:
    boxes = np.array([[0.0, 0, 10, 10]])
    assert judge(boxes, np.zeros((0, 4)), []) == ([], 1)


def test_both_halves_have_faces_of_each_pose_and_pictures_without() -> None:
    rows = read_rows()
    assert len(rows) >= 25
    assert sum(face["pose"] != "ignore" for _, faces in rows for face in faces) >= 50
    for half in ("choose", "once"):
        mine = [faces for source, faces in rows if source["half"] == half]
        poses = {face["pose"] for faces in mine for face in faces}
        assert poses == {*POSES, "ignore"}
        assert sum(not faces for faces in mine) >= 3


def test_every_photograph_says_whence_it_comes() -> None:
    for source, faces in read_rows():
        kind, _, version = source["package"].split()
        assert kind in {"wheel", "sdist", "npm"} and version[0].isdigit()
        assert len(source["sha256"]) == 64 and source["licence"] and source["file"]
        assert all(min(int(face["width"]), int(face["height"])) > 0 for face in faces)
