"""Boxes and labels on pictures: whole, apart, legible and numbered."""

import numpy as np
import pytest

from ferflow.recognition import lettering
from ferflow.recognition.annotation import draw_faces
from ferflow.recognition.boxes import Box
from ferflow.recognition.lettering import spelt, written
from ferflow.recognition.recognizer import Face

YELLOW, INK = (255, 200, 40), (20, 20, 20)


def face(left, top, side=100, label="surprise"):
    return Face(Box(left, top, side, side), label, {"happy": 0.1, label: 0.9})


def blank(width, height):
    return np.full((height, width), 110, np.uint8)


def is_label(drawn):
    """Which pixels are a label's ground: yellow, and so are most of their neighbours."""
    yellow = np.abs(drawn.astype(int) - YELLOW).max(axis=2) < 3
    return sum(np.roll(yellow, shift, axis=(0, 1)) for shift in ((0, 0), (3, 0), (-3, 0))) >= 3


def test_a_picture_is_not_changed_and_comes_back_in_colour():
    grey = blank(300, 200)
    drawn = draw_faces(grey, [face(50, 60)])
    assert (grey == 110).all()
    assert drawn.shape == (200, 300, 3) and drawn.dtype == np.uint8
    assert (draw_faces(np.stack([grey] * 3, axis=2), [face(50, 60)]) == drawn).all()
    assert (draw_faces(grey, []) == 110).all()


@pytest.mark.parametrize(("left", "top"), [(0, 0), (200, 0), (0, 900), (200, 900), (250, 60)])
def test_a_label_is_whole_wherever_its_face_is(left, top):
    amid = is_label(draw_faces(blank(1000, 600), [face(400, 300)])).sum()
    assert is_label(draw_faces(blank(300, 1000), [face(left, top)])).sum() > 0.9 * amid


def test_labels_cover_neither_other_faces_nor_each_other():
    faces = [face(20 + 104 * k, 200 + 7 * (k % 2)) for k in range(8)]
    drawn = draw_faces(blank(900, 500), faces)
    for one in faces:
        inner = drawn[one.box.top + 8 : one.box.top + 92, one.box.left + 8 : one.box.left + 92]
        assert (inner == 110).all()
    alone = is_label(draw_faces(blank(900, 500), [face(20, 200), face(700, 200)])).sum() / 2
    assert is_label(drawn).sum() > 0.9 * 8 * alone


def test_a_label_on_a_face_of_100_pixels_is_legible():
    """Letters of 16 pixels in the darkest ink on yellow, as wide as the face and hardly more."""
    drawn = draw_faces(blank(640, 480), [face(200, 200)])
    rows, columns = np.nonzero(is_label(drawn))
    assert np.ptp(rows) >= 14
    assert 70 <= np.ptp(columns) <= 130
    label = drawn[rows.min() : rows.max(), columns.min() : columns.max()].astype(int)
    assert (np.abs(label - INK).max(axis=2) < 30).mean() > 0.05


def test_several_faces_have_numbers_and_one_alone_has_none():
    def label_of(faces, numbers=None):
        return is_label(draw_faces(blank(900, 300), faces, numbers))[:, :300].sum()

    one, two = face(100, 100), face(600, 100)
    assert label_of([one, two]) > label_of([one]) == label_of([one], ())
    assert label_of([one], [1]) == label_of([one, two])
    assert label_of([one], [17]) > label_of([one], [1])


def test_a_face_that_reaches_over_the_edge_and_a_picture_smaller_than_its_label():
    assert draw_faces(blank(60, 40), [face(-20, -20), face(30, 10)]).shape == (40, 60, 3)
    assert draw_faces(blank(3, 2), [face(0, 0, 3)]).shape == (2, 3, 3)


def test_other_languages_are_written_or_replaced_and_never_boxes(monkeypatch):
    assert spelt("happy", "class 0") == "happy"
    monkeypatch.setattr(lettering, "_FONTS", (None,))  # a system without any
    assert spelt("\u00dcberraschung", "class 0") == "Uberraschung"
    assert spelt("\u559c\u3073", "class 3") == "class 3"
    assert spelt("\u559c happy", "class 3") == "class 3"


def test_the_fonts_that_lie_here_are_used():
    fonts = [name for name in lettering._FONTS if name and lettering._has(name, "\u00e9")]
    if not fonts:
        pytest.skip("no font with accents on this system")
    assert spelt("d\u00e9go\u00fbt", "class 0") == "d\u00e9go\u00fbt"
    one, other = (written(f"d{e}go", 20, INK, YELLOW) for e in ("\u00e9", "\u00ea"))
    assert one.shape != other.shape or (one != other).any()


def test_a_hostile_label_is_one_short_line():
    assert spelt("a\nb\u202e", "class 0") == "a b\\u202e"
    assert len(spelt("x" * 5000, "class 0")) == 30
    draw_faces(blank(300, 200), [face(50, 60, label="a\nb" * 50)])
