"""Training: learning, choosing, stopping, and what is refused."""

import ctypes
import json
import re

import numpy as np
import pytest
import torch
from network_data import FILES, data, faces, params, same, weights
from sklearn.metrics import accuracy_score, f1_score
from torch.utils._python_dispatch import TorchDispatchMode
from training_rows import training_data

from ferflow.core.errors import DataError, ParamError
from ferflow.training.families.network import batches, loop
from ferflow.training.families.network.batches import measure_scale, n_batches, shuffled_batches
from ferflow.training.families.network.checkpoint import load_checkpoint, unpack
from ferflow.training.families.network.family import fit, load, predict_proba, save
from ferflow.training.families.network.loop import Training
from ferflow.training.families.network.scores import accuracy, f1_macro
from ferflow.training.families.network.start import start_training

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")


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
    with pytest.raises(
        DataError, match=r"the loss became NaN or infinite in epoch 1\. The learning"
    ):
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
    with pytest.raises(DataError, match=r"NaN or infinite in epoch 2.* Epoch 1's weights are kept"):
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
        ({"learning_rate": 0.0}, "above 0"),
        ({"learning_rate": -1.0}, "above 0"),
        ({"architecture": "resnett"}, "Did you mean 'resnet'"),
        ({"augmentation": ["rotation_degree"]}, "Did you mean 'rotation_degrees'"),
        ({"augmentation": [{"rotation_degrees": 200}]}, "0 to 180; got 200"),
        ({"augmentation": ["zoom_share", {"zoom_share": 0.1}]}, "twice: zoom_share"),
        ({"augmentation": [{"horizontal_flip": 1}]}, "takes no amount"),
        ({"augmentation": [{"brightness_factors": [1.5, 0.5]}]}, "got [1.5, 0.5]"),
        ({"loss": "focal", "label_smoothing": 0.1}, "with focal loss it must be 0"),
        ({"augmentation": [{"shear": 20}]}, "a slope (degrees are named shear_degrees: 10)"),
        ({"augmentation": ["stretch_levels", "brightness_factors"]}, "got input: standardised"),
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
    batches = list(shuffled_batches(33, 16, np.random.default_rng(0), CPU))
    assert [len(rows) for rows in batches] == [16, 16]  # a batch of one row teaches nothing
    assert len(batches) == n_batches(33, 16)
    rows = np.concatenate(list(shuffled_batches(40, 16, np.random.default_rng(0), CPU)))
    assert sorted(rows) == list(range(40))


def test_the_training_loss_is_the_mean_of_the_rows_that_were_learnt(monkeypatch):
    """Of 33 rows in batches of 16 the last one is left out; the loss was a 33rd too small."""
    monkeypatch.setattr(Training, "_step", lambda _, rows: torch.tensor(0.5 * len(rows)))
    fitted = fit(training_data(*faces(33), val=faces(4, 1)), params(epochs=1), 0)
    assert fitted.curve["train_loss"].tolist() == [0.5]


def test_the_scale_is_that_of_all_grey_levels():
    x = faces(5000)[0]
    scale = measure_scale(x)
    assert (scale.mean, scale.std) == (pytest.approx(x.mean() / 255), pytest.approx(x.std() / 255))


ALL_OPTIONS = {
    "epochs": 2,
    "optimizer": "adam",
    "mixup": 0.3,
    "ema_decay": 0.9,
    "class_weight": "balanced",
    "input": "unit",
    "augmentation": [
        *["horizontal_flip", "rotation_degrees", "shift_share", "stretch_share", "shear_degrees"],
        *["stretch_levels", "brightness_factors", "contrast_factors", "erasing_chance"],
    ],
}


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Images, classes and order lie on the device, here the processor, from the start."""
    for module in (batches, loop):
        monkeypatch.setattr(module, "is_apart", lambda _: True)


def test_what_lies_on_a_gpu_trains_as_what_lies_on_disk(monkeypatch):
    options = params(**ALL_OPTIONS)
    here = fit(data(), options, 0)
    for module in (batches, loop):
        monkeypatch.setattr(module, "is_apart", lambda _: True)
    there = fit(data(), options, 0)
    assert same(weights(here), weights(there))
    assert here.curve.equals(there.curve)


def test_the_moving_average_is_torchs(monkeypatch):
    options = params(ema_decay=0.9, batch_size=20)
    ours = weights(fit(data(), options, 0))
    monkeypatch.setattr(loop, "update_average", lambda ema, net: ema.update_parameters(net))
    assert same(ours, weights(fit(data(), options, 0)))


class Fetched(TorchDispatchMode):
    """Counts what makes the program wait for a GPU: values read, and tensors of unknown size."""

    n = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = str(function)
        self.n += any(word in name for word in ("_local_scalar_dense", "nonzero", "is_nonzero"))
        return function(*args, **(kwargs or {}))


@pytest.mark.usefixtures("as_on_a_gpu")
def test_nothing_waits_for_a_gpu_within_an_epoch():
    """By what torch is asked: no value of a tensor that would lie on a GPU is read."""
    options = params(**ALL_OPTIONS | {"mixup": 0.0, "ema_decay": None})
    training = start_training(data(), options, 0)
    order = torch.arange(16)
    training._step(order)  # constants are brought to the device once
    with Fetched() as fetched:
        for _ in range(2):
            training._step(order)
    assert fetched.n == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_nothing_waits_for_the_gpu_that_is_here():
    training = start_training(data(), params(**ALL_OPTIONS | {"device": "cuda"}), 0)
    order = torch.arange(16, device="cuda")
    training._step(order)
    torch.cuda.set_sync_debug_mode("error")
    try:
        training._step(order)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.skipif(
    not torch.cpu.get_capabilities().get("amx_bf16"), reason="the processor has no AMX"
)
@pytest.mark.parametrize(
    "name", ["allconv", "fernet", "littlevgg", "resnet", "sepconv", "widekernel"]
)
def test_amx_computes_the_convolutions_where_the_processor_has_it(capfd, name):
    """By what oneDNN says that it runs, forward and backward."""
    options = params(architecture=name, options={}, precision="bfloat16", input="unit")
    training = start_training(training_data(*faces(16, side=48)), options, 0)
    with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
        training._step(np.arange(16))
    ctypes.CDLL(None).fflush(None)
    ran = re.findall(r",convolution,(\S+?),(\w+),", capfd.readouterr().out)
    assert {kind.partition("_")[0] for _, kind in ran} == {"forward", "backward"}
    assert all("amx" in way for way, _ in ran), ran


@pytest.mark.parametrize("seed", range(20))
def test_accuracy_and_f1_are_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    y, named = rng.integers(0, 7, 50), rng.integers(seed % 3, 5 + seed % 4, 50)
    assert accuracy(y, named) == accuracy_score(y, named)
    assert f1_macro(y, named) == f1_score(y, named, average="macro", zero_division=0.0)
