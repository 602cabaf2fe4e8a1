"""What MLflow's pages show: data sets, models, groups, and what older builds left."""

import json
from contextlib import nullcontext
from types import SimpleNamespace

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus
from mlflow.exceptions import MlflowException

from ferflow.core.errors import FerflowError
from ferflow.documents.render import Grid
from ferflow.records import record_run
from ferflow.runs import commands, parents
from ferflow.runs.mistakes import run
from ferflow.tracking import mirror
from ferflow.tracking.data_sets import CONTEXT, data_sets, log_data_sets
from ferflow.tracking.database import EXPERIMENT, FINGERPRINT
from ferflow.tracking.description import NOTE
from ferflow.tracking.groups import PARENT, VARIATION, Group, track_group
from ferflow.tracking.headline import (
    FIGURES,
    SECONDS,
)
from ferflow.tracking.names import model_name
from ferflow.tracking.registry import BEST, register
from ferflow.tracking.store import database_uri, open_store, runs_page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A repository with a store, which takes MLflow seconds to make."""
    made = tmp_path_factory.mktemp("pages")
    MlflowClient(database_uri(made / "shared.db")).create_experiment(EXPERIMENT)
    return made


@pytest.fixture
def opened(folder, monkeypatch):
    """A client and the experiment's id."""
    monkeypatch.setenv("DVC_ROOT", str(folder))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///shared.db")
    return open_store()


def finished(opened, fingerprint, **tags):
    client, experiment_id = opened
    tags = {FINGERPRINT: fingerprint, "preset": "quickstart"} | tags
    run = client.create_run(experiment_id, start_time=1000, run_name=fingerprint, tags=tags)
    client.set_terminated(run.info.run_id, "FINISHED", 2000)
    return run


def section(**changes):
    legal = {"source": "synthetic", "path": None, "sha256": None, "n_synthetic": 240}
    return legal | {"defects": True, "kaggle": "msambare/fer2013"} | changes


COUNTS = {
    "n": {"train": 3, "val": 2, "test": 1},
    "per_class": {split: {"happy": 1} for split in ("train", "val", "test")},
}


def test_each_split_is_a_data_set_with_the_images_fingerprint_and_no_pixel():
    found = data_sets("faces", "ab" * 8, COUNTS, section())
    assert [entry.dataset.name for entry in found] == ["faces, train", "faces, val", "faces, test"]
    assert [(tag.key, tag.value) for entry in found for tag in entry.tags] == [
        (CONTEXT, "train"),
        (CONTEXT, "val"),
        (CONTEXT, "test"),
    ]
    assert {entry.dataset.digest for entry in found} == {"ab" * 8}
    assert json.loads(found[0].dataset.profile) == {"images": 3, "happy": 1}
    assert all(len(str(entry.to_dictionary())) < 1500 for entry in found)


@pytest.mark.parametrize(
    "changes, kind, source",
    [
        (
            {"source": "kaggle"},
            "http",
            {"url": "https://www.kaggle.com/datasets/msambare/fer2013"},
        ),
        ({"source": "path", "path": "a/b.zip", "sha256": "c0"}, "local", {"uri": "a/b.zip"}),
    ],
)
def test_a_data_set_names_its_source(changes, kind, source):
    (entry, *_) = data_sets("faces", "ab" * 8, COUNTS, section(**changes))
    assert (entry.dataset.source_type, json.loads(entry.dataset.source)) == (kind, source)
    sha256 = json.loads(entry.dataset.profile).get("sha256")
    assert sha256 == changes.get("sha256")


@pytest.mark.parametrize("refusals", [0, 2, 5])
def test_data_sets_that_other_runs_log_at_once_are_tried_again(refusals, monkeypatch):
    class Client:
        calls = 0

        def log_inputs(self, *_):
            self.calls += 1
            if self.calls <= refusals:
                raise MlflowException("duplicate key")

    monkeypatch.setattr("ferflow.tracking.data_sets._PAUSE", 0)
    client = Client()
    with pytest.raises(MlflowException) if refusals == 5 else nullcontext():
        log_data_sets(client, "run", [])
    assert client.calls == min(refusals + 1, 5)


def test_a_registered_model_is_named_by_its_images():
    protocol = {"data_set": "FER-2013 (Kaggle)", "filters_on_val_and_test": {}}
    assert model_name(protocol, "1a2b3c4d5e6f", 40) == "fer-2013-kaggle-1a2b3c"
    filtered = protocol | {"filters_on_val_and_test": {"constant": {"val": 2}}}
    assert model_name(filtered, "1a2b3c4d5e6f", 38) == "fer-2013-kaggle-1a2b3c-38-val"
    assert model_name(protocol | {"data_set": "表情"}, "1a2b3c4d5e6f", 40) == "data-1a2b3c"


def test_the_alias_moves_to_a_higher_accuracy_on_val_and_to_no_other(opened, tmp_path, monkeypatch):
    """In another folder, where MLflow would make a store of its own if it asked a global one."""
    monkeypatch.chdir(tmp_path)
    client, experiment_id = opened

    def track(fingerprint, accuracy, again=None):
        run = again or finished(opened, fingerprint)
        if again is None:
            made = client.create_logged_model(experiment_id, "model", run.info.run_id)
            client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
            models[run.info.run_id] = made.model_id
        register(client, run, models[run.info.run_id], "faces-1a2b3c", accuracy)
        return run, client.get_registered_model("faces-1a2b3c").aliases.get(BEST)

    models = {}
    assert track("unscored", None)[1] is None
    first, best = track("first", 0.1 + 0.2)
    assert int(best) == 2
    assert track("equal", 0.1 + 0.2)[1] in (2, "2")
    assert track("lower", 0.3)[1] in (2, "2")
    assert track("higher", 0.4)[1] in (5, "5")
    assert track("first", 0.1 + 0.2, again=first)[1] in (5, "5")
    versions = client.search_model_versions("name = 'faces-1a2b3c'")
    assert len(versions) == 5
    best = client.get_model_version_by_alias("faces-1a2b3c", BEST)
    assert best.tags == {"preset": "quickstart", "val_accuracy": "0.4"}
    assert list(tmp_path.iterdir()) == []


def test_an_experiment_of_before_gets_the_tags_and_keeps_its_own(opened):
    client, experiment_id = opened  # `folder` made it without any
    tags = client.get_experiment(experiment_id).tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    assert "at a glance" in tags[NOTE]
    client.set_experiment_tag(experiment_id, NOTE, "mine")
    assert open_store()[1] == experiment_id
    assert client.get_experiment(experiment_id).tags[NOTE] == "mine"


def test_the_saved_view_shows_figures_that_are_logged_the_best_on_val_first(opened):
    client, experiment_id = opened
    (key,) = [k for k in client.get_experiment(experiment_id).tags if "sharedViewState" in k]
    view = json.loads(client.get_experiment(experiment_id).tags[key])
    state = json.loads(view["state"])
    assert view["name"] == "At a glance"
    assert state["orderByKey"] == "metrics.`at a glance/accuracy_val`"
    shown = [word.split("`")[1] for word in state["selectedColumns"] if word.startswith("metrics")]
    assert shown == [*FIGURES, SECONDS]
    address = runs_page(experiment_id)
    assert address == (
        f"/#/experiments/{experiment_id}/runs"
        f"?workflowType=machine_learning&viewStateShareKey={key.rpartition('.')[2]}"
    )


def group(members, **figures):
    return Group("seeds of x", f"x, {len(members)} seeds", "x", members, figures, "a note")


def children(opened, parent_id):
    client, experiment_id = opened
    found = client.search_runs([experiment_id], f"tags.`{PARENT}` = '{parent_id}'")
    return {run.data.tags[FINGERPRINT]: run.data.tags[VARIATION] for run in found}


def test_a_group_is_a_run_above_its_runs_and_is_filled_again_not_doubled(opened):
    client, experiment_id = opened
    for name in ("a0", "a1", "a2"):
        finished(opened, name)
    wanted = {"a0": "seed 0", "a1": "seed 1", "elsewhere": "seed 2"}
    said = track_group(group(wanted, accuracy=0.5))
    assert said == "MLflow has 2 of 3 runs below: x, 3 seeds"
    (parent,) = client.search_runs([experiment_id], "tags.`ferflow.group` = 'seeds of x'")
    assert children(opened, parent.info.run_id) == {"a0": "seed 0", "a1": "seed 1"}
    assert parent.data.metrics == {"accuracy": 0.5}
    assert parent.data.tags[NOTE] == "a note"
    assert (parent.info.status, parent.info.start_time, parent.info.end_time) == (
        "FINISHED",
        1000,
        2000,
    )
    track_group(group({"a1": "seed 1", "a2": "seed 2"}, accuracy=0.25))
    (parent,) = client.search_runs([experiment_id], "tags.`ferflow.group` = 'seeds of x'")
    assert children(opened, parent.info.run_id) == {"a1": "seed 1", "a2": "seed 2"}
    assert parent.data.metrics == {"accuracy": 0.25}
    assert parent.info.run_name == "x, 2 seeds"


def test_a_group_none_of_whose_runs_are_here_makes_nothing(opened):
    client, experiment_id = opened
    before = len(client.search_runs([experiment_id]))
    assert track_group(group({"elsewhere": "seed 0"})) == "MLflow has no run of x, 1 seeds."
    assert len(client.search_runs([experiment_id])) == before


def test_a_run_that_an_older_build_tracked_is_found_and_left_as_it_is(opened, monkeypatch):
    class Finished:
        def check_finished(self):
            pass

        def lock_fingerprint(self):
            return "older"

    monkeypatch.setattr(mirror, "Pipeline", Finished)
    client, experiment_id = opened
    old = finished(opened, "older")
    assert mirror.track_run() == "MLflow has this run already: older (older)"
    found = client.search_runs([experiment_id], f"tags.`{FINGERPRINT}` = 'older'")
    assert [run.info.run_id for run in found] == [old.info.run_id]
    assert found[0].data.metrics == {}


@pytest.fixture
def told(monkeypatch):
    """The groups that MLflow is told of."""
    groups = []
    monkeypatch.setattr(parents, "track_group", lambda group: groups.append(group) or "told")
    return groups


def test_a_repeats_figures_are_the_means_of_its_seeds(told, make_record, capsys):
    records = [make_record(seed=k, accuracy=0.5 + k / 10, run=f"run {k}") for k in (0, 1)]
    parents.track_repeat(records, "seeds")
    (group,) = told
    accuracies = [record.score("test", "accuracy") for record in records]
    assert group.figures["at a glance/accuracy_test"] == pytest.approx(sum(accuracies) / 2)
    spread = abs(accuracies[0] - accuracies[1]) / 2**0.5  # of two: their distance by root 2
    assert group.figures["test/accuracy/sd"] == pytest.approx(spread)
    assert group.figures[SECONDS] == 120
    assert group.members == {"run 0": "seed 0", "run 1": "seed 1"}
    assert group.name == "mobilenet-aco-rf, 2 seeds"
    assert f"| accuracy test | {sum(accuracies) / 2:.3f} |" in group.note
    assert capsys.readouterr().out == "told\n"


def test_a_sweeps_figures_are_the_bests_on_val(told):
    table = pd.DataFrame(
        {"C": [1, 2, 3], "accuracy": [0.5, 0.25, None], "f1_macro": [0.4, 0.2, None]}
    )
    shown = Grid(["C", "accuracy"], [["1", "0.500"], ["2", "0.250"], ["3", "failed"]])
    parents.track_sweep("svm", table, shown, {"a": "1", "b": "2"})
    (group,) = told
    assert group.figures == {
        "at a glance/accuracy_val": 0.5,
        "at a glance/f1_macro_val": 0.4,
        "sweep/runs": 3,
        "sweep/failed": 1,
        "sweep/accuracy_val_lowest": 0.25,
        "sweep/accuracy_val_median": 0.375,
    }
    assert (group.name, group.members) == ("svm, 3 variations", {"a": "1", "b": "2"})
    assert "| 3 | failed |" in group.note


def test_a_store_out_of_reach_is_a_warning(monkeypatch, capsys):
    def fail(_):
        raise FerflowError("MLflow's store cannot be written (down).")

    monkeypatch.setattr(parents, "track_group", fail)
    table = pd.DataFrame({"accuracy": [0.5]})
    parents.track_sweep("svm", table, Grid(["accuracy"], [["0.500"]]), {"a": "1"})
    assert capsys.readouterr().err == (
        "warning: not in MLflow (MLflow's store cannot be written (down).) "
        "The same command tries again.\n"
    )


def test_mistakes_are_recorded_also_where_mlflow_is_out_of_reach(monkeypatch, capsys):
    def fail(*_):
        raise FerflowError("down.")

    names = ("swap_val_test", "shuffled_labels")
    for name in ("bring_honest_chain_up_to_date", "cost_text", "run_mistake", "comparison"):
        monkeypatch.setattr(run, name, lambda *_: "")
    monkeypatch.setattr(run, "reasons_against", lambda: dict.fromkeys(names))
    monkeypatch.setattr(record_run, "record_mistake", lambda name, _: SimpleNamespace(name=name))
    monkeypatch.setattr(mirror, "track_mistake", fail)
    commands.mistake(all_=True)
    printed, said = capsys.readouterr()
    assert all(f"recorded as {name}, which is not a result." in printed for name in names)
    assert said == 2 * "warning: not in MLflow (down.) The same command tries again.\n"
