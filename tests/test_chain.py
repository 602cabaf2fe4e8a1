"""The real chain on a handful of images: DVC, every stage, MLflow, in a copy of the repository."""

import json
import shutil
import subprocess
import sys

import cv2
import pytest
from repository import ALL_THREADS, SMALL, Repository
from test_pretrained import publish

from ferflow.download.drawn.synthetic import draw_faces
from ferflow.evaluation.metrics import split_metrics
from ferflow.evaluation.predictions import read_predictions, split_predictions, twin_numbers

FROM_BALANCE = ["balance", "select_features", "train", "evaluate", "track"]


@pytest.fixture(scope="module")
def tracked(small, tmp_path_factory):
    """A copy of the small repository with a store of its own, for the tests of one worker."""
    return small.copy_to(tmp_path_factory.mktemp("tracked copy") / "of it", with_runs=True)


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


def test_copies_and_their_contact_sheet_are_made(own):
    wanted = "augment.copies=[horizontal_flip, {rotation: 10}]"
    own.use("quickstart", *SMALL, wanted, "augment.fill_rare=crop_pad_flip", "balance.method=none")
    stages, printed = own.repro("evaluate")
    assert stages[0] == "augment", printed
    counts = json.loads(own.text("metrics/balance.json"))["balance"]
    assert len(set(counts["before"].values())) == 1
    assert counts["after"] == counts["before"]
    predictions = read_predictions(own.folder / "data/evaluation/predictions.parquet")
    assert predictions["source_id"].is_unique


@pytest.mark.long
def test_dvc_shows_the_pictures_as_files_beside_its_page(small, tmp_path):
    small.run("dvc", "plots", "show", "--out", str(tmp_path))
    shown = {path.name.rpartition("_pictures_")[2] for path in (tmp_path / "static").iterdir()}
    assert shown == {path.name for path in (small.folder / "data/evaluation/pictures").iterdir()}
    assert "confusion_val.png" in shown


def test_only_real_images_are_scored(small):
    predictions = read_predictions(small.folder / "data/evaluation/predictions.parquet")
    assert predictions["source_id"].is_unique
    assert (predictions["source_id"] != "").all()


def test_a_second_run_does_nothing(own):
    stages, printed = own.repro()
    assert stages == []
    assert "up to date" in printed


def test_another_copy_ends_with_the_same_lock(small, tmp_path):
    other = Repository(tmp_path)
    other.use("quickstart", *SMALL)
    other.repro(**ALL_THREADS)
    assert other.text("dvc.lock") == small.text("dvc.lock")


def test_a_parameter_reruns_its_stage_and_what_follows(own):
    """All but the choice of features: its judge never sees the synthetic rows."""
    own.use("quickstart", *SMALL, "balance.method=none")
    stages, printed = own.repro()
    assert stages == [name for name in FROM_BALANCE if name != "select_features"], printed


def test_an_unscored_test_split_is_not_read(own):
    own.use("quickstart", *SMALL, "evaluate.splits=[train, val]")
    (own.folder / "data/evaluation").mkdir(exist_ok=True)
    stages, _ = own.repro()
    assert stages == ["evaluate", "track"]
    assert "test" not in json.loads(own.text("metrics/metrics.json"))
    assert len(own.text("metrics/plots/confusion_test.csv").splitlines()) == 1


def test_a_searched_machine_on_joined_features_runs_through_the_chain(own):
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
    own.use("quickstart", *SMALL, *settings)
    stages, _ = own.repro()
    assert stages == ["extract_features", *FROM_BALANCE]
    train = json.loads(own.text("metrics/train.json"))["train"]
    assert train["family"] == "svm" and train["n_features"] == 900 + 2124
    assert train["search"]["n_settings"] == 4
    assert train["search"]["scored_on"] == "2 folds of train"
    assert train["calibration"]["n_rows"] > 0
    assert len(own.text("metrics/plots/search.csv").splitlines()) == 5
    assert (own.folder / "data/evaluation/pictures/search.png").stat().st_size > 5000
    _, run = own.present_run()
    assert (
        run.data.params["train.search.grid"] == "[{'C': [0.1, 10]}, {'kernel': ['linear', 'rbf']}]"
    )
    assert run.data.metrics["train/search/best_score"] == train["search"]["best_score"]
    printed = own.ferflow("mistake", "test_on_train", ok=False)
    assert "train.search.method to none" in printed
    own.use("quickstart", *SMALL, *settings, "balance.method=smote", ok=False)


def test_a_network_runs_through_the_chain_and_becomes_the_bundled_one(own):
    settings = [
        "features.method=pixels",
        "balance.method=none",
        "selection.method=none",
        "train.family=network",
        "train.network.epochs=3",
        "train.network.batch_size=32",
        "evaluate.tta=flip",
    ]
    own.use("quickstart", *SMALL, *settings)
    stages, printed = own.repro()
    assert stages[-3:] == ["train", "evaluate", "track"]
    assert "epoch  learning rate  train loss" in printed
    train = json.loads(own.text("metrics/train.json"))["train"]
    assert (train["architecture"], train["epochs"]) == ("resnet", 3)
    assert len(own.text("metrics/plots/training.csv").splitlines()) == 4
    scores = json.loads(own.text("metrics/metrics.json"))
    assert scores["val_tta"]["n"] == scores["val"]["n"]
    assert (own.folder / "data/evaluation/pictures/training.png").stat().st_size > 5000
    client, run = own.present_run()
    assert len(client.get_metric_history(run.info.run_id, "training/val_accuracy")) == 3
    assert "MB, with its card" in own.ferflow("bundle")
    folder = own.folder / "ferflow/bundled"
    assert {"README.md", "config.json", "model.safetensors"} <= {f.name for f in folder.iterdir()}
    answer = own.ferflow("predict", "--no-detect", "--json", "docs/faces.png")
    assert '"label"' in answer


def test_the_pixels_of_fer2013_in_a_zip_pass_through(own, tmp_path, face_files, write_zip):
    archive = write_zip(tmp_path / "fer2013.zip", face_files)
    passing = ["features.method=pixels", "balance.method=none", "selection.method=none"]
    own.use("mobilenet-aco-rf", *SMALL, f"data.path={archive}", *passing)
    own.repro()
    metrics = json.loads(own.text("metrics/metrics.json"))
    assert metrics["val"]["n"] == metrics["test"]["n"] == 7
    assert metrics["protocol"]["split"].startswith("official")
    assert str(tmp_path) not in own.text("dvc.lock")
    images = (own.folder / "data/preprocessed/train.safetensors").read_bytes()
    assert (own.folder / "data/balanced/train.safetensors").read_bytes() == images
    assert json.loads(own.text("metrics/selection.json"))["selection"]["n_kept"] == 48 * 48


def test_mlflow_has_one_finished_run_with_everything(small):
    client, (run,) = small.runs()
    assert run.info.status == "FINISHED"
    assert run.data.tags["preset"] == "quickstart"
    written = json.loads(small.text("metrics/metrics.json"))
    assert run.data.metrics["val/accuracy"] == written["val"]["accuracy"]
    for stage in ("download", "extract_features", "train", "evaluate"):
        assert run.data.metrics[f"cost/{stage}/seconds"] > 0
        assert run.data.metrics[f"cost/{stage}/peak_memory_mb"] > 10
    assert len(client.get_metric_history(run.info.run_id, "colony/score")) == 4
    assert run.data.metrics["at a glance/accuracy_val"] == written["val"]["accuracy"]
    assert next(iter(run.data.metrics)) == "at a glance/accuracy_test"  # as on MLflow's page
    digests = {entry.dataset.digest for entry in run.inputs.dataset_inputs}
    assert digests == {run.data.tags["data_fingerprint"]} and len(run.inputs.dataset_inputs) == 3
    note = run.data.tags["mlflow.note.content"]
    assert f"{written['test']['accuracy']:.3f} on test" in note and "| angry | " in note
    (version,) = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    assert version.name == f"synthetic-faces-with-planted-defects-{digests.pop()[:6]}"
    assert client.get_model_version_by_alias(version.name, "best-on-val").version == version.version
    folders = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"pictures", "pipeline", "tables"} <= folders


@pytest.mark.xdist_group("tracked")
def test_tracking_again_changes_nothing(tracked):
    _, before = tracked.runs()
    assert "already" in tracked.ferflow("track")
    _, after = tracked.runs()
    assert {run.info.run_id for run in before} == {run.info.run_id for run in after}


@pytest.mark.xdist_group("tracked")
def test_a_run_that_was_cut_off_is_filled_without_doubled_points(tracked):
    client, run = tracked.present_run()
    client.update_run(run.info.run_id, status="RUNNING")
    tracked.ferflow("track")
    client, again = tracked.present_run()
    assert again.info.run_id == run.info.run_id and again.info.status == "FINISHED"
    assert len(client.get_metric_history(run.info.run_id, "colony/score")) == 4


@pytest.mark.xdist_group("tracked")
def test_a_deleted_store_is_filled_again(tracked):
    shutil.rmtree(tracked.folder / ".mlflow")
    assert "new run" in tracked.ferflow("track")
    _, runs = tracked.runs()
    assert len(runs) == 1 and runs[0].info.status == "FINISHED"


def test_the_logged_model_answers_in_a_fresh_process_elsewhere(small, tmp_path):
    _, (run,) = small.runs()
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


def test_a_queued_copy_tracks_into_the_real_repository(own):
    own.run("dvc", "exp", "run", "--temp", "--name", "elsewhere", "-S", "seed=5")
    _, runs = own.runs()
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
def test_a_wrong_parameter_is_refused_before_any_stage_of_the_chain(own, right, wrong, said):
    file = own.folder / "params.yaml"
    before = file.read_text(encoding="utf-8")
    assert right in before
    file.write_text(before.replace(right, wrong), encoding="utf-8")
    stages, printed = own.repro(ok=False)
    assert stages == [] and "Running stage 'check'" in printed
    assert said in printed and "Traceback" not in printed
    assert (own.folder / "data/balanced/train.safetensors").exists()


def test_a_missing_data_path_is_one_line_and_writes_nothing(own):
    before = own.text("params.yaml")
    printed = own.use("mobilenet-aco-rf", "data.path=nowhere.zip", ok=False)
    assert printed.startswith("error: data.path: nowhere.zip is not here")
    assert len(printed.splitlines()) == 1
    assert own.text("params.yaml") == before


def test_a_broken_zip_stops_the_download_in_one_line(own, tmp_path, face_files, write_zip):
    archive = write_zip(tmp_path / "fer2013.zip", face_files)
    archive.write_bytes(archive.read_bytes()[:-500])
    own.use("mobilenet-aco-rf", f"data.path={archive}")
    stages, printed = own.repro(ok=False)
    assert stages == ["download"]
    assert "is not a complete zip file" in printed
    assert "Traceback" not in printed


def _any_picture(repository):
    return next((repository.folder / "data/evaluation/pictures").glob("*.png"))


@pytest.mark.long
def test_a_published_classifier_is_scored_as_it_is_and_predicts(own, tmp_path):
    hub, face = publish(tmp_path / "hub", "vit"), tmp_path / "face.png"
    settings = [
        "features.method=pixels",
        "balance.method=none",
        "selection.method=none",
        "train.family=pretrained",
        f"train.pretrained.model={hub}",
    ]
    own.use("quickstart", *SMALL, *settings)
    stages, printed = own.repro("evaluate")
    assert stages[-2:] == ["train", "evaluate"]
    assert "Nothing is fitted." in printed
    assert "which images the model was trained on is not known" in printed
    about = json.loads(own.text("metrics/metrics.json"))["protocol"]
    assert about["trained_on"] == []
    cv2.imwrite(str(face), draw_faces(["happy"], seed=0)[0])
    told = own.ferflow("predict", str(face), "--model", "models/classifier", "--no-detect")
    assert any(label in told for label in about["classes"])


def test_what_computed_the_features_is_on_record(small):
    train = json.loads(small.text("metrics/train.json"))["train"]
    assert train["features_by"] == "ONNX Runtime, float32"
