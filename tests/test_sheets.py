"""Contact sheets: every picture is where it should be."""

import cv2
import numpy as np

from ferflow.images.sheets import draw_sheet


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def places(sheet, image):
    """Where the enlarged image stands in the sheet: [(top, left)]."""
    enlarged = image.repeat(2, axis=0).repeat(2, axis=1)
    differences = cv2.matchTemplate(sheet, enlarged, cv2.TM_SQDIFF)
    return list(zip(*np.nonzero(differences < 1), strict=True))


def test_pictures_stand_in_their_row_and_order(make_split, tmp_path):
    images = make_split(y=[0] * 5).x
    draw_sheet([("first", images[:3]), ("second", images[3:])], tmp_path / "sheet.png")
    sheet = read(tmp_path / "sheet.png")
    found = [places(sheet, image) for image in images]
    assert all(len(spots) == 1 for spots in found)
    tops, lefts = np.array([spots[0] for spots in found]).T
    assert tops[0] == tops[1] == tops[2] < tops[3] == tops[4]
    assert lefts[0] == lefts[3] < lefts[1] == lefts[4] < lefts[2]


def test_each_row_has_its_caption(tmp_path, make_split):
    none = make_split().x[:0]
    draw_sheet([("no copies", none)], tmp_path / "words.png")
    draw_sheet([("", none)], tmp_path / "blank.png")
    assert (read(tmp_path / "words.png") < 100).any()
    assert (read(tmp_path / "blank.png") == 255).all()


def test_the_same_input_gives_the_same_bytes(tmp_path, make_split):
    for name in ("a", "b"):
        draw_sheet([("images", make_split().x)], tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2
