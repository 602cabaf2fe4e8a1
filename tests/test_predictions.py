"""Stored predictions: what is read is what was written, and the bytes depend on nothing else."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ferflow.core.errors import DataError, DiskError
from ferflow.evaluation.predictions import (
    prediction_frame,
    read_predictions,
    split_predictions,
    write_predictions,
)

pytestmark = pytest.mark.filterwarnings("error")

LABELS = ["happy", "disgust", "sad"]  # not in alphabetical order: the order must survive
IDS = ["00012", "00007", "00450", "é"]
Y = np.array([2, 0, 1, 0])


def probabilities(seed: int) -> np.ndarray:
    """Four rows of three probabilities with all 53 bits in use."""
    return np.random.default_rng(seed).dirichlet(np.ones(3), 4)


def frames() -> list[pd.DataFrame]:
    """A validation and a test table."""
    return [
        prediction_frame(IDS, split, Y, probabilities(seed), LABELS)
        for seed, split in enumerate(["val", "test"])
    ]


def test_round_trip_is_exact_to_the_bit(tmp_path):
    path = tmp_path / "new" / "folder" / "predictions.parquet"
    write_predictions(path, frames())
    table = read_predictions(path)
    assert list(table.columns) == ["source_id", "split", "label", "p_happy", "p_disgust", "p_sad"]
    for seed, split in enumerate(["val", "test"]):
        y, p, labels = split_predictions(table, split)
        assert labels == LABELS
        assert y.dtype == np.int64
        assert y.tolist() == Y.tolist()
        assert p.dtype == np.float64
        assert p.tobytes() == probabilities(seed).tobytes()
        assert table.loc[table["split"] == split, "source_id"].tolist() == IDS
    assert [file.name for file in path.parent.iterdir()] == ["predictions.parquet"]


def test_the_table_read_equals_the_table_written(tmp_path):
    write_predictions(tmp_path / "a.parquet", frames())
    expected = pd.concat(frames(), ignore_index=True)
    pd.testing.assert_frame_equal(
        read_predictions(tmp_path / "a.parquet"), expected, check_exact=True
    )


def test_the_same_content_gives_the_same_bytes_in_another_process(tmp_path):
    here, twice, there = (tmp_path / name for name in ("here", "twice", "there"))
    write_predictions(here, frames())
    write_predictions(twice, frames())
    root = Path(__file__).resolve().parent.parent
    script = (
        "import sys; from pathlib import Path; from tests import test_predictions as t;"
        "t.write_predictions(Path(sys.argv[1]), t.frames())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", script, str(there)], check=True, env=environment)
    assert (
        len({hashlib.sha256(file.read_bytes()).hexdigest() for file in (here, twice, there)}) == 1
    )


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "predictions.parquet"
    write_predictions(path, frames())
    before = path.read_bytes()

    def torn(_table, where, **_options):
        Path(where).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("ferflow.evaluation.predictions.pq.write_table", torn)
    with pytest.raises(DiskError, match=r"predictions\.parquet cannot be written \(disk full\)"):
        write_predictions(path, frames()[:1])
    assert path.read_bytes() == before


def test_float32_probabilities_are_kept_as_float64():
    p = probabilities(0).astype(np.float32)
    _, kept, _ = split_predictions(prediction_frame(IDS, "val", Y, p, LABELS), "val")
    assert kept.tolist() == p.astype(np.float64).tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source_ids": IDS[:3]}, "4 rows need as many source ids; got 3"),
        ({"y": Y[:, None]}, r"got int64 \(4, 1\)"),
        ({"labels": LABELS[:2]}, "2 labels"),
        ({"y": np.array([0, 1, 2, 3])}, r"0\.\.2; got 0\.\.3"),
        ({"y": np.array([-1, 0, 0, 0])}, "got"),
        ({"y": Y.astype(float)}, "integer array; got float64"),
        ({"p": np.where(np.eye(4, 3) == 1, np.nan, 0.5)}, r"nan, 0\.5, 0\.5\] in row 0"),
        ({"p": 2 * probabilities(0)}, "sum to 1"),
        ({"tta": 2 * probabilities(0)}, "sum to 1"),
    ],
)
def test_wrong_arrays_are_refused(change, message):
    good = {"source_ids": IDS, "split": "val", "y": Y, "p": probabilities(0), "labels": LABELS}
    with pytest.raises(ValueError, match=message):
        prediction_frame(**(good | change))


def test_wrong_tables_are_refused(tmp_path):
    val, test = frames()
    path = tmp_path / "predictions.parquet"
    with pytest.raises(ValueError, match="got none"):
        write_predictions(path, [])
    with pytest.raises(ValueError, match="one table only"):
        write_predictions(path, [val, val])
    with pytest.raises(ValueError, match="differ in classes"):
        write_predictions(path, [val, test.rename(columns={"p_sad": "p_angry"})])
    with pytest.raises(ValueError, match="a table of predictions has columns"):
        write_predictions(path, [val.drop(columns="split")])
    with pytest.raises(ValueError, match=r"no rows of split 'train'; the table has \['val'\]"):
        split_predictions(val, "train")
    with pytest.raises(ValueError, match=r"got \['bored'\]"):
        split_predictions(val.assign(label="bored"), "val")
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.parquet"
    with pytest.raises(DataError, match=r"other.parquet is not here. `dvc repro`"):
        read_predictions(path)
    pd.DataFrame({"x": [1]}).to_parquet(path)
    with pytest.raises(DataError, match=r"does not hold predictions \(.*got \['x'\]\)"):
        read_predictions(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"does not hold predictions \(.*run `dvc repro`"):
        read_predictions(path)
