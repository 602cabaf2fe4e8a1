"""Training has Keras' meaning: numbers of Keras 3.15.1, made by benchmarks/keras_training.py."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from network_data import data, faces, params
from torch import nn
from training_rows import training_data

from ferflow.training.families.network.batches import channels_last
from ferflow.training.families.network.family import fit, predict_proba
from ferflow.training.families.network.layers import (
    Conv2d,
    Flatten,
    batch_norm,
    batch_norm_dense,
    initialise,
)
from ferflow.training.families.network.loop import Training
from ferflow.training.families.network.losses import Loss
from ferflow.training.families.network.optimizers import Schedule, make_optimizer

KERAS = json.loads((Path(__file__).parent / "kept/keras_training.json").read_text())

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("row", KERAS["losses"]["rows"], ids=str)
def test_a_loss_weighs_an_image_by_its_true_class_and_divides_by_the_images(row):
    y = np.array(KERAS["losses"]["classes"])
    wanted = row.pop("loss")
    loss = Loss(params(**row), y, 3, torch.device("cpu"))(
        torch.tensor(KERAS["losses"]["logits"]), torch.from_numpy(y)
    )
    assert loss.item() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", KERAS["optimizers"])
def test_steps_of_the_optimisers(name):
    """Of gradients from 3e-9 to 2: Adam's epsilon is felt, torch's place for it would be seen.

    Keras computes 1 - beta2^t in float32, so its steps are 1e-5 of themselves shorter.
    """
    given = KERAS["optimizers"][name]
    network = nn.Linear(5, 1, bias=False)
    network.weight.data = torch.tensor([given["first"]])
    decay = {"adamw": 0.1}.get(name, 0.0)
    optimizer = make_optimizer(
        network, params(optimizer=name, learning_rate=0.01, weight_decay=decay)
    )
    for gradient, after in zip(given["gradients"], given["after"], strict=True):
        network.weight.grad = torch.tensor([gradient])
        optimizer.step()
        assert network.weight[0].tolist() == pytest.approx(after, rel=1e-6, abs=1e-6)


def test_a_fused_step_is_the_plain_one_for_weights_that_are_channels_last():
    """torch's fused steps pair values by place in memory: gradients must lie as weights do."""
    torch.manual_seed(0)
    network = channels_last(nn.Sequential(Conv2d(2, 4, 3), Conv2d(4, 3, 1), Flatten()))
    plain = copy.deepcopy(network)
    optimizer = make_optimizer(
        network, params(optimizer="adam", learning_rate=0.01, weight_decay=0.0)
    )
    other = torch.optim.Adam(plain.parameters(), 0.01, fused=False)
    for t in range(1, 4):
        other.param_groups[0]["eps"] = 1e-7 / (1 - 0.999**t) ** 0.5
        x = torch.randn(5, 2, 6, 6)
        for net, rule in ((network, optimizer), (plain, other)):
            rule.zero_grad()
            net(x).square().mean().backward()
            rule.step()
    for fused, wanted in zip(network.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(fused, wanted, atol=1e-6)


@pytest.mark.parametrize("rule", KERAS["early_stopping"], ids=str)
def test_a_training_ends_and_chooses_its_epoch_as_early_stopping_does(rule, monkeypatch):
    rows = iter([{"val_loss": loss, "val_accuracy": 0.5} for loss in KERAS["val_loss"]])
    monkeypatch.setattr(Training, "_step", lambda *_: torch.tensor(1.0))
    monkeypatch.setattr(Training, "_validate", lambda _: next(rows) | {"val_f1_macro": 0.5})
    options = params(
        epochs=len(KERAS["val_loss"]),
        monitor="loss",
        schedule="constant",
        patience=rule["patience"],
        min_delta=rule["min_delta"],
    )
    about = fit(data(), options, 0).about
    assert (about["epochs"], about["epoch_chosen"]) == (rule["epochs"], rule["chosen"])


def test_the_loss_and_the_accuracy_on_val_are_weighted_by_nothing():
    """Keras' `class_weight` is of training alone."""
    options = params(epochs=1, class_weight="balanced", label_smoothing=0.1)
    x, y = faces(30, 1)
    x, y = np.concatenate([x, x[y == 0]]), np.concatenate([y, y[y == 0]])
    fitted = fit(training_data(*faces(), val=(x, y)), options, 0)
    p = predict_proba(fitted.model, x, 7)
    (row,) = fitted.curve.to_dict("records")
    assert row["val_loss"] == pytest.approx(-np.log(p[np.arange(len(y)), y]).mean(), rel=1e-5)
    assert row["val_accuracy"] == (p.argmax(axis=1) == y).mean()


@pytest.mark.parametrize("rule", KERAS["plateau"], ids=lambda rule: str(rule["patience"]))
def test_a_plateau_lowers_the_rate_when_keras_does(rule):
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), 1.0)
    options = params(schedule="plateau", schedule_epochs=rule["patience"], min_delta=0.5)
    schedule = Schedule(optimizer, options, 1)
    rates = []
    for loss in KERAS["val_loss"]:
        schedule.after_step()
        schedule.after_epoch(-loss)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx(rule["rates"], rel=1e-5)


@pytest.mark.parametrize("kind", KERAS["batch_norm"])
def test_batch_norm_keeps_the_mean_of_the_batches_own_variances(kind):
    given = KERAS["batch_norm"][kind]
    batches = torch.tensor(given["batches"]).movedim(-1, 2)  # (batches, n, channels, ...)
    make = {"dense": batch_norm_dense, "maps": batch_norm}[kind]
    layer = make(batches.shape[2])
    for batch in batches:
        out = layer(batch)
    assert layer.running_mean.tolist() == pytest.approx(given["mean"], rel=1e-5)
    assert layer.running_var.tolist() == pytest.approx(given["variance"], rel=1e-6)
    assert out.movedim(1, -1).detach().numpy() == pytest.approx(np.array(given["output"]), abs=1e-6)
    kept = layer.running_var.clone()
    layer.eval()(batches[0])
    assert torch.equal(layer.running_var, kept)


def test_batch_norm_still_refuses_a_single_row():
    with pytest.raises(ValueError, match="more than 1 value"):
        batch_norm_dense(3)(torch.zeros(1, 3))


@pytest.mark.parametrize("given", KERAS["first_weights"], ids=lambda given: str(given["shape"]))
def test_first_weights_are_drawn_from_the_same_range(given):
    *kernel, channels, filters = given["shape"]
    layer = Conv2d(channels, filters, tuple(kernel)) if kernel else nn.Linear(channels, filters)
    torch.manual_seed(0)
    initialise(layer)
    assert layer.weight.abs().max().item() == pytest.approx(given["largest"], rel=0.002)
    assert layer.weight.std().item() == pytest.approx(given["std"], rel=0.02)
    assert not layer.bias.any()
