"""What earlier builds left on people's disks is still read: files made by tests/kept/make.py."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from network_data import params

from ferflow.core.errors import DataError, FerflowError
from ferflow.core.hashing import image_number
from ferflow.core.params import read_yaml
from ferflow.evaluation.summary import metrics_table, protocol_line
from ferflow.records.record import load_records
from ferflow.settings.check import check_params
from ferflow.tracking.database import finished_run
from ferflow.tracking.move import move_store
from ferflow.tracking.track import track_last_run
from ferflow.training.families.network import build_network
from ferflow.training.families.network.answers import load_answers
from ferflow.training.families.network.checkpoint import load_checkpoint
from ferflow.training.shared.classifier import load_classifier

BUILDS = sorted(path for path in (Path(__file__).parent / "kept").iterdir() if path.is_dir())
LABELS = ("angry", "happy", "sad")
RECORDS = {
    "058836d": {
        "ensembles/mean-of-2-1b0552",
        "quickstart/mistake-swap_val_test-seed-0-b5ead4",
        "quickstart/seed-0-small",
        "scored/nobody",
    },
    "16676a2": {"quickstart/seed-0-small", "sepconv/mistake-test_on_train-seed-0"},
}
WITHOUT_PRETRAINED = {"16676a2"}  # the family is younger, as teachers' files are
COMMITTED = {"16676a2"}  # whose dvc.lock and metrics are kept

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.parametrize("build", BUILDS, ids=lambda path: path.name),
]


def rows():
    """The ten rows that make.py let every family answer."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(10, 6)).astype(np.float32)
    x[:, :3] += 2 * np.eye(3, dtype=np.float32)[np.arange(10) % 3]
    return x


def test_models_of_every_family_answer_as_they_did(build):
    answers = json.loads((build / "answers.json").read_text())
    assert len(answers) == 6
    for family, expected in answers.items():
        classifier = load_classifier(build / family)
        assert (classifier.family, classifier.labels) == (family, LABELS)
        assert classifier.predict_proba(rows()) == pytest.approx(np.array(expected), abs=1e-12)


def test_a_network_answers_as_it_did(build):
    classifier = load_classifier(build / "network")
    images = np.load(build / "network-faces.npy")
    expected = np.array(json.loads((build / "network-answers.json").read_text()))
    assert classifier.predict_proba(images) == pytest.approx(expected, abs=1e-5)


def test_a_published_classifier_answers_as_it_did(build):
    if build.name in WITHOUT_PRETRAINED:
        assert not (build / "pretrained").exists()
        return
    classifier = load_classifier(build / "pretrained")
    images = np.load(build / "pretrained-faces.npy")
    expected = np.array(json.loads((build / "pretrained-answers.json").read_text()))
    assert classifier.predict_proba(images) == pytest.approx(expected, abs=1e-5)
    image, p, labels = load_answers(build / "teachers.safetensors")
    order = np.argsort([image_number("a"), image_number("b")])
    assert list(image) == sorted(map(image_number, "ab")) and labels == LABELS
    assert p == pytest.approx(expected[order], abs=0.01)  # kept in 255ths


def test_a_checkpoint_of_a_training_fits_its_network(build):
    tensors, about = load_checkpoint(build)
    assert len(about["history"]) == 2
    options = params()
    network = build_network(options.architecture, 3, options.options)
    names = {name.partition("/")[2] for name in tensors if name.startswith("best/")}
    assert names == set(network.state_dict())


def test_parameters_are_in_order_still(build):
    check_params(read_yaml(build / "params.yaml"))


def test_records_of_every_kind_and_their_predictions_are_read(build, workplace):
    shutil.copytree(build / "papers", workplace / "metrics/papers")
    records = load_records()
    assert {record.name for record in records} == RECORDS[build.name]
    for record in records:
        if record.mistake:
            assert 0 < record.score("mistake", "accuracy") < 1
            continue
        for split, answers in record.answers().items():
            right = (answers.p.argmax(axis=1) == answers.y).mean()
            assert right == pytest.approx(record.score(split, "accuracy"), abs=1e-12)


def test_runs_in_mlflows_store_are_found(build, tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{store_of(build, tmp_path)}")
    experiment = client.get_experiment_by_name("ferflow")
    runs = client.search_runs(
        [experiment.experiment_id], filter_string="attributes.status='FINISHED'"
    )
    (run,) = [run for run in runs if "test/accuracy" in run.data.metrics]
    assert run.data.params["preset"] == "quickstart"
    assert 0 < run.data.metrics["test/accuracy"] < 1


def test_a_store_is_taken_over_by_the_command_that_is_named(build, workplace, monkeypatch):
    from ferflow.tracking.store import open_store

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    file = store_of(build, workplace / ".mlflow")
    with pytest.raises(FerflowError, match="ferflow store move"):
        open_store()
    assert "Runs moved: " in move_store()
    client, experiment = open_store()
    finger = {run.data.tags["ferflow.fingerprint"] for run in client.search_runs([experiment])}
    assert finger and all(map(finished_run, finger))
    assert file.exists()


def test_what_dvc_and_the_stages_wrote_says_what_to_run(build, workplace):
    committed = build / "committed"
    if build.name not in COMMITTED:
        assert not committed.exists()
        return
    shutil.copy(committed / "dvc.lock", workplace)
    shutil.copy(build / "params.yaml", workplace)
    (workplace / "metrics").mkdir(exist_ok=True)
    shutil.copy(committed / "metrics.json", workplace / "metrics")
    assert protocol_line()
    with pytest.raises(DataError, match=r"it lacks 'ece_floor'\). `dvc repro` makes it again"):
        metrics_table()
    with pytest.raises(FerflowError, match=r"Run `dvc repro` first\."):
        track_last_run()


def store_of(build, folder):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(build / "mlflow.zip") as archive:
        archive.extract("mlflow.db", folder)
    return folder / "mlflow.db"
