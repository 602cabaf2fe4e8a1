"""The report's pictures: curves and confusion matrices of the records, drawn as SVG."""

import re
from pathlib import Path

import numpy as np
import pytest
from ferflow.papers.drawings import Line, draw_lines, draw_matrix

from ferflow.data.labels import FER2013_LABELS
from ferflow.papers.confusion import ConfusionMatrix
from ferflow.papers.report import PICTURES, report_texts, write_report

MD = Path("reports/papers.md")


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
    assert drawn.count("<polyline") == 2 + 2 * 2, "an epoch without a value leaves a gap"
    assert "val loss" in drawn and PICTURES / "mobilenet-aco-rf-score.svg" not in texts
    assert "](pictures/mobilenet-aco-rf-loss.svg)" in texts[MD]


@pytest.mark.usefixtures("readme")
def test_our_matrix_stands_in_the_order_of_the_papers(make_record, make_answers):
    ours = make_answers(labels=FER2013_LABELS)
    make_record("fernet", answers={"test": ours})
    texts = report_texts()
    drawn, printed = (
        re.findall(r'text-anchor="end"[^>]*>(\w+)</text>', texts[PICTURES / f"{name}.svg"])
        for name in ("fernet-confusion", "printed-fernet_test")
    )
    assert drawn == printed and set(drawn) >= set(FER2013_LABELS)
    counts = re.findall(r">([\d,]+)</text>", texts[PICTURES / "fernet-confusion.svg"])
    sad = [ours.p[ours.y == FER2013_LABELS.index("sad")].argmax(axis=1) == k for k in range(7)]
    order = drawn[-7:]
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
    drawn = draw_matrix(ConfusionMatrix(np.array([[1234, 0], [5, 6]]), ["a<", "b"]).table())
    assert re.findall(r">([\d,]+)</text>", drawn) == ["1,234", "0", "5", "6"]
    assert "a&lt;" in drawn and drawn.startswith("<svg") and drawn.endswith("</svg>")


def test_a_curve_lies_in_its_frame_and_one_point_can_be_drawn():
    drawn = draw_lines([Line("a", [np.array([[1.0, 3.0], [2.0, 7.0]])])], "epoch", "loss")
    (points,) = re.findall(r'<polyline [^>]*points="([^"]+)"', drawn)
    (x0, y0), (x1, y1) = (map(float, pair.split(",")) for pair in points.split())
    left, top, width, height = map(
        float,
        re.search(
            r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)" fill="none"', drawn
        ).groups(),
    )
    assert (x0, x1) == (left, left + width) and top <= y1 < y0 <= top + height
    assert "<polyline" in draw_lines([Line("a", [np.array([[1.0, 3.0]])])], "epoch", "loss")


@pytest.mark.parametrize("epochs", [1, 2, 3, 45])
def test_epochs_are_marked_at_whole_numbers(epochs):
    curve = np.column_stack([np.arange(1, epochs + 1), np.linspace(0.25, 0.31, epochs)])
    drawn = draw_lines([Line("a", [curve])], "epoch", "loss")
    marks = re.findall(r'text-anchor="middle" font-size="10.5"[^>]*>([^<]+)</text>', drawn)
    assert marks and all(mark.isdigit() and 1 <= int(mark) <= epochs for mark in marks)
    assert len(set(marks)) == len(marks)


def test_an_axis_of_fractions_keeps_its_fractions():
    drawn = draw_lines([Line("a", [np.array([[0.0, 3.0], [0.9, 7.0]])])], "rate", "loss")
    assert 'font-size="10.5" fill="#222">0.45</text>' in drawn
