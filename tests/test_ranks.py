"""One training by several ranks: what one process makes, but for rounding, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from network_data import faces, params, weights
from ranks_training import trained
from safetensors.torch import load_file
from torch import nn
from training_rows import training_data

from ferflow.core.errors import DataError, ParamError
from ferflow.core.own_rank import n_ranks
from ferflow.training.families.network.data_parallel import (
    Ranks,
    SharedNetwork,
    _synchronise,
    _SyncNorm,
    batch_norms,
)
from ferflow.training.families.network.family import _check_same
from ferflow.training.families.network.layers import Dropout, batch_norm
from ferflow.training.shared.batch_augmentation import make_augmentation
from ferflow.training.shared.draws import Part
from ferflow.training.shared.launch import joined, start_ranks
from ferflow.training.shared.policy import check_policy

pytestmark = pytest.mark.usefixtures("one_thread")

TESTS = Path(__file__).parent
ALL = {  # whatever draws or weighs
    "mixup": 0.3,
    "class_weight": "balanced",
    "ema_decay": 0.5,
    "augmentation": [
        "horizontal_flip",
        {"rotation_degrees": 20},
        {"shift_share": 0.1},
        {"brightness_factors": [0.5, 1.5]},
        {"erasing_chance": 0.5},
    ],
}
SMALL = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "input_size": 24}
SECONDS = 240  # on a busy machine: a rank that waits for ever is a failure


@contextmanager
def two_ranks(work, epochs=2, **changes):
    """The process of a training by two ranks; it and they have ended after the block."""
    own = {"PYTHONPATH": f"{TESTS.parent}:{TESTS}", "OMP_NUM_THREADS": "1", "FERFLOW_RANKS": "2"}
    others = {k: v for k, v in os.environ.items() if not k.startswith("DVC_")}
    words = ["-u", TESTS / "ranks_training.py", work, epochs, json.dumps(changes)]
    with subprocess.Popen(
        [sys.executable, *map(str, words)],
        env=others | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def by_two(work, *args, **changes):
    """The weights of a training that ends well, what is said of it, and what it printed."""
    with two_ranks(work, *args, **changes) as process:
        printed, complaints = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, complaints
    assert not complaints
    about = json.loads((work / "done/about.json").read_text())
    return load_file(work / "done/weights.safetensors"), about, printed


def furthest(a, b):
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def test_two_ranks_train_what_one_process_trains(tmp_path):
    """The last of four batches has two rows, which one rank learns and the other counts 0."""
    begun = weights(trained(tmp_path / "begun", 1, learning_rate=1e-9))
    one = trained(tmp_path / "one", 2, **ALL)
    two, about, printed = by_two(tmp_path / "two", 2, **ALL)
    assert furthest(weights(one), two) < 1e-5 < 1e-3 < furthest(weights(one), begun)
    assert len([line for line in printed.splitlines() if "train loss" in line]) == 1
    for name, values in about.pop("curve").items():
        assert values == pytest.approx(list(one.curve[name]), abs=1e-5), name
    assert about == one.about | {"ranks": 2, "local_batch_norm": False}


@pytest.mark.parametrize("first", ["one process", "two ranks"])
def test_another_number_of_ranks_goes_on(tmp_path, capsys, first):
    whole = weights(trained(tmp_path / "whole", 2, **ALL))
    if first == "one process":
        trained(tmp_path, 1, **ALL)
        resumed, about, printed = by_two(tmp_path, 2, **ALL)
    else:
        by_two(tmp_path, 1, **ALL)
        fitted = trained(tmp_path, 2, **ALL)
        resumed, about, printed = weights(fitted), fitted.about, capsys.readouterr().out
    assert "going on after epoch 1 " in printed
    assert furthest(whole, resumed) < 1e-5
    assert about["ranks"] == 2  # of one of the epochs


def test_batch_norm_of_each_ranks_own_rows_has_to_be_allowed(tmp_path):
    changes = {"architecture": "resnet", "options": SMALL}
    with two_ranks(tmp_path, **changes) as process:
        _, complaints = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    (line,) = complaints.splitlines()
    assert line.startswith("error: the network has batch norm. On processors each of the")
    assert "compute.allow_local_batch_norm: true" in line
    assert not (tmp_path / "done").exists()
    found, about, _ = by_two(tmp_path, **changes, allow_local_batch_norm=True)
    assert about["local_batch_norm"] is True
    assert all(tensor.isfinite().all() for tensor in found.values())


def until(process, start):
    for line in process.stdout:
        if line.lstrip().startswith(start):
            return
    raise AssertionError(process.stderr.read())


def all_end(processes):
    _, alive = psutil.wait_procs(processes, timeout=10)
    return not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ranks outlive who started them")
@pytest.mark.parametrize("killed", ["rank 1", "who started them"])
def test_a_kill_ends_all_and_the_next_run_goes_on(tmp_path, capsys, killed):
    with two_ranks(tmp_path, 12) as process:
        until(process, "2   ")
        ranks = sorted(psutil.Process(process.pid).children(), key=lambda p: p.environ()["RANK"])
        assert len(ranks) == 2
        listening = [c for p in ranks for c in p.net_connections() if c.status == "LISTEN"]
        assert listening and {c.laddr.ip for c in listening} == {"127.0.0.1"}
        os.kill(ranks[1].pid if killed == "rank 1" else process.pid, signal.SIGKILL)
        assert all_end(ranks)
        complaints = process.stderr.read()
    if killed == "rank 1":
        assert process.returncode == 1
        (line,) = complaints.splitlines()
        assert line.startswith(
            "error: rank 1 of the training was ended by SIGKILL; the others were"
        )
    assert not (tmp_path / "done").exists()
    fitted = trained(tmp_path, 4)
    assert "going on after epoch" in capsys.readouterr().out and len(fitted.curve) == 4


def ranks_of(n):
    """Each of n ranks, without the others."""
    found = [Ranks() for _ in range(n)]
    for k, ranks in enumerate(found):
        ranks.n, ranks.number = n, k
    return found


@pytest.mark.parametrize("n", [2, 3, 8])
@pytest.mark.parametrize("n_rows", [2, 3, 7, 16, 33])
def test_each_row_of_a_batch_counts_once_and_no_rank_has_one_row_alone(n, n_rows):
    counts = torch.zeros(n_rows)
    for ranks in ranks_of(n):
        part, weight = ranks.part(n_rows)
        own = torch.arange(n_rows)[part.rows]
        assert len(own) >= 2
        counts[own] += weight / n / len(own)  # DistributedDataParallel divides by n
    assert counts.tolist() == pytest.approx([1 / n_rows] * n_rows)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "policy",
    [
        ["horizontal_flip", {"rotation_degrees": 20}, {"shift_share": 0.1}, "shear_degrees"],
        ["stretch_share"],
        ["zoom_share", "contrast_factors"],
        ["stretch_levels", "brightness_factors"],
        [{"erasing_chance": 0.9}],
    ],
    ids=lambda policy: str(policy[0]),
)
def test_a_parts_images_are_changed_as_in_the_whole_batch(policy, channels):
    x = torch.rand(9, channels, 24, 24).contiguous(memory_format=torch.channels_last)
    augment = make_augmentation(check_policy(policy))
    torch.manual_seed(1)
    whole, after = augment(x), torch.rand(1)
    assert not torch.equal(whole, x)
    for rows in (slice(0, 4), slice(4, 9), torch.tensor([8, 0, 3])):
        torch.manual_seed(1)
        assert torch.allclose(augment(x[rows], Part(9, rows)), whole[rows], atol=1e-6)
        assert torch.equal(torch.rand(1), after)


@pytest.mark.parametrize("kind", [nn.Dropout, Dropout])
@pytest.mark.parametrize("shape", [(9, 30), (9, 4, 6, 6)])
def test_a_parts_dropout_is_that_of_the_whole_batch(kind, shape):
    x = torch.rand(shape)
    if len(shape) == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    torch.manual_seed(1)
    whole, after = kind(0.4)(x), torch.rand(1)
    network = nn.Sequential(nn.Identity(), kind(0.4), nn.Linear(1, 1))
    shared = SharedNetwork(network, ranks_of(2)[0])
    for rows in (slice(0, 4), slice(4, 9)):
        torch.manual_seed(1)
        shared.take(Part(9, rows))
        assert torch.equal(network[:2](x[rows]), whole[rows])
        assert torch.equal(torch.rand(1), after)


def test_batch_norm_that_keeps_its_statistics_is_none():
    network = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm1d(2))
    network[0].train = lambda _=True: nn.Module.train(network[0], False)
    assert batch_norms(network) == [network[1]]


def test_a_platforms_own_variables_make_no_rank(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "3")
    assert n_ranks() == 1
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert n_ranks() == 4


def test_the_variable_is_checked_and_concerns_networks_alone(monkeypatch):
    monkeypatch.setenv("FERFLOW_RANKS", "2")
    start_ranks("svm")  # returns
    monkeypatch.setenv("FERFLOW_RANKS", "two")
    with pytest.raises(ParamError, match="a whole number from 1 to 1024; got 'two'"):
        start_ranks("network")
    for name, value in {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2", "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ParamError, match="svm is trained by one process; got 2"), joined("svm", ""):
        raise AssertionError("joined")


def test_a_rank_that_would_train_something_else_is_refused(monkeypatch):
    _, second = ranks_of(2)
    monkeypatch.setattr(Ranks, "told", lambda *_: ["params", [1, 2]])
    second.check_same(["params", (1, 2)])
    with pytest.raises(
        DataError, match=r"rank 1 has another params\.yaml, other code, other rows of train"
    ):
        second.check_same(["params", (1, 3)])


@pytest.mark.parametrize("split", ["train", "val"])
def test_ranks_compare_images_too_and_those_of_val(monkeypatch, split):
    """Images may differ where the labels are the same, as after another filter or another scale."""
    told = []
    monkeypatch.setattr(Ranks, "check_same", lambda _, about: told.append(about))
    first = ranks_of(2)[0]
    rows = training_data(*faces(6), val=faces(4, 1))
    part = getattr(rows, split)
    other = replace(rows, **{split: replace(part, x=part.x + np.uint8(1))})
    for each in (rows, rows, other):
        _check_same(first, each, params(), 0, "cpu float32")
    _check_same(first, rows, params(), 0, "cpu bfloat16")
    _check_same(first, rows, params(epochs=9), 0, "cpu float32")
    _check_same(first, rows, params(), 1, "cpu float32")
    assert told[1] == told[0]
    assert all(about != told[0] for about in told[2:])


def test_local_running_statistics_are_the_ranks_mean(monkeypatch):
    network = nn.Sequential(batch_norm(3))
    shared = SharedNetwork(network, ranks_of(2)[0])
    assert shared.local
    network[0].running_mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    monkeypatch.setattr(Ranks, "add", lambda _, values: values + torch.tensor([3.0, 0.0, 1.0]))
    shared.average_statistics([network])
    assert network[0].running_mean.tolist() == [2.0, 1.0, 2.0]


def test_over_gpus_batch_norm_that_takes_statistics_is_synchronised():
    """It cannot run here: what it is replaced by, and that its files stay the same."""
    network = nn.Sequential(batch_norm(3), nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(3)))
    network[1].train = lambda _=True: nn.Module.train(network[1], False)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    kept = network[1]
    _synchronise(network)
    kinds = [type(layer) for layer in (network[0], network[1], network[2][0])]
    assert kinds == [_SyncNorm, nn.BatchNorm2d, nn.SyncBatchNorm] and network[1] is kept
    assert list(network.state_dict()) == list(before)
    network[0].part = Part(9, slice(0, 4))
    assert network[0].n_values(torch.zeros(4, 3, 5, 5)) == 9 * 25
    assert network[0].momentum == batch_norm(3).momentum
