"""The real chain on a handful of images: DVC, every stage, MLflow, in a copy of the repository."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from repository import SMALL, Repository

from ferflow.evaluation.metrics import split_metrics
from ferflow.evaluation.predictions import read_predictions, split_predictions, twin_numbers

ROOT = Path(__file__).parents[1]
FROM_BALANCE = ["balance", "select_features", "train", "evaluate", "track"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A repository in which the chain was run on a few drawn faces."""
    repository = Repository(tmp_path_factory.mktemp("a path with spaces"))
    repository.use("quickstart", *SMALL)
    stages, printed = repository.repro()
    assert stages[0] == "download" and stages[-1] == "track" and len(stages) == 9, printed
    repository.commit()
    return repository


@pytest.fixture
def restored(small):
    """The small repository, put back after the test into the state it came in."""
    yield small
    small.git("checkout", "--quiet", ".")
    small.run("dvc", "checkout", "--quiet")


def test_the_metrics_follow_from_the_stored_probabilities(small):
    written = json.loads(small.text("metrics/metrics.json"))
    predictions = read_predictions(small.folder / "data/evaluation/predictions.parquet")
    assert set(predictions["split"]) == {"train", "val", "test"}
    for name in ("train", "val", "test"):
        twins = twin_numbers(predictions, name)
        again = split_metrics(*split_predictions(predictions, name), twins=twins)
        assert again == written[name]
    assert written["protocol"]["data_set"] == "synthetic faces with planted defects"


def test_the_counts_of_balance_are_kept_and_drawn(small):
    counts = json.loads(small.text("metrics/balance.json"))["balance"]
    assert counts["method"] == "smote"
    assert len(set(counts["after"].values())) == 1
    assert sum(counts["after"].values()) == sum(counts["before"].values()) + sum(
        counts["new"].values()
    )
    assert (small.folder / "data/evaluation/pictures/class_counts.png").stat().st_size > 5000
    assert (small.folder / "data/augmented/contact_sheet.png").stat().st_size > 100


def test_copies_and_their_contact_sheet_are_made(restored):
    wanted = "augment.copies=[horizontal_flip, {rotation: 10}]"
    restored.use(
        "quickstart", *SMALL, wanted, "augment.fill_rare=crop_pad_flip", "balance.method=none"
    )
    stages, printed = restored.repro()
    assert stages[0] == "augment", printed
    counts = json.loads(restored.text("metrics/balance.json"))["balance"]
    assert len(set(counts["before"].values())) == 1
    assert counts["after"] == counts["before"]
    predictions = read_predictions(restored.folder / "data/evaluation/predictions.parquet")
    assert predictions["source_id"].is_unique


def test_only_real_images_are_scored(small):
    predictions = read_predictions(small.folder / "data/evaluation/predictions.parquet")
    assert predictions["source_id"].is_unique
    assert (predictions["source_id"] != "").all()


def test_a_second_run_does_nothing(small):
    stages, printed = small.repro()
    assert stages == []
    assert "up to date" in printed


def test_another_copy_ends_with_the_same_lock(small, tmp_path):
    other = Repository(tmp_path)
    other.use("quickstart", *SMALL)
    other.repro()
    assert other.text("dvc.lock") == small.text("dvc.lock")


def test_a_parameter_reruns_its_stage_and_what_follows(restored):
    restored.use("quickstart", *SMALL, "balance.method=none")
    stages, printed = restored.repro()
    assert stages == FROM_BALANCE, printed


def test_an_unscored_test_split_is_not_read(restored):
    restored.use("quickstart", *SMALL, "evaluate.splits=[train, val]")
    (restored.folder / "data/evaluation").mkdir(exist_ok=True)
    stages, _ = restored.repro()
    assert stages == ["evaluate", "track"]
    assert "test" not in json.loads(restored.text("metrics/metrics.json"))
    assert len(restored.text("metrics/plots/confusion_test.csv").splitlines()) == 1


def test_pixels_without_balance_or_selection_pass_through(restored):
    passing = ["features.method=pixels", "balance.method=none", "selection.method=none"]
    restored.use("quickstart", *SMALL, *passing)
    restored.repro()
    images = (restored.folder / "data/preprocessed/train.safetensors").read_bytes()
    assert (restored.folder / "data/balanced/train.safetensors").read_bytes() == images
    assert json.loads(restored.text("metrics/selection.json"))["selection"]["n_kept"] == 48 * 48


def test_a_searched_machine_on_joined_features_runs_through_the_chain(restored):
    settings = [
        "features.method=joined",
        "features.joined=[hog, lbp]",
        "balance.method=none",
        "selection.method=none",
        "train.family=svm",
        "train.search.method=grid",
        "train.search.grid=[{C: [0.1, 10]}, {kernel: [linear, rbf]}]",
        "train.search.folds=2",
    ]
    restored.use("quickstart", *SMALL, *settings)
    stages, _ = restored.repro()
    assert stages == ["extract_features", *FROM_BALANCE]
    train = json.loads(restored.text("metrics/train.json"))["train"]
    assert train["family"] == "svm" and train["n_features"] == 900 + 2124
    assert train["search"]["n_settings"] == 4
    assert train["search"]["scored_on"] == "2 folds of train"
    assert train["calibration"]["n_rows"] > 0
    assert len(restored.text("metrics/plots/search.csv").splitlines()) == 5
    assert (restored.folder / "data/evaluation/pictures/search.png").stat().st_size > 5000
    _, run = restored.present_run()
    assert (
        run.data.params["train.search.grid"] == "[{'C': [0.1, 10]}, {'kernel': ['linear', 'rbf']}]"
    )
    assert run.data.metrics["train/search/best_score"] == train["search"]["best_score"]
    printed = restored.ferflow("mistake", "test_on_train", ok=False)
    assert "train.search.method to none" in printed
    restored.use("quickstart", *SMALL, *settings, "balance.method=smote", ok=False)


def test_a_network_runs_through_the_chain_and_becomes_the_bundled_one(restored):
    settings = [
        "features.method=pixels",
        "balance.method=none",
        "selection.method=none",
        "train.family=network",
        "train.network.epochs=3",
        "train.network.batch_size=32",
        "evaluate.tta=flip",
    ]
    restored.use("quickstart", *SMALL, *settings)
    stages, printed = restored.repro()
    assert stages[-3:] == ["train", "evaluate", "track"]
    assert "epoch  learning rate  train loss" in printed
    train = json.loads(restored.text("metrics/train.json"))["train"]
    assert (train["architecture"], train["epochs"]) == ("resnet", 3)
    assert len(restored.text("metrics/plots/training.csv").splitlines()) == 4
    scores = json.loads(restored.text("metrics/metrics.json"))
    assert scores["val_tta"]["n"] == scores["val"]["n"]
    assert (restored.folder / "data/evaluation/pictures/training.png").stat().st_size > 5000
    client, run = restored.present_run()
    assert len(client.get_metric_history(run.info.run_id, "training/val_accuracy")) == 3
    assert "MB, with its card" in restored.ferflow("bundle")
    folder = restored.folder / "ferflow/bundled"
    assert {"README.md", "config.json", "model.safetensors"} <= {f.name for f in folder.iterdir()}
    answer = restored.ferflow("predict", "--no-detect", "--json", "docs/faces.png")
    assert '"label"' in answer


def test_fer2013_as_a_zip_runs_through_the_chain(restored, tmp_path, face_files, write_zip):
    archive = write_zip(tmp_path / "fer2013.zip", face_files)
    settings = [f"data.path={archive}", "features.method=hog", "balance.k_neighbors=1"]
    restored.use("mobilenet-aco-rf", *SMALL, *settings)
    restored.repro()
    metrics = json.loads(restored.text("metrics/metrics.json"))
    assert metrics["val"]["n"] == metrics["test"]["n"] == 7
    assert metrics["protocol"]["split"].startswith("official")
    assert str(tmp_path) not in restored.text("dvc.lock")


def test_mlflow_has_one_finished_run_with_everything(small):
    client, run = small.present_run()
    assert run.info.status == "FINISHED"
    assert run.data.tags["preset"] == "quickstart"
    written = json.loads(small.text("metrics/metrics.json"))
    assert run.data.metrics["val/accuracy"] == written["val"]["accuracy"]
    for stage in ("download", "extract_features", "train", "evaluate"):
        assert run.data.metrics[f"cost/{stage}/seconds"] > 0
        assert run.data.metrics[f"cost/{stage}/peak_memory_mb"] > 10
    assert len(client.get_metric_history(run.info.run_id, "colony/score")) == 4
    folders = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"pictures", "pipeline", "tables"} <= folders


def test_tracking_again_changes_nothing(small):
    _, before = small.runs()
    assert "already" in small.ferflow("track")
    _, after = small.runs()
    assert {run.info.run_id for run in before} == {run.info.run_id for run in after}


def test_a_run_that_was_cut_off_is_filled_without_doubled_points(small):
    client, run = small.present_run()
    client.update_run(run.info.run_id, status="RUNNING")
    small.ferflow("track")
    client, again = small.present_run()
    assert again.info.run_id == run.info.run_id and again.info.status == "FINISHED"
    assert len(client.get_metric_history(run.info.run_id, "colony/score")) == 4


def test_a_deleted_store_is_filled_again(small):
    shutil.rmtree(small.folder / ".mlflow")
    assert "new run" in small.ferflow("track")
    _, runs = small.runs()
    assert len(runs) == 1 and runs[0].info.status == "FINISHED"


def test_the_logged_model_answers_in_a_fresh_process_elsewhere(small, tmp_path):
    _, run = small.present_run()
    code = f"""
import base64, sys, mlflow, numpy, pandas
mlflow.set_tracking_uri("sqlite:///{small.folder}/.mlflow/mlflow.db")
model = mlflow.pyfunc.load_model("runs:/{run.info.run_id}/model")
image = base64.b64encode(open(sys.argv[1], "rb").read()).decode()
answer = model.predict(pandas.DataFrame({{"image": [image, image]}}))
assert list(answer.columns)[0] == "angry" and answer.shape == (2, 7), answer
assert numpy.allclose(answer.sum(axis=1), 1)
"""
    picture = tmp_path / "face.png"
    cv2.imwrite(str(picture), cv2.resize(cv2.imread(str(_any_picture(small))), (90, 90)))
    subprocess.run([sys.executable, "-c", code, str(picture)], check=True, cwd=tmp_path)
    pickles = [path for path in (small.folder / ".mlflow").rglob("*") if "pkl" in path.suffix]
    assert pickles == []


def test_a_queued_copy_tracks_into_the_real_repository(restored):
    restored.run("dvc", "exp", "run", "--temp", "--name", "elsewhere", "-S", "seed=5")
    _, runs = restored.runs()
    (run,) = [run for run in runs if run.info.run_name == "elsewhere"]
    assert run.info.status == "FINISHED"
    assert run.data.params["seed"] == "5"


@pytest.mark.parametrize(
    "right, wrong, said",
    [
        ("k_neighbors: 3", "k_neighbour: 3", "k_neighbour is not a parameter. Did you mean"),
        ("family: random_forest", "family: random_tree", "Did you mean 'random_forest'?"),
        ("architecture: resnet", "architecture: reznet", "Did you mean 'resnet'?"),
        ("tta: none", "tta: nine", "Did you mean 'none'?"),
    ],
)
def test_a_wrong_parameter_is_refused_before_any_stage_of_the_chain(restored, right, wrong, said):
    file = restored.folder / "params.yaml"
    before = file.read_text(encoding="utf-8")
    assert right in before
    file.write_text(before.replace(right, wrong), encoding="utf-8")
    stages, printed = restored.repro(ok=False)
    assert stages == [] and "Running stage 'check'" in printed
    assert said in printed and "Traceback" not in printed
    assert (restored.folder / "data/balanced/train.safetensors").exists()


def test_a_missing_data_path_is_one_line_and_writes_nothing(restored):
    before = restored.text("params.yaml")
    printed = restored.use("mobilenet-aco-rf", "data.path=nowhere.zip", ok=False)
    assert printed.startswith("error: nowhere.zip is not here")
    assert len(printed.splitlines()) == 1
    assert restored.text("params.yaml") == before


def test_a_broken_zip_stops_the_download_in_one_line(restored, tmp_path, face_files, write_zip):
    archive = write_zip(tmp_path / "fer2013.zip", face_files)
    archive.write_bytes(archive.read_bytes()[:-500])
    restored.use("mobilenet-aco-rf", f"data.path={archive}")
    stages, printed = restored.repro(ok=False)
    assert stages == ["download"]
    assert "is not a whole zip file" in printed
    assert "Traceback" not in printed


def _any_picture(repository):
    return next((repository.folder / "data/evaluation/pictures").glob("*.png"))


def test_the_readme_commands_run_as_printed(restored):
    """Every line of README.md that starts with '$ ' (`make` is CI's part)."""
    commands = re.findall(r"^\$ (.+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    assert "dvc params diff" in commands
    (restored.folder / ".venv").symlink_to(sys.prefix)
    restored.run("bash", "-euo", "pipefail", "-c", "\n".join(commands))
    (restored.folder / ".venv").unlink()
