"""`ferflow sweep`: every combination once, on val alone, the best first; failures are told."""

import pytest

from ferflow.core.errors import FerflowError, ParamError
from ferflow.core.files import write_json
from ferflow.core.params import PARAMS_FILE, flatten
from ferflow.runs import sweep as module
from ferflow.runs.sweep import SWEEPS, in_short, sweep, sweep_axes

pytestmark = pytest.mark.usefixtures("workplace")


@pytest.fixture
def chain(monkeypatch):
    """A chain that scores SGD best and fails with a warm restart; returns what it was asked."""
    asked = []

    def run(job):
        asked.append(flatten(job.params))
        optimizer = asked[-1]["train.network.optimizer"]
        if asked[-1]["train.network.schedule"] == "warm_restarts":
            raise FerflowError("it failed")
        accuracy = {"sgd": 0.6, "adam": 0.5, "adamw": 0.4}[optimizer]
        val = dict.fromkeys(("accuracy_low", "accuracy_high", "f1_macro", "log_loss"), 0.1)
        write_json(module.SCORES, {"val": val | {"accuracy": accuracy}})
        story = {"train": {"epochs": 3, "epoch_chosen": 2}}
        write_json(module.TRAIN, story)

    monkeypatch.setattr(module, "run_chain", run)
    monkeypatch.setattr(module.Pipeline, "lock_fingerprint", lambda _: f"run {len(asked)}")
    monkeypatch.setattr(module, "_track", lambda *words: tracked.append(words))
    return asked


tracked = []  # what MLflow would be told of sweeps


def test_paper_2s_sweep_is_every_optimiser_with_every_schedule(chain, zip_of_faces, capsys):
    before = PARAMS_FILE.read_bytes()
    table = sweep("fernet", {"data.path": str(zip_of_faces), "train.network.epochs": 3})
    assert len(table) == len(chain) == 10
    assert all(asked["evaluate.splits"] == ["val"] for asked in chain)
    assert all(asked["train.network.epochs"] == 3 for asked in chain)
    pairs = {(a["train.network.optimizer"], a["train.network.schedule"]) for a in chain}
    assert len(pairs) == 10
    assert table.iloc[0]["optimizer"] == "sgd"
    assert table["accuracy"].isna().sum() == 2
    names = [*table]
    assert names[:4] == ["optimizer", "learning_rate", "schedule", "schedule_epochs"]
    assert names[4] == "accuracy"
    assert set(in_short(table)["schedule_epochs"]) == {"none", "2"}
    assert "it failed" in capsys.readouterr().out
    assert (SWEEPS / "fernet.csv").exists()
    preset, told, members = tracked[-1]
    assert preset == "fernet" and told.equals(table)
    assert len(members) == 8  # those that ran to their end
    asked = chain[int(next(iter(members)).split()[1]) - 1]
    assert members["run 1"].startswith(f"{asked['train.network.optimizer']}, ")
    assert PARAMS_FILE.read_bytes() == before


def test_paper_3s_sweep_is_every_kernel_scaling_weighting_and_feature(chain, zip_of_faces):
    table = sweep("svm", {"data.path": str(zip_of_faces)})
    keys = ("train.svm.kernel", "train.svm.scaling", "train.svm.class_weight", "features.method")
    runs = {tuple(asked[key] for key in keys) for asked in chain}
    assert len(runs) == len(table) == 3 * 2 * 2 * 2
    assert {asked["train.svm.max_rows"] for asked in chain} == {6000}
    shown = in_short(table)
    assert [*shown][:5] == ["method", "kernel", "scaling", "C", "class_weight"]
    assert not {"max_rows", "accuracy_low", "log_loss"} & {*shown}
    assert set(shown["class_weight"]) == {"none", "balanced"}
    assert {"kernel", "scaling", "class_weight", "method", "accuracy", "f1_macro"} <= set(table)


@pytest.mark.usefixtures("chain")
def test_a_family_without_epochs_has_none_in_the_table(zip_of_faces, monkeypatch):
    own = module.run_chain

    def run(job):
        own(job)
        write_json(module.TRAIN, {"train": {"family": "svm"}})

    monkeypatch.setattr(module, "run_chain", run)
    table = sweep("svm", {"data.path": str(zip_of_faces)})
    assert not {"epochs", "epoch_chosen"} & set(table)


def test_a_sweep_all_of_whose_runs_fail_is_an_error_and_keeps_the_table_of_before(
    zip_of_faces, monkeypatch
):
    SWEEPS.mkdir(parents=True)
    table = SWEEPS / "fernet.csv"
    table.write_text("of before")

    def fail(_job):
        raise FerflowError("it failed")

    monkeypatch.setattr(module, "run_chain", fail)
    with pytest.raises(FerflowError, match="all 10 variations of 'fernet' failed"):
        sweep("fernet", {"data.path": str(zip_of_faces)})
    assert table.read_text() == "of before"


def test_a_preset_without_variations_is_refused_and_those_with_are_named():
    with pytest.raises(ParamError, match="These presets have some: allconv, fernet, svm"):
        sweep_axes("quickstart")
