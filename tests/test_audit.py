"""The audit: what it counts in planted defects, and that its page needs nothing else."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from html_page import Page

from ferflow.audit import write as audit_report
from ferflow.audit.measures import audit, count, recall
from ferflow.audit.page import audit_page
from tests.test_filters import LABELS, N, flat, planted, sign
from tests.test_twins import reencoded

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def splits():
    """In train two black images and a sign, in val a copy of train and a mirrored one, in test two
    twins of train.
    """
    splits = planted((flat(0), 0), (flat(0), 1), (sign(), 2))
    train, val, test = (splits[name].x for name in ("train", "val", "test"))
    train[7] = train[8] = train[4]  # labelled disgust, fear and disgust
    val[0], val[1] = train[1], train[5][:, ::-1]
    test[0], test[1] = reencoded(train[2]), train[2]
    return splits


@pytest.fixture(scope="module")
def found(splits):
    return audit(splits)


@pytest.fixture(scope="module")
def counts(found):
    return count(found)


def test_counts_are_those_of_the_planted_defects(counts):
    assert counts["images"]["train"] == {"angry": N // 3 + 1, "disgust": 11, "fear": 11}
    assert counts["constant"]["train"] == {"angry": 1, "disgust": 1, "fear": 0}
    assert counts["constant"]["val"] == {"angry": 0, "disgust": 0, "fear": 0}
    assert counts["black_and_white"]["train"] == {"angry": 1, "disgust": 1, "fear": 1}
    assert counts["exact"] == {
        "groups": 4,  # black, 4 with 7 and 8, val 0, test 1
        "duplicates": 5,
        "within": {"train": 3, "val": 0, "test": 0},
        "groups_across_splits": 2,
        "in_train": {"val": 1, "test": 1},
        "contradictory_groups": 4,  # black; 4 and 8; 1 and val 0; 2 and test 1
        "contradictory_images": 9,
    }
    near = counts["near"]
    assert near["distance"] == 8
    assert (near["duplicates"], near["groups"]) == (6, 4)
    assert near["within"] == {"train": 3, "val": 0, "test": 1}
    assert near["in_train"] == {"val": 1, "test": 2}
    wide = counts["relatives"]
    assert wide["in_train"] == {"val": 2, "test": 2}
    assert wide["in_train_by_kind"] == {
        "exact": {"val": 1, "test": 1},
        "near": {"val": 0, "test": 1},
        "mirrored": {"val": 1, "test": 0},
        "moved": {"val": 0, "test": 0},
    }


def test_more_distance_never_finds_less(counts):
    duplicates = [row["duplicates"] for row in counts["twins_by_distance"]]
    assert duplicates == sorted(duplicates)
    assert duplicates[0] >= counts["exact"]["duplicates"]
    chosen = [row for row in counts["twins_by_distance"] if row["distance"] == 8]
    assert chosen == [counts["near"]]


def test_contrast_and_brightness_by_hand(splits):
    images = np.zeros((3, 48, 48), np.uint8)
    images[0, :24], images[1], images[2] = 200, 50, 150
    val = replace(splits["val"].take(np.arange(3)), x=images, y=np.array([0, 1, 1]))
    counts = count(audit({"train": val, "test": val}))
    assert counts["contrast"]["angry"] == {"p5": 100, "median": 100, "p95": 100}
    assert counts["brightness"]["disgust"]["median"] == 100
    assert "fear" not in counts["brightness"]  # no image of that class


def test_the_counts_are_plain_json(counts):
    assert json.loads(json.dumps(counts, allow_nan=False)) == counts


def test_the_page_holds_everything_that_it_shows(found, counts):
    text = audit_page(found, counts)
    page = Page(text)
    assert page.open == []
    assert page.asked
    assert all(address.startswith("data:image/png;base64,") for address in page.asked)
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_shows_the_figures(found, counts):
    text = re.sub(r"<[^>]+>", " ", audit_page(found, counts).replace("<wbr>", ""))
    for words in ("Audit of noise", "Split: drawn", *LABELS, "Near twins in train: 1 images"):
        assert words in text
    assert "Identical images with different labels: 4 groups" in text
    assert "Mirrored copies in train: 1 images" in text
    kinds = recall()["found"]
    for kind, n in kinds.items():
        assert re.search(rf"{kind}\s+{n['twins']}\s+{n['relatives']}\s", text), kind
    assert "test_0" in text
    assert "train_2" in text


def test_a_clean_data_set_has_a_page_too():
    found = audit(planted())
    assert "Exact twins in train: 0 images</h2>\n<p>None.</p>" in audit_page(found, count(found))


def test_text_is_escaped(found):
    names = replace(
        found, labels=("<b>", "a & b", '"'), meta={"data_set": "<script>", "split": "<i>"}
    )
    names.pool.source_id[:] = "<u>"
    text = audit_page(names, count(names))
    assert "<script>" not in text and "<title>Audit of &lt;script&gt;</title>" in text
    assert "Split: &lt;i&gt;." in text and "<th>&lt;b&gt;</th><th>a &amp; b</th>" in text
    assert 'alt="train &lt;b&gt;"' in text and "&lt;u&gt;</figcaption>" in text


@pytest.fixture
def in_workplace(workplace):
    def run(*words):
        command = [sys.executable, "-m", "ferflow", "audit", *words]
        (workplace / "dvc.yaml").touch()
        environment = {"PYTHONPATH": str(ROOT), "PATH": "", "COLUMNS": "120"}
        return subprocess.run(
            command, cwd=workplace, env=environment, check=False, text=True, capture_output=True
        )

    return run


def test_the_command_on_a_data_set_by_path(in_workplace, zip_of_faces, workplace):
    done = in_workplace(str(zip_of_faces))
    assert done.returncode == 0, done.stderr
    assert "Audit of FER-2013" in done.stdout
    folder = workplace / audit_report.FOLDER
    assert str(audit_report.FOLDER / "index.html") in done.stdout
    written = {path.name for path in folder.iterdir()}
    assert written == {"audit.json", "index.html", "relatives.csv", "twins.csv"}
    images = json.loads((folder / "audit.json").read_text())["images"]
    assert sum(images["train"].values()) == 14


def test_the_command_on_a_path_that_is_not_there(in_workplace, workplace):
    done = in_workplace("nowhere.zip")
    assert done.returncode == 1
    assert done.stderr.startswith("error: nowhere.zip is not here")
    assert len(done.stderr.splitlines()) == 1
    assert not (workplace / "data").exists()
