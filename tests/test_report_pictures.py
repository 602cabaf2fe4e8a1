"""The report's pictures: curves and confusion matrices of the records, drawn as SVG."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import rc_context

from ferflow.claims.confusion import ConfusionMatrix
from ferflow.download.labels import FER2013_LABELS
from ferflow.evaluation.figures import COLOURS
from ferflow.report.pictures import Line, curves_picture, matrix_picture
from ferflow.report.write import PICTURES, report_texts, write_report

MD = Path("reports/papers.md")


def texts_of(svg):
    """What is written in a picture, in order."""
    return [
        element.text
        for element in ElementTree.fromstring(svg).iter()
        if element.tag.endswith("text")
    ]


def curves_of(svg):
    """The paths in the colours of curves, those of the key left out: subpaths of (x, y)."""
    drawn = re.findall(r'<path d="([^"]+)" style="fill: none;[^"]*stroke: (#\w+)', svg)
    curves = [path for path, colour in drawn if colour in COLOURS]
    pieces = [piece.split("L") for path in curves for piece in path.split("M")[1:]]
    points = [[tuple(map(float, point.split())) for point in piece] for piece in pieces]
    frame = max(x for x, _ in corners(svg))
    return [piece for piece in points if piece[0][0] <= frame]


def corners(svg):
    """The corners of a chart's frame: the second filled area, after the paper."""
    area = re.findall(r'<path d="M ([^"]+) z" style="fill: #ffffff"', svg)[1]
    return [tuple(map(float, point.split())) for point in area.split("L")]


def chart(*runs, x="Epoch"):
    return curves_picture("a", "caption", [Line("_a", list(runs))], (x, "loss")).svg


@pytest.mark.usefixtures("readme")
def test_recorded_curves_are_drawn_a_line_for_each_run(make_record):
    curve = {
        "epoch": [1, 2, 3],
        "train_loss": [1.9, 1.5, 1.2],
        "val_loss": [1.8, None, 1.4],
        "val_accuracy": [None, None, None],
    }
    for seed in (0, 1):
        about = {"family": "network", "n_rows": 28709, "epoch_chosen": 2}
        stages = {"train": {"train": about}}
        make_record("mobilenet-aco-rf", seed=seed, training=curve, stages=stages)
    texts = report_texts()
    assert "The fit: family network, n rows 28,709, epoch chosen 2." in texts[MD]
    drawn = texts[PICTURES / "mobilenet-aco-rf-loss.svg"]
    assert sorted(map(len, curves_of(drawn))) == [1, 1, 1, 1, 3, 3], "a gap where no value is"
    assert drawn.count("<use") == 2 * 2, "a point without neighbours is a dot"
    assert "val loss" in drawn and PICTURES / "mobilenet-aco-rf-score.svg" not in texts
    assert "](pictures/mobilenet-aco-rf-loss.svg)" in texts[MD]


@pytest.mark.usefixtures("readme")
def test_our_matrix_stands_in_the_order_of_the_papers(make_record, make_answers):
    ours = make_answers(labels=FER2013_LABELS)
    make_record("fernet", answers={"test": ours})
    texts = report_texts()
    written = texts_of(texts[PICTURES / "fernet-confusion.svg"])
    order, counts = written[:7], written[16:]
    assert order == texts_of(texts[PICTURES / "printed-fernet_test.svg"])[:7]
    assert set(order) == set(FER2013_LABELS)
    assert written[7:16] == ["Predicted class", *order, "True class"]
    sad = [ours.p[ours.y == FER2013_LABELS.index("sad")].argmax(axis=1) == k for k in range(7)]
    expected = [str(sad[FER2013_LABELS.index(name)].sum()) for name in order]
    assert counts[7 * order.index("sad") :][:7] == expected


@pytest.mark.usefixtures("readme")
def test_pictures_of_records_that_are_gone_are_taken_away(make_record):
    record = make_record("mobilenet-aco-rf")
    write_report()
    picture = PICTURES / "mobilenet-aco-rf-confusion.svg"
    assert picture.exists()
    record.file("json").unlink()
    assert picture in write_report()
    assert not picture.exists()


def test_a_drawn_matrix_holds_every_count():
    table = ConfusionMatrix(np.array([[1234, 0], [5, 6]]), ["a<", "$b$"]).table()
    drawn = matrix_picture("a", "caption", table).svg
    assert texts_of(drawn)[-4:] == ["1,234", "0", "5", "6"]
    assert "a&lt;" in drawn and "$b$" in drawn
    assert drawn.startswith("<svg") and drawn.endswith("</svg>")
    assert "<image" not in drawn and "url(" not in drawn


def test_a_curve_lies_in_its_frame():
    (curve,) = curves_of(chart(np.array([[1.0, 3.0], [2.0, 7.0]])))
    (x0, y0), (x1, y1) = curve
    xs, ys = zip(*corners(chart(np.array([[1.0, 3.0], [2.0, 7.0]]))), strict=True)
    assert (x0, x1) == (min(xs), max(xs)) and min(ys) <= y1 < y0 <= max(ys)


def test_one_point_can_be_seen():
    assert "<use" in chart(np.array([[1.0, 3.0]]))


@pytest.mark.parametrize("epochs", [1, 2, 3, 45])
def test_epochs_are_marked_at_whole_numbers(epochs):
    drawn = chart(np.column_stack([np.arange(1, epochs + 1), np.linspace(0.25, 0.31, epochs)]))
    written = texts_of(drawn)
    marks = written[: written.index("Epoch")]
    assert marks and all(mark.isdigit() and 1 <= int(mark) <= epochs for mark in marks)
    assert len(set(marks)) == len(marks)


def test_an_axis_of_fractions_keeps_its_fractions():
    written = texts_of(chart(np.array([[0.0, 3.0], [0.9, 7.0]]), x="rate"))
    assert "0.4" in written[: written.index("rate")]


def test_a_name_that_begins_with_an_underscore_stands_in_the_key():
    assert texts_of(chart(np.array([[1.0, 3.0], [2.0, 7.0]])))[-1] == "_a"


def test_pictures_are_the_same_whatever_the_readers_settings_are():
    run = np.array([[1.0, 3.0], [2.0, np.nan], [3.0, 7.0]])
    with rc_context({"lines.linewidth": 9, "font.size": 30, "figure.facecolor": "black"}):
        other = chart(run)
    assert other == chart(run)
    assert "matplotlib" not in other and "date" not in other


def test_what_two_pictures_refer_to_has_two_names():
    line = [Line("a", [np.array([[1.0, 3.0]])])]
    pair = (curves_picture(name, "caption", line, ("x", "y")).svg for name in ("a", "b"))
    first, second = (set(re.findall(r'id="([^"]+)"', svg)) for svg in pair)
    assert first and second and not first & second
