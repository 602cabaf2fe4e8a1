"""Malformed records, dvc.lock, metrics, costs, DVC's locks and MLflow's store: each a line."""

import json
import sqlite3
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz_inputs import record_tree
from hostile import DEEP, refused

from ferflow.core.costs import find_cost
from ferflow.core.dvc_locks import delete_cut_off_locks, lock_holders, refuse_while_dvc_runs
from ferflow.core.pipeline import Pipeline
from ferflow.evaluation.summary import metrics_table, protocol_line
from ferflow.records.compact import read_answers
from ferflow.records.record import load_records, read_record
from ferflow.tracking.move import move_store
from ferflow.tracking.track import track_last_run

# --- records


pytestmark = pytest.mark.usefixtures("nothing_planted")  # `refused` looks at all files in it


def put(tree, place, value):
    """A copy of the tree with another value at a place, or without it where that is None."""
    tree = deepcopy(tree)
    *keys, last = place
    inner = tree
    for key in keys:
        inner = inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return tree


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["preset"], None),
        (["preset"], "../p"),
        (["variant"], "../../x"),
        (["preset"], "other"),
        (["seed"], "0"),
        (["seed"], 1.5),
        (["seed"], 1),
        (["version"], 2),
        (["extra"], 1),
        (["date"], None),
        (["date"], 2026),
        (["metrics"], []),
        (["metrics", "test", "accuracy"], "high"),
        (["metrics", "test", "accuracy"], None),
        (["metrics", "test", "n"], [10]),
        (["metrics", "test", "per_class"], {"sad": 1}),
        (["intervals", "test", "accuracy"], [0.4]),
        (["intervals", "test", "accuracy"], {"low": 0.4}),
        (["n_folds"], 2),
        (["mistake"], "a/b"),
        (["members"], {"p/seed-0": "half"}),
        (["training"], {"epoch": [1, 2], "loss": [1]}),
        (["costs"], {"train": {}}),
        (["costs"], {"train": 60}),
        (["hardware"], {"cpu": None, "cores": [4]}),
    ],
)
def test_a_record_with_another_value_is_refused(workplace, place, value):
    path = workplace / "metrics/papers/p/seed-0.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record_tree()))
    read_record(path)
    path.write_text(json.dumps(put(record_tree(), place, value)))
    line = refused(load_records)
    assert f"p/seed-0.json is not a record: {place[0]}" in line or "moved or renamed" in line


MERGED = b'{\n<<<<<<< HEAD\n "a": 1\n=======\n "a": 2\n>>>>>>> other\n}\n'


@pytest.mark.parametrize(
    "content",
    [MERGED, b"[]", b"null", b"3", b'"record"', DEEP, b"\xef\xbb\xbf", b"{'a': 1}"],
    ids=range(8),
)
def test_a_file_that_is_no_record_is_refused(workplace, content):
    path = workplace / "metrics/papers/p/seed-0.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert "seed-0.json is not a record" in refused(load_records)


# --- their predictions

P = np.array([[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]])
COLUMNS = {
    "split": ["test"] * 3,
    "image": [1, 2, 3],
    "label": ["a", "b", "a"],
    "p_a": P[:, 0],
    "p_b": P[:, 1],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"split": ["test", "test", "train"]},
        {"split": [1, 2, 3]},
        {"image": [1, 2, 2]},
        {"image": [3, 2, 1]},
        {"image": [1.0, 2.0, 3.0]},
        {"image": [1, 2, None]},
        {"label": ["a", "b", "c"]},
        {"label": [0, 1, 0]},
        {"p_a": [0.5, 0.25, np.nan]},
        {"p_a": [0.5, 0.25, np.inf]},
        {"p_a": [0.5, 0.25, -1.0]},
        {"p_a": [0.5, 0.25, 2.0]},
        {"p_a": ["0.5", "0.25", "1"]},
        {"p_a": [1, 0, 1]},
        {"p_a": [[0.5], [0.25], [1.0]]},
        {"p_b": None},
        {"p_b": None, "x_b": P[:, 1]},
        {"twins": [0, 1, 3]},
        {"twins": [0, 0, 1]},
        {"twins": [-1, 1, 2]},
        {"twins": ["0", "1", "2"]},
        {"image": None},
    ],
)
def test_predictions_that_are_none_are_refused(workplace, changes):
    columns = {k: v for k, v in (COLUMNS | changes).items() if v is not None}
    path = workplace / "seed-0.parquet"
    pd.DataFrame(COLUMNS).to_parquet(path)
    read_answers(path)
    pq.write_table(pa.table(columns), path)
    assert "seed-0.parquet is not a record's file of predictions" in refused(read_answers, path)


# --- dvc.lock


@pytest.mark.parametrize(
    "text",
    [
        "schema: '2.0'\nstages: []\n",
        "schema: '2.0'\nstages: 3\n",
        "schema: '2.0'\nstages:\n  download: x\n",
        "<<<<<<< HEAD\nschema: '2.0'\n",
        "- stages\n",
        "",
        "stages: {download: {params: []}}\n",
        "stages: {download: {outs: [{path: a}]}}\n",
        "stages: {download: {outs: [a]}}\n",
        "stages: {download: {outs: {a: b}}}\n",
        "stages: {download: {deps: null, params: null, outs: null}}\n",
    ],
)
def test_a_lock_file_that_is_none_is_refused(workplace, text):
    from ferflow.core.pipeline import STAGES

    if "{download: {" in text:  # of all stages
        entry = text.removeprefix("stages: {download: ").removesuffix("}\n")
        text = "stages:\n" + "".join(f"  {stage}: {entry}\n" for stage in STAGES)
    (workplace / "dvc.lock").write_text(text)
    assert "dvc.lock" in refused(track_last_run)


# --- DVC's list of locks


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "3",
        '{"write": []}',
        '{"write": {"a": 3}}',
        '{"write": {"a": {}}}',
        '{"write": {"a": {"pid": "x"}}}',
        '{"read": {"a": {"pid": 1}}}',
        '{"read": {"a": [3]}}',
        '{"read": null, "write": null}',
        '{"write": {"a": {"pid": -1}}}',
        '{"write": {"a": {"pid": 1e30}}}',
    ],
)
def test_a_list_of_locks_of_another_kind_holds_nothing(workplace, text):
    place = workplace / ".dvc/tmp/rwlock"
    place.parent.mkdir(parents=True)
    place.write_text(text)
    assert lock_holders() == set()
    refuse_while_dvc_runs()


@pytest.mark.parametrize(
    "content", [b"", b'{"read": {', b"\0" * 100, b"\xff\xfe", DEEP], ids=range(5)
)
def test_a_list_of_locks_that_was_cut_off_is_deleted(workplace, content):
    place = workplace / ".dvc/tmp/rwlock"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    assert lock_holders() == set()
    assert delete_cut_off_locks()
    assert not place.exists()


# --- metrics and costs

SCORES = Path("metrics/metrics.json")


def refuse_scores(content, function):
    """The function names the file of scores, which has this content."""
    SCORES.parent.mkdir(exist_ok=True)
    SCORES.write_bytes(content)
    assert "metrics/metrics.json" in refused(function)


@pytest.mark.parametrize(
    "content",
    [
        MERGED,
        b"{}",
        b"[]",
        b"null",
        b'{"test": 3}',
        b'{"test": {}}',
        b'{"test": {"n": "many"}}',
        b'{"val": {"n": 3, "accuracy": null}}',
    ],
)
@pytest.mark.usefixtures("workplace")
def test_metrics_that_are_none_are_refused(content):
    refuse_scores(content, metrics_table)


@pytest.mark.parametrize(
    "content", [b'{"protocol": 3}', b'{"protocol": {}}', b'{"protocol": null}', b"[]", b"{}"]
)
@pytest.mark.usefixtures("workplace")
def test_a_protocol_that_is_none_is_refused(content):
    refuse_scores(content, protocol_line)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}", b'{"seconds": "3"}', b'{"seconds": NaN}', DEEP],
    ids=range(8),
)
def test_a_cost_that_is_none_counts_as_unknown(workplace, monkeypatch, content):
    (workplace / ".ferflow/costs").mkdir(parents=True)
    monkeypatch.setattr(Pipeline, "locked_stage_fingerprint", lambda *_: "0")
    (workplace / ".ferflow/costs/train-0.json").write_bytes(content)
    assert find_cost(Pipeline(), "train") is None


# --- MLflow's store


@pytest.fixture
def store(workplace, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (workplace / ".mlflow").mkdir()
    return workplace / ".mlflow/mlflow.db"


def database(*statements):
    def write(path):
        with sqlite3.connect(path) as opened:
            for statement in statements:
                opened.execute(statement)
        opened.close()

    return write


TABLE = "create table experiments (name text, artifact_location text)"
STORES = {
    "empty": lambda path: path.write_bytes(b""),
    "words": lambda path: path.write_text("no database\n" * 100),
    "header alone": lambda path: path.write_bytes(b"SQLite format 3\0"),
    "folder": lambda path: path.mkdir(),
    "other tables": database("create table a (b text)"),
    "no experiment": database(TABLE),
    "a number for a place": database(TABLE, "insert into experiments values ('ferflow', 3)"),
    "nothing for a place": database(TABLE, "insert into experiments values ('ferflow', null)"),
    "bytes for a place": database(TABLE, "insert into experiments values ('ferflow', x'ff')"),
    "a bucket": database(TABLE, "insert into experiments values ('ferflow', 's3://b/artifacts')"),
}


@pytest.mark.parametrize("kind", STORES)
def test_a_store_that_is_none_is_not_moved(store, kind):
    STORES[kind](store)
    assert str(store) in refused(move_store)


@pytest.mark.parametrize("kind", ["words", "header alone", "folder"])
def test_a_store_that_is_none_is_not_opened(store, kind):
    from ferflow.tracking.store import open_store

    STORES[kind](store)
    assert str(store) in refused(open_store)
