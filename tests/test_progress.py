"""Progress bars: on a terminal only, not for quick work, and never with --quiet."""

import hashlib
import io
import sys

import numpy as np
import pytest
from picture_folders import tree

from ferflow.audit.measures import audit, count
from ferflow.claims.independence import independence
from ferflow.core import progress as module
from ferflow.core.hashing import sha256_of
from ferflow.core.progress import QUIET, hide_if_quiet, progress
from ferflow.download.sources import read_path
from ferflow.images.measures import contrast
from ferflow.records.resampling import bootstrap
from ferflow.report.standing import standings


class Stream(io.StringIO):
    """An error stream that is a terminal, or not."""

    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


@pytest.fixture
def shown(monkeypatch):
    """Call something and return what the error stream got; bars appear at once."""

    def call(work, *, terminal=True):
        stream = Stream(terminal)
        monkeypatch.setattr(module, "DELAY", 0)
        monkeypatch.setattr(sys, "stderr", stream)
        work()
        return stream.getvalue()

    return call


def few():
    assert list(progress(iter("abc"), "letters", unit="letter", total=3)) == ["a", "b", "c"]


def test_a_bar_is_shown_on_a_terminal_alone(shown):
    assert "letters:   0%" in shown(few)
    assert shown(few, terminal=False) == ""


def test_quick_work_shows_no_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := Stream(True))
    few()
    assert stream.getvalue() == ""


def test_quiet_hides_it(shown, monkeypatch):
    from tqdm import tqdm

    monkeypatch.setattr(tqdm, "__init__", tqdm.__init__)
    monkeypatch.setenv(QUIET, "1")
    hide_if_quiet()
    assert shown(few) == ""


def test_hashing_shows_its_bytes_and_gives_the_sha256(tmp_path, shown):
    (tmp_path / "a.bin").write_bytes(content := bytes(range(256)) * 20)
    found = []
    assert "sha256 of a.bin" in shown(lambda: found.append(sha256_of(tmp_path / "a.bin")))
    assert found == [hashlib.sha256(content).hexdigest()]
    folder = hashlib.sha256(b"a.bin\0" + b"5120\0" + content).hexdigest()
    assert sha256_of(tmp_path) == folder


def test_reading_and_auditing_pictures_show_theirs(tmp_path, shown, make_split):
    for name, content in tree([""], ["a", "b"], n=2).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert "reading pictures" in shown(lambda: read_path(tmp_path))
    splits = {name: make_split(seed=seed) for seed, name in enumerate(("train", "val", "test"))}
    text = shown(lambda: count(audit(splits)))
    assert "audit:" in text and "relatives:" in text


def test_measures_and_statistics_show_theirs(shown, make_answers):
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48), dtype=np.uint8)
    assert "measuring images" in shown(lambda: contrast(images))
    assert "bootstrap" in shown(lambda: bootstrap([make_answers(n=20)], n_resamples=20))
    table = np.array([[3, 1, 0], [1, 2, 1], [0, 1, 2]])
    assert "permutation test" in shown(lambda: independence(table))
    assert "claims" in shown(lambda: standings([]))
