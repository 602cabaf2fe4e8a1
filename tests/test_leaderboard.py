"""The table of all systems, and of the figures that the field quotes."""

import json
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from ferflow.claims import published as module
from ferflow.claims.by_heart import is_by_heart
from ferflow.claims.published import load_published
from ferflow.core.errors import DataError
from ferflow.core.hashing import image_number
from ferflow.evaluation.metrics import split_metrics
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.fer2013.table import UNKNOWN, load_table
from ferflow.records.compact import Answers
from ferflow.records.ensemble import make_ensemble
from ferflow.records.record import ENSEMBLES, FOLDER, SCORED, load_records
from ferflow.records.whose_labels import DIFFER, by_labels, without_known_twins
from ferflow.report import pictures
from ferflow.report.leaderboard import SPEEDS, on_record, published, speed_picture

ROOT = Path(__file__).parents[1]
FER2013 = {"data_set": "FER-2013", "split": "official (...)", "classes": list(FER2013_LABELS)}


@pytest.fixture
def rows(make_record, make_answers):
    """The table's rows after records of a network, a forest, an ensemble and answers of others."""

    def answers(accuracy, seed):
        splits = enumerate(("val", "test"))
        return {
            name: make_answers(accuracy=accuracy, seed=2 * (seed or 0) + k, labels=FER2013_LABELS)
            for k, name in splits
        }

    def make(preset, accuracy, seed=0, **fields):
        about = {"protocol": FER2013} | fields
        return make_record(preset, seed=seed, answers=answers(accuracy, seed), **about)

    network = {"train.family": "network", "train.network.architecture": "littlevgg"}
    members = [make("littlevgg", 0.7, params=network), make("svm", 0.5)]
    make_ensemble(members, name="both")
    told = FER2013 | {"about": {"chosen_on": "PrivateTest"}}
    make("scored", 0.6, seed=None, variant="peer", protocol=told)
    make("svm", 0.9, variant="wide")
    make("svm", 0.9, seed=1, variant="as-of-1234567")
    make("finetune", 0.9, protocol=FER2013 | {"trained_on": ["train", "val"]})
    grid = on_record(load_records())
    return {row[0]: dict(zip(grid.header, row, strict=True)) for row in grid.rows}


def test_each_system_on_the_official_splits_has_a_row_the_best_on_publictest_first(rows):
    assert set(rows) == {
        "`littlevgg`, unfinished",
        "`svm`",
        "`both`, mean of littlevgg, svm",
        "`peer`",
    }
    scores = [float(row["PublicTest"]) for row in rows.values()]
    assert scores == sorted(scores, reverse=True)


def test_a_row_says_who_chose_and_how_large_the_network_is(rows):
    network, peer = rows["`littlevgg`, unfinished"], rows["`peer`"]
    assert (network["parameters"], network["multiply-adds"]) == ("1.33 M", "119 M")
    assert (network["chosen on"], peer["chosen on"]) == ("PublicTest", "PrivateTest")
    assert peer["parameters"] == "" == rows["`svm`"]["parameters"]


def test_the_figures_are_the_records(rows):
    (record,) = [r for r in load_records() if r.name == "svm/seed-0"]
    row = rows["`svm`"]
    test = record.metrics["test"]
    assert row["PublicTest"] == f"{record.score('val', 'accuracy'):.3f}"
    assert row["PrivateTest"].startswith(f"{record.score('test', 'accuracy'):.3f} (")
    assert row["macro F1"] == f"{record.score('test', 'f1_macro'):.3f}"
    assert row["disgust's recall"] == f"{test['per_class']['disgust']['recall']:.2f}"


def test_the_picture_has_a_point_for_each_system_that_was_timed(rows):
    assert rows and speed_picture(load_records()) is None
    Path("docs").mkdir()
    table = {"littlevgg": {"1": 2.5, "64": 1.0}, "allconv": {"1": 9.0, "64": 8.0}}
    SPEEDS.write_text(json.dumps({"milliseconds_a_face": table}))
    picture = speed_picture(load_records())
    assert "math" not in picture.svg and "Milliseconds a face" in picture.svg
    assert (
        "littlevgg" in picture.svg and "allconv" not in picture.svg and ">svm<" not in picture.svg
    )
    grid = on_record(load_records())
    cells = {row[0]: row[list(grid.header).index("ms a face")] for row in grid.rows}
    assert cells["`littlevgg`, unfinished"] == "2.50" and cells["`svm`"] == ""


def test_who_was_trained_on_the_images_stands_last_and_in_no_picture(make_record):
    table = load_table()
    entries = np.flatnonzero((table.usage > 0) & (table.label != UNKNOWN))
    ids = table.source_ids()
    image = np.array([image_number(ids[k]) for k in entries])
    order = np.argsort(image)
    y = table.label[entries[order]].astype(np.int64)
    splits = table.usage[entries[order]]

    def answers(said):
        p = np.eye(7)[said]
        every = Answers(image[order], y, p, list(FER2013_LABELS))
        return {
            name: every.take(np.flatnonzero(splits == k)) for name, k in (("val", 1), ("test", 2))
        }

    make_record("svm", protocol=FER2013, answers=answers((y + (np.arange(len(y)) % 2)) % 7))
    make_record("scored", seed=None, variant="peer", protocol=FER2013, answers=answers(y))
    grid = on_record(load_records())
    assert [row[0] for row in grid.rows] == ["`svm`", "`peer`, trained on these images"]
    Path("docs").mkdir()
    SPEEDS.write_text(json.dumps({"milliseconds_a_face": {"svm": {"1": 2.0}, "peer": {"1": 1.0}}}))
    picture = speed_picture(load_records())
    assert picture is not None and "svm" in picture.svg and "peer" not in picture.svg


def test_no_system_that_was_not_trained_on_labels_is_said_to_know_them():
    """The figures of the sentence are those of the records; one package's network knows labels."""
    found = {}
    for record in load_records(ROOT / FOLDER):
        if record.protocol.get("data_set") != "FER-2013" or record.mistake:
            continue
        for split, answers in record.answers().items():
            if (apart := by_labels(answers).get(DIFFER)) is not None:
                low, _ = apart.accuracy_interval
                found[record.name, split] = apart.accuracy, is_by_heart(low)
    known = {name for name, (_, by_heart) in found.items() if by_heart}
    assert known == {("scored/facemood", "val"), ("scored/facemood", "test")}
    others = [right for name, (right, _) in found.items() if name not in known]
    assert len(others) > 30
    assert max(others) < 0.45


def test_no_name_in_the_picture_covers_another_or_the_line():
    points = {f"system-{k}": (5 + 0.2 * k, 0.66 + 0.01 * (k % 3)) for k in range(6)}
    axes = Figure(figsize=(5.2, 3.2)).subplots()
    axes.plot(*zip(*points.values(), strict=True), "o")
    (line,) = axes.plot([5, 6], [0.66, 0.69])
    pictures.name_points(axes, points)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert [text.get_text() for text in axes.texts] and len(boxes) == len(points)
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    path = line.get_path().transformed(axes.transData)
    assert not any(path.intersects_bbox(box, filled=False) for box in boxes)
    here = axes.transData.transform(list(points.values()))
    assert not any(box.contains(*place) for box in boxes for place in here)


def test_the_line_joins_what_no_other_beats_in_both():
    points = {"slow": (4.0, 0.7), "worse": (3.0, 0.5), "fast": (1.0, 0.6), "same": (2.0, 0.6)}
    assert pictures.best_of(points) == [(1.0, 0.6), (4.0, 0.7)]


def test_quoted_figures_are_decoded_where_they_are_of_privatetest():
    assert len(load_published()) >= 10
    grid = published()
    figures = [float(row[1]) for row in grid.rows]
    assert figures == sorted(figures, reverse=True)
    for row in grid.rows:
        assert bool(row[-1]) == (row[2] == "PrivateTest")
    (vgg,) = [row for row in grid.rows if row[0].startswith("VGG19")]
    assert vgg[1] == "0.7311" and vgg[5] == "PrivateTest" and vgg[-1] == "possible"


@pytest.mark.parametrize("text", ["- {system: x}", "figure: 1", "- 3"])
def test_a_wrong_file_of_quoted_figures_is_refused(tmp_path, monkeypatch, text):
    (tmp_path / "published.yaml").write_text(text)
    monkeypatch.setattr(module, "FILE", tmp_path / "published.yaml")
    load_published.cache_clear()
    with pytest.raises(DataError, match=re.escape("published.yaml")):
        load_published()
    load_published.cache_clear()


def test_the_page_holds_both_tables():
    page = (Path(__file__).parents[1] / "docs/leaderboard.md").read_text()
    assert page.count("| ResEmoteNet") == 1 and "| `bundled`" in page


SENT = [r for r in load_records(ROOT / FOLDER) if r.preset in (SCORED, ENSEMBLES)]


@pytest.mark.parametrize("record", SENT, ids=lambda record: record.name)
def test_what_is_sent_is_scored_again(record, monkeypatch):
    """Records of others, whose figures nobody here has computed: each figure from its answers."""
    monkeypatch.chdir(ROOT)
    answers = record.answers()
    assert answers and not record.is_superseded
    twins = load_table().folder_twins
    for split, each in (answers | without_known_twins(answers, twins)).items():
        kept = record.metrics[split]
        again = split_metrics(each.y, each.p, each.labels, n_bins=15, twins=each.twins)
        for name in ("n", "accuracy", "balanced_accuracy", "f1_macro", "mcc"):
            assert kept[name] == pytest.approx(again[name]), f"{split}: {name}"
        for label, row in again["per_class"].items():
            assert kept["per_class"][label] == pytest.approx(row), f"{split}: {label}"
        for name in ("log_loss", "ece"):  # probabilities are kept rounded
            assert kept[name] == pytest.approx(again[name], abs=2e-4), f"{split}: {name}"


def test_an_ensemble_on_fer2013_is_scored_without_twins(make_record):
    table = load_table()
    ids = table.source_ids()
    entries = np.flatnonzero((table.usage == 2) & (table.label >= 0))
    image = np.array([image_number(ids[k]) for k in entries.tolist()])
    order = np.argsort(image)
    y = table.label[entries][order].astype(np.int64)
    members = []
    for seed, share in enumerate((0.2, 0.4)):
        p = np.random.default_rng(seed).dirichlet(np.ones(7), len(y)) * share
        p[np.arange(len(y)), y] += 1 - share
        split = {"test": Answers(image[order], y, p, list(FER2013_LABELS), None)}
        members.append(make_record(seed=seed, answers=split, protocol=FER2013))
    made = make_ensemble(members)
    assert made.metrics["test"]["n"] == len(y) == 3589
    assert made.metrics["test_without_twins"]["n"] == 3120  # as in the records of our own runs


def test_an_ensemble_on_other_images_has_no_figure_without_twins(make_record):
    made = make_ensemble([make_record(seed=seed) for seed in (0, 1)])
    assert set(made.metrics) == {"val", "test"}
