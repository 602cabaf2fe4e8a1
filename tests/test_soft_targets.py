"""People's votes as what is learnt: through files, copies and balance into the loss."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from network_data import faces, params
from torch.nn import functional
from training_rows import split_of

from ferflow.augment.copies import augment
from ferflow.augment.params import AugmentParams
from ferflow.balance.params import BalanceParams
from ferflow.balance.resample import balance
from ferflow.core.errors import DataError, ParamError
from ferflow.core.split import Split, load_split, save_split
from ferflow.training.families.network.drawn_images import DrawnImages
from ferflow.training.families.network.family import fit, predict_proba
from ferflow.training.families.network.losses import Loss
from ferflow.training.shared.fitting import TrainingData

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


@pytest.fixture
def soft(make_split):
    """Six images of three classes, each with 0.7 of the votes for its own."""
    split = make_split()
    targets = np.full((6, 3), 0.15, np.float32)
    targets[np.arange(6), split.y] = 0.7
    return replace(split, targets=targets)


def test_a_split_file_keeps_them_and_one_without_them_is_as_before(
    tmp_path, soft, make_split, same_split
):
    save_split(tmp_path / "soft", soft)
    same_split(load_split(tmp_path / "soft"), soft)
    save_split(tmp_path / "plain", make_split())
    assert not load_split(tmp_path / "plain").is_soft
    assert b"targets" not in (tmp_path / "plain").read_bytes()[:1000]


@pytest.mark.parametrize("fault", [{"targets": 0.5}, {"labels": ("angry", "fear")}])
def test_a_file_whose_shares_are_none_is_refused(tmp_path, soft, fault):
    if "targets" in fault:
        fault = {"targets": soft.targets * np.float32(fault["targets"])}
    save_split(tmp_path / "soft", replace(soft, y=soft.y % 2, **fault))
    with pytest.raises(DataError, match="its targets are not shares of its classes"):
        load_split(tmp_path / "soft")


def test_rows_take_theirs_along(soft):
    taken = soft.take(np.array([4, 1]))
    assert taken.learnt.tolist() == soft.targets[[4, 1]].tolist()
    assert Split.join([taken, soft]).targets.shape == (8, 3)
    assert soft.take(soft.y == 9).is_soft


def test_copies_have_their_images_votes(soft):
    options = AugmentParams(copies=["horizontal_flip"], fill_rare="crop_pad_flip")
    copied = augment(soft, options, seed=0)
    place = {name: k for k, name in enumerate(soft.source_id)}
    expected = soft.targets[[place[name] for name in copied.source_id]]
    assert len(copied) > 12 and np.array_equal(copied.targets, expected)


def test_balance_repeats_rows_and_does_not_mix_them(soft):
    more = balance(soft, BalanceParams(method="random_oversampling", k_neighbors=1), seed=0)
    assert len(more) == 9 and (more.targets.argmax(axis=1) == more.y).all()
    with pytest.raises(ParamError, match="mixes rows of one class"):
        balance(soft, BalanceParams(method="smote", k_neighbors=1), seed=0)


@pytest.mark.parametrize("options", [{}, {"loss": "focal"}, {"label_smoothing": 0.1}])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_one_hot_shares_cost_what_classes_cost(options, class_weight):
    y = np.array([0, 1, 2, 0, 1, 0])
    loss = Loss(params(class_weight=class_weight, **options), y, 3, CPU)
    scores = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    hard = torch.from_numpy(y)
    one_hot = functional.one_hot(hard, 3).float()
    assert float(loss(scores, one_hot)) == pytest.approx(float(loss(scores, hard)), rel=1e-5)


def test_shares_cost_the_mean_of_their_classes():
    y = np.array([0, 0, 0, 1])
    loss = Loss(params(class_weight="balanced"), y, 2, CPU)  # weights 2/3 and 2
    scores = torch.tensor([[1.0, -1.0]])
    log_p = torch.log_softmax(scores, 1)[0]
    expected = -(0.75 * log_p[0] + 0.25 * log_p[1]) * (0.75 * 2 / 3 + 0.25 * 2)
    assert float(loss(scores, torch.tensor([[0.75, 0.25]]))) == pytest.approx(float(expected))


def test_mixing_images_mixes_their_shares(monkeypatch):
    torch.manual_seed(0)
    images, shares = torch.arange(4.0)[:, None], torch.eye(4)
    monkeypatch.setattr(DrawnImages, "plain", lambda *_: (images, shares))
    drawn = DrawnImages(SimpleNamespace(y=shares), None, None)
    x, _, other, share = drawn.mixed(range(4), None, 1.0)
    order = other.argmax(dim=1)
    assert torch.allclose(x[:, 0], share * torch.arange(4.0) + (1 - share) * order)
    loss = Loss(params(), np.arange(4), 4, CPU)
    scores = torch.randn(4, 4)
    mixed = float(loss.mixed(scores, shares, other, share))
    assert mixed == pytest.approx(float(loss(scores, share * shares + (1 - share) * other)))


def test_a_network_learns_the_shares_and_not_only_the_majority():
    x, y = faces(120)
    shares = np.zeros((120, 7), np.float32)
    shares[:, :3] = 0.2
    shares[np.arange(120), y] = 0.6
    train = replace(split_of(x, y), targets=shares)
    val = split_of(*faces(30, 1))
    fitted = fit(TrainingData(train, val), params(epochs=12, learning_rate=0.05), 0)
    p = predict_proba(fitted.model, x, 7)
    assert (p.argmax(axis=1) == y).mean() > 0.9
    assert p[np.arange(120), y].mean() == pytest.approx(0.6, abs=0.1)
