"""The commands around the papers on the real chain, with a handful of drawn faces."""

import json
import re
import shutil

import pytest

from ferflow.core.params import flatten
from ferflow.evaluation.metrics import split_metrics
from ferflow.records.compact import read_answers
from ferflow.records.record import read_record

SMALL = [
    "data.n_synthetic=240",
    "balance.method=none",
    "selection.method=k_best",
    "selection.n_features=50",
    "selection.max_rows=100",
    "train.random_forest.n_estimators=10",
]


@pytest.fixture(scope="module")
def recorded(small, tmp_path_factory):
    """A repository in which the small system was run and recorded with two seeds."""
    repository = small.copy_to(tmp_path_factory.mktemp("papers") / "repository", with_runs=True)
    repository.use("quickstart", *SMALL)
    repository.params = repository.text("params.yaml")
    repository.printed = repository.ferflow("repeat", "--seeds", "2")
    return repository


def the_record(repository, seed):
    (path,) = (repository.folder / "metrics/papers/quickstart").glob(f"seed-{seed}-*.json")
    return read_record(path), path


def test_repeat_records_each_seed_and_restores_params(recorded):
    assert recorded.text("params.yaml") == recorded.params
    assert len(re.findall(r"recorded as quickstart/seed-\d-\w{6}", recorded.printed)) == 2
    (summary,) = (recorded.folder / "metrics/papers/quickstart").glob("summary-*.json")
    assert json.loads(summary.read_text())["seeds"] == [0, 1]
    assert "MLflow has 2 of 2 runs below: quickstart/" in recorded.printed
    client, runs = recorded.runs()
    (parent,) = [run for run in runs if "ferflow.group" in run.data.tags]
    mean = json.loads(summary.read_text())["scores"]["test"]["accuracy"]["mean"]
    assert parent.data.metrics["at a glance/accuracy_test"] == mean
    of = {r.info.run_id: r.data.tags.get("mlflow.parentRunId") for r in runs}
    below = {run_id for run_id, above in of.items() if above == parent.info.run_id}
    assert {client.get_run(run_id).data.tags["variation"] for run_id in below} == {
        "seed 0",
        "seed 1",
    }
    assert recorded.ferflow("repeat", "--seeds", "2").count("recorded already") == 2


def test_a_record_says_everything_and_names_no_place(recorded):
    record, path = the_record(recorded, 1)
    assert record.params["data.n_synthetic"] == 240 and record.seed == 1
    assert re.fullmatch(r"[0-9a-f]{12}", record.commit)
    assert record.versions["scikit-learn"] and record.hardware["cores"] >= 1
    assert record.hardware["memory_gb"] > 0 and record.hardware["cpu"]
    assert {"train", "evaluate", "download"} <= set(record.costs)
    assert all(cost["peak_memory_mb"] > 0 for cost in record.costs.values())
    assert record.stages["selection"]["selection"]["n_kept"] == 50
    assert record.protocol["data_set"]
    assert str(recorded.folder) not in path.read_text()


def test_the_records_metrics_can_be_made_again_from_its_predictions(recorded):
    record, path = the_record(recorded, 0)
    for name, answers in read_answers(path.with_suffix(".parquet")).items():
        scores = split_metrics(answers.y, answers.p, answers.labels, n_bins=15, twins=answers.twins)
        again = flatten(scores)
        for key, value in flatten(record.metrics[name]).items():
            assert again[key] == pytest.approx(value, abs=1e-4), key
        low, high = record.intervals[name]["accuracy"]
        assert low <= record.metrics[name]["accuracy"] <= high


def test_records_are_compared_and_combined_by_the_commands(recorded):
    one, two = (the_record(recorded, seed)[0].name for seed in (0, 1))
    assert "drawn faces of another seed are other faces" in recorded.ferflow(
        "compare", one, two, ok=False
    )
    printed = recorded.ferflow("compare", one, one)
    assert re.search(r"val, \d+ images", printed) and re.search(r"test, \d+ images", printed)
    assert "exact p = 1, mid-p = 1" in printed
    assert "error: there is no record 'quickstart/sed-0'" in recorded.ferflow(
        "compare", one, "quickstart/sed-0", ok=False
    )


def test_a_run_is_recorded_under_a_name(recorded):
    assert "error: seed was 1 in the last run" in recorded.ferflow("record", ok=False)
    recorded.run("dvc", "repro")
    printed = recorded.ferflow("record", "--name", "tiny")
    assert "recorded as quickstart/seed-0-tiny" in printed
    assert (recorded.folder / "metrics/papers/quickstart/seed-0-tiny.parquet").exists()
    assert "must be 1 to 60 of" in recorded.ferflow("record", "--name", "../x", ok=False)


def test_a_mistake_is_run_recorded_and_marked(recorded):
    recorded.run("dvc", "repro")
    printed = recorded.ferflow("mistake", "swap_val_test", "--record")
    assert "swap_val_test: only scored again" in printed and "is not a result" in printed
    (path,) = (recorded.folder / "metrics/papers/quickstart").glob("mistake-swap_val_test-seed-0-*")
    honest = json.loads(recorded.text("metrics/metrics.json"))["val"]
    assert read_record(path).score("mistake", "accuracy") == honest["accuracy"]
    assert json.loads(path.read_text())["protocol"]["is_a_result"] is False


def test_commands_that_make_no_sense_say_so(recorded):
    assert "exclude each other" in recorded.ferflow(
        "repeat", "--seeds", "2", "--folds", "3", ok=False
    )
    assert "3 to 20 folds" in recorded.ferflow("repeat", "--folds", "2", ok=False)
    assert "--all for every one" in recorded.ferflow("mistake", ok=False)
    assert "--all for every one" in recorded.ferflow("mistake", "swap_val_test", "--all", ok=False)
    assert "Did you mean 'random_resplit'" in recorded.ferflow("mistake", "random_split", ok=False)


def test_changed_code_asks_for_a_new_run(recorded):
    recorded.run("dvc", "repro")
    path = recorded.folder / "ferflow/training/shared/classifier.py"
    before = path.read_text()
    path.write_text(before + "# changed\n")
    assert "the code has changed since the last run" in recorded.ferflow("record", ok=False)
    path.write_text(before)


def test_presets_decode_and_reproduce_speak_to_people(recorded):
    assert "accuracy 0.497" in " ".join(recorded.run("ferflow", "presets", COLUMNS="200").split())
    decoded = recorded.ferflow("decode", "88.29%", "--images", "7178")
    assert "0.8829 on 7,178 test images has the 95 % interval 0.875 to 0.890." in decoded
    assert "above every published honest figure" in decoded
    assert "below guessing (0.143" in recorded.ferflow("decode", "0.10")
    matrix = recorded.folder / "ferflow/claims/fernet_test.csv"
    assert "p = 0.55" in recorded.ferflow("decode", "--confusion", str(matrix))
    assert "give a figure" in recorded.ferflow("decode", ok=False)
    shutil.rmtree(recorded.folder / "metrics/papers/fernet", ignore_errors=True)
    assert "fernet, accuracy 0.8829; honest not yet run" in recorded.ferflow("decode", "--all")
    assert "--all" in recorded.ferflow("reproduce", ok=False)
    assert "needs FER-2013" in recorded.ferflow("reproduce", "--all", ok=False)
