"""Training: learning, choosing, stopping, resuming after a kill, and what is refused."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from training_rows import training_data

from ferflow.data.policy import check_policy
from ferflow.errors import DataError, ParamError
from ferflow.params import pick_section, read_yaml
from ferflow.train.network import Params, fit, load, predict_proba, save
from ferflow.train.network.batches import measure_scale, n_batches, shuffled_batches
from ferflow.train.network.checkpoint import load_checkpoint, unpack
from ferflow.train.network.loop import Training

ROOT = Path(__file__).parents[1]
FILES = [  # of a network on a backbone
    "config.json",
    "head.safetensors",
    "model.safetensors",
    "network.json",
    "preprocessor_config.json",
]
SMALL = {
    "architecture": "resnet",
    "options": {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "input_size": 24},
    "input": "standardised",
    "epochs": 3,
    "batch_size": 16,
    "augmentation": [],
    "precision": "float32",
    "device": "cpu",
    "label_smoothing": 0.0,
}


def params(**changes):
    section = read_yaml(ROOT / "presets/defaults.yaml")["train"]["network"]
    return pick_section({"network": section | SMALL | changes}, "network", Params)


def faces(n=60, seed=0, side=24):
    """Images (n, side * side) of three classes: a bright band at the top, middle or bottom."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = rng.integers(0, 120, (n, side, side))
    for image, k in zip(x, y, strict=True):
        image[k * side // 3 : (k + 1) * side // 3] += 110
    return x.astype(np.uint8).reshape(n, -1), y


def data(scratch=None, val=True):
    return training_data(*faces(), val=faces(30, 1) if val else None, scratch=scratch)


def weights(fitted):
    return {k: v.clone() for k, v in fitted.model.network.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[k], b[k]) for k in a)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained():
    return fit(data(), params(epochs=12, learning_rate=0.05), 0)


def test_a_network_learns_and_the_best_epoch_on_val_is_kept(trained):
    x, y = faces(200, 2)
    p = predict_proba(trained.model, x, 7)
    assert (p.argmax(axis=1) == y).mean() > 0.9
    assert p.sum(axis=1) == pytest.approx(1)
    chosen = trained.curve.set_index("epoch")["val_accuracy"]
    assert trained.about["epoch_chosen"] == chosen.idxmax()
    val_x, val_y = faces(30, 1)
    kept = (predict_proba(trained.model, val_x, 7).argmax(axis=1) == val_y).mean()
    assert kept == pytest.approx(chosen.max())


def test_the_seed_fixes_the_weights():
    first, again, other = (weights(fit(data(), params(epochs=2), seed)) for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


def test_training_leaves_torchs_random_stream_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    fit(data(), params(epochs=1), 0)
    assert torch.rand(1) == expected


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
        {"augmentation": ["horizontal_flip", {"rotation": 20}, {"shift": 0.1}, "zoom", "shear"]},
        {"augmentation": ["brightness", "contrast", "erasing"], "input": "unit"},
        {"precision": "bfloat16"},
    ],
    ids=lambda changes: "-".join(map(str, changes)),
)
def test_a_killed_training_ends_with_the_same_weights(tmp_path, monkeypatch, changes):
    """Every part of the state is in the checkpoint: with each option, broken off after epoch 2."""
    options = params(epochs=4, **changes)
    whole = fit(data(), options, 0)

    run_epoch = Training.run_epoch

    def broken(self, *args):
        if len(self.history) == 2:
            raise KeyboardInterrupt
        return run_epoch(self, *args)

    monkeypatch.setattr(Training, "run_epoch", broken)
    with pytest.raises(KeyboardInterrupt):
        fit(data(tmp_path), options, 0)
    monkeypatch.setattr(Training, "run_epoch", run_epoch)
    resumed = fit(data(tmp_path), options, 0)
    assert resumed.earlier_seconds > 0
    assert same(weights(whole), weights(resumed))
    assert whole.curve.equals(resumed.curve)


KILLED = """
import sys
from pathlib import Path
sys.path.append(sys.argv[1])
from test_network_training import data, params
from ferflow.train.network import fit, save
target = Path(sys.argv[3])
target.mkdir()
save(fit(data(Path(sys.argv[2])), params(epochs=40), 0).model, target)
"""


def test_a_training_ended_by_kill_9_gives_the_same_file(tmp_path):
    def start(target):
        words = [Path(__file__).parent, tmp_path / "scratch", tmp_path / target]
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", KILLED, *map(str, words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    with start("killed") as process:
        for line in process.stdout:
            if re.match(r" *7 ", line):
                process.send_signal(signal.SIGKILL)
                break
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


def test_checkpoints_of_old_trainings_are_deleted(tmp_path):
    for seed in range(6):
        fit(data(tmp_path), params(epochs=1), seed)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_damaged_checkpoint_is_named(tmp_path):
    fit(data(tmp_path), params(), 0)
    (file,) = tmp_path.glob("*/*")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DataError, match="is no whole checkpoint"):
        fit(data(tmp_path), params(), 0)


def test_training_stops_when_val_has_not_improved_for_so_many_epochs():
    found = fit(data(), params(epochs=50, patience=3, min_delta=2.0), 0)
    assert (found.about["epochs"], found.about["epoch_chosen"]) == (4, 1)


def test_without_val_the_last_epoch_is_kept_and_nothing_scored():
    found = fit(data(val=False), params(epochs=3), 0)
    assert found.about["epoch_chosen"] == 3
    assert found.curve["val_accuracy"].isna().all()


@pytest.mark.parametrize("changes", [{"patience": 2}, {"schedule": "plateau"}])
def test_without_val_nothing_can_be_watched(changes):
    with pytest.raises(ParamError, match="nothing is left to watch"):
        fit(data(val=False), params(**changes), 0)


def test_a_batch_larger_than_the_set_is_refused():
    with pytest.raises(ParamError, match=r"at most the number of training rows \(60\); got 61"):
        fit(data(), params(batch_size=61), 0)


def test_a_loss_that_is_no_number_stops_with_epoch_and_rate(tmp_path):
    options = params(optimizer="sgd", learning_rate=1e30, schedule="constant")
    with pytest.raises(DataError, match="the loss is no number in epoch 1, at a learning rate of"):
        fit(data(tmp_path), options, 0)


@pytest.mark.parametrize("val", [True, False])
def test_weights_that_the_last_step_of_an_epoch_spoils_are_not_kept(tmp_path, monkeypatch, val):
    steps, step = [], Training._step

    def spoiled(self, rows):
        steps.append(rows)
        loss = step(self, rows)
        if len(steps) == 8:  # four batches an epoch
            next(self.network.parameters()).data.fill_(torch.nan)
        return loss

    monkeypatch.setattr(Training, "_step", spoiled)
    with pytest.raises(DataError, match=r"no number in epoch 2.* epoch 1's weights are kept"):
        fit(data(tmp_path, val=val), params(), 0)
    (file,) = tmp_path.glob("*/*")
    kept = unpack("network", load_checkpoint(file.parent)[0])
    assert all(tensor.isfinite().all() for tensor in kept.values())


@pytest.mark.parametrize(
    ("batch_size", "cure"),
    [(48, "Try train.network.batch_size 24."), (2, "Take a smaller network")],
)
def test_a_gpu_whose_memory_is_full_says_what_to_try(monkeypatch, batch_size, cure):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(Training, "_step", full)
    with pytest.raises(ParamError, match=f"does not hold batches of {batch_size}\\. {cure}"):
        fit(data(), params(batch_size=batch_size), 0)


def test_features_are_no_images():
    rows = training_data(np.zeros((20, 100), np.float32), np.arange(20) % 3)
    with pytest.raises(DataError, match=r"Set features\.method to pixels"):
        fit(rows, params(), 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rate": 0.0}, "greater than 0"),
        ({"learning_rate": -1.0}, "greater than 0"),
        ({"architecture": "resnett"}, "Did you mean 'resnet'"),
        ({"augmentation": ["rotate"]}, "Did you mean 'rotation'"),
        ({"augmentation": [{"rotation": 200}]}, "0 to 180; got 200"),
        ({"augmentation": ["zoom", {"zoom": 0.1}]}, "twice: zoom"),
        ({"augmentation": [{"horizontal_flip": 1}]}, "takes no amount"),
        ({"augmentation": [{"brightness": [1.5, 0.5]}]}, "got [1.5, 0.5]"),
        ({"loss": "focal", "label_smoothing": 0.1}, "with focal loss it must be 0"),
    ],
)
def test_impossible_parameters_are_refused_in_one_line(changes, words):
    with pytest.raises(ParamError, match=re.escape(words)) as caught:
        params(**changes)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ParamError, match=r"train\.network\.device is 'cuda'"):
        fit(data(), params(device="cuda"), 0)


def test_a_network_comes_back_from_its_folder(tmp_path, trained):
    save(trained.model, tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == FILES
    x = faces(20, 3)[0]
    found = predict_proba(load(tmp_path), x, 7)
    assert np.array_equal(found, predict_proba(trained.model, x, 7))


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": "nothing"},
        {"n_classes": 3},
        {"n_classes": 10**9},
        {"side": None},
        {"scale": {"mean": 0.0, "std": 0.0}},
    ],
    ids=str,
)
def test_a_folder_that_describes_another_network_is_refused(tmp_path, trained, change):
    save(trained.model, tmp_path)
    about = json.loads((tmp_path / "network.json").read_text()) | change
    (tmp_path / "network.json").write_text(json.dumps(about))
    with pytest.raises(DataError, match="holds no network that can be loaded"):
        load(tmp_path)


def test_tampered_weights_are_refused(tmp_path, trained):
    save(trained.model, tmp_path)
    file = tmp_path / "model.safetensors"
    for content in (b"", file.read_bytes()[:-1], b"\x80\x04pickle"):
        file.write_bytes(content)
        with pytest.raises(DataError, match="holds no network that can be loaded"):
            load(tmp_path)


def test_every_row_is_seen_once_in_an_epoch():
    batches = list(shuffled_batches(33, 16, np.random.default_rng(0)))
    assert [len(rows) for rows in batches] == [16, 16]  # a batch of one row teaches nothing
    assert len(batches) == n_batches(33, 16)
    rows = np.concatenate(list(shuffled_batches(40, 16, np.random.default_rng(0))))
    assert sorted(rows) == list(range(40))


def test_the_scale_is_that_of_all_grey_levels():
    x = faces(5000)[0]
    scale = measure_scale(x)
    assert (scale.mean, scale.std) == (pytest.approx(x.mean() / 255), pytest.approx(x.std() / 255))


@pytest.mark.parametrize("step", ["horizontal_flip", "rotation", "shift", "zoom", "shear"])
def test_a_policy_changes_images_and_keeps_their_range(step):
    from ferflow.data.batch_augmentation import make_augmentation

    torch.manual_seed(0)
    x = torch.rand(8, 1, 48, 48)
    drawn = make_augmentation(check_policy([step]))(x)
    assert drawn.shape == x.shape
    assert not torch.equal(drawn, x)
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def test_an_empty_policy_changes_nothing():
    from ferflow.data.batch_augmentation import make_augmentation

    x = torch.rand(4, 1, 8, 8)
    assert torch.equal(make_augmentation([])(x), x)


def test_a_shift_repeats_the_edge():
    """A white image stays white, whatever comes in from outside."""
    from ferflow.data.batch_augmentation import make_augmentation

    policy = check_policy([{"shift": 0.5}, {"rotation": 180}, {"zoom": 0.9}])
    drawn = make_augmentation(policy)(torch.ones(16, 1, 48, 48))
    assert drawn.min() == pytest.approx(1, abs=1e-5)
