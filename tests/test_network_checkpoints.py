"""Checkpoints of networks: a training goes on where it was killed, and only its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from network_data import FILES, ROOT, SMALL, data, faces, fit_broken_off, params, same, weights
from training_rows import training_data

from ferflow.core.errors import DataError
from ferflow.training.families.network import checkpoint
from ferflow.training.families.network.checkpoint import alone
from ferflow.training.families.network.data_parallel import Ranks
from ferflow.training.families.network.family import fit

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam", "learning_rate": 0.01},
        {"optimizer": "adamw", "learning_rate": 0.01, "schedule": "cosine"},
        {"schedule": "constant", "momentum": 0.0},
        {"schedule": "plateau", "schedule_epochs": 1},
        {"schedule": "warm_restarts", "schedule_epochs": 1},
        {"loss": "focal", "class_weight": "balanced"},
        {"mixup": 0.3, "label_smoothing": 0.1},
        {"ema_decay": 0.9},
        {
            "augmentation": [
                "horizontal_flip",
                {"rotation_degrees": 20},
                {"shift_share": 0.1},
                "stretch_share",
                "shear_degrees",
            ]
        },
        {
            "augmentation": [
                "stretch_levels",
                "brightness_factors",
                "contrast_factors",
                "erasing_chance",
            ],
            "input": "unit",
        },
        {"precision": "bfloat16"},
    ],
    ids=lambda changes: "-".join(map(str, changes)),
)
def test_a_killed_training_ends_with_the_same_weights(tmp_path, monkeypatch, changes):
    """Every part of the state is in the checkpoint: with each option, broken off after epoch 2."""
    options = params(epochs=4, **changes)
    whole = fit(data(), options, 0)

    fit_broken_off(monkeypatch, 2, data(tmp_path), options, 0)
    resumed = fit(data(tmp_path), options, 0)
    assert resumed.earlier_seconds > 0
    assert same(weights(whole), weights(resumed))
    assert whole.curve.equals(resumed.curve)


KILLED = """
import sys
from pathlib import Path
sys.path.append(sys.argv[1])
from network_data import data, params
from ferflow.training.families.network.family import fit, save
target = Path(sys.argv[3])
target.mkdir()
save(fit(data(Path(sys.argv[2])), params(epochs=40), 0).model, target)
"""


@pytest.fixture
def start(tmp_path):
    """Start a training of 40 epochs in a process of its own; all have one scratch folder."""

    def start(target):
        words = [Path(__file__).parent, tmp_path / "scratch", tmp_path / target]
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", KILLED, *map(str, words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    return start


def until(process, pattern):
    """The lines that a process prints up to one that begins like the pattern."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if re.match(pattern, line):
            return lines
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("first_is_killed", [False, True])
def test_of_two_equal_trainings_at_once_one_waits_and_takes_what_the_other_made(
    tmp_path, start, first_is_killed
):
    with start("first") as first:
        until(first, r" *2 ")
        first.send_signal(signal.SIGSTOP)  # it would have ended before the other has begun
        with start("second") as second:
            (said,) = until(second, "waiting: another process trains the same network")
            assert str(tmp_path / "scratch") in said
            first.send_signal(signal.SIGKILL if first_is_killed else signal.SIGCONT)
            printed = second.stdout.read()
    assert first.returncode == (-signal.SIGKILL if first_is_killed else 0)
    assert second.returncode == 0
    (after,) = re.findall(r"^going on after epoch (\d+) ", printed, re.M)
    trained = [int(row) for row in re.findall(r"^ *(\d+) +\S+e-", printed, re.M)]
    assert trained == list(range(int(after) + 1, 41))
    if first_is_killed:
        assert 2 <= int(after) < 40
    else:
        assert after == "40"
        for name in FILES:
            one, other = (tmp_path / t / name for t in ("first", "second"))
            assert one.read_bytes() == other.read_bytes()


def test_a_training_ended_by_kill_9_gives_the_same_file(tmp_path, start):
    with start("killed") as process:
        until(process, r" *7 ")
        process.send_signal(signal.SIGKILL)
    assert not any((tmp_path / "killed").iterdir())
    with start("resumed") as process:
        printed = process.stdout.read()
    assert "going on after epoch" in printed
    (tmp_path / "scratch").rename(tmp_path / "elsewhere")
    with start("whole") as process:
        assert "going on" not in process.stdout.read()
    for name in FILES:
        one, other = (tmp_path / t / name for t in ("resumed", "whole"))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("change", ["learning_rate", "seed", "data", "val", "architecture"])
def test_another_trainings_checkpoint_is_never_picked_up(tmp_path, change):
    fit(data(tmp_path), params(), 0)
    rows, options, seed = data(tmp_path), params(), 0
    match change:
        case "learning_rate":
            options = params(learning_rate=0.05)
        case "seed":
            seed = 1
        case "data":
            rows = training_data(*faces(60, 7), val=faces(30, 1), scratch=tmp_path)
        case "val":
            rows = training_data(*faces(), val=faces(30, 8), scratch=tmp_path)
        case "architecture":
            options = params(options=SMALL["options"] | {"depths": [1, 2]})
    assert fit(rows, options, seed).earlier_seconds == 0


def test_a_finished_training_is_taken_from_its_checkpoint(tmp_path):
    first = fit(data(tmp_path), params(), 0)
    again = fit(data(tmp_path), params(), 0)
    assert again.earlier_seconds > 0
    assert same(weights(first), weights(again))


@pytest.mark.parametrize(
    ("schedule", "goes_on"),
    [
        ("constant", True),
        ("plateau", True),
        ("warm_restarts", True),
        ("cosine", False),
        ("one_cycle", False),
    ],
)
def test_more_epochs_go_on_where_the_schedule_does_not_span_them(tmp_path, schedule, goes_on):
    options = params(epochs=5, schedule=schedule, schedule_epochs=1, learning_rate=0.02)
    whole = fit(data(), options, 0)
    fit(data(tmp_path), options.model_copy(update={"epochs": 3}), 0)
    more = fit(data(tmp_path), options, 0)
    assert (more.earlier_seconds > 0) == goes_on
    assert same(weights(whole), weights(more))
    assert whole.curve.equals(more.curve)


def test_fewer_epochs_start_anew(tmp_path):
    """The checkpoint's best epoch may lie beyond the fewer ones, and their weights are gone."""
    options = params(epochs=2, schedule="constant", learning_rate=0.02)
    whole = fit(data(), options, 0)
    fit(data(tmp_path), options.model_copy(update={"epochs": 5}), 0)
    fewer = fit(data(tmp_path), options, 0)
    assert fewer.earlier_seconds == 0
    assert same(weights(whole), weights(fewer))
    assert whole.curve.equals(fewer.curve)


def test_checkpoints_of_old_trainings_are_deleted(tmp_path):
    for seed in range(6):
        fit(data(tmp_path), params(epochs=1), seed)
    assert len(list(tmp_path.glob("*/*"))) == 4


@pytest.mark.parametrize("meanwhile", ["nothing", "deleted"])
def test_an_old_folder_goes_with_what_a_killed_process_left_in_it(tmp_path, monkeypatch, meanwhile):
    """Also where another process deletes it at the same time."""
    for age in range(5):
        folder = tmp_path / f"training {age}"
        folder.mkdir()
        (folder / "checkpoint.safetensors").write_text("")
        (folder / "checkpoint.safetensors.1.part").write_text("")
        os.utime(folder / "checkpoint.safetensors", (age, age))
    if meanwhile == "deleted":
        exclusive = checkpoint.exclusive

        def late(file, **held):
            shutil.rmtree(tmp_path / "training 1")
            return exclusive(file, **held)

        monkeypatch.setattr(checkpoint, "exclusive", late)
    checkpoint._delete_old(tmp_path, keep=tmp_path / "training 0")
    left = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert left == {f"training {age}" for age in (0, 2, 3, 4)}


def test_an_old_checkpoint_in_use_is_not_deleted(tmp_path):
    fit(data(tmp_path), params(epochs=1), 0)
    (file,) = tmp_path.glob("*/*")
    with alone(file.parent, Ranks()):
        for seed in range(1, 6):
            fit(data(tmp_path), params(epochs=1), seed)
        assert file.exists()
    assert len(list(tmp_path.glob("*/*"))) == 5
    fit(data(tmp_path), params(epochs=1), 6)
    assert not file.exists()


def test_a_damaged_checkpoint_is_named(tmp_path):
    fit(data(tmp_path), params(), 0)
    (file,) = tmp_path.glob("*/*")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"checkpoint\.safetensors is damaged"):
        fit(data(tmp_path), params(), 0)
