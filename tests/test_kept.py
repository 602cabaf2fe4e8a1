"""What earlier builds left on people's disks is still read: files made by tests/kept/make.py."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from network_data import params

from ferflow.core.params import read_yaml
from ferflow.records.record import load_records
from ferflow.settings.check import check_params
from ferflow.training.families.network import build_network
from ferflow.training.families.network.checkpoint import load_checkpoint
from ferflow.training.shared.classifier import load_classifier

BUILDS = sorted(path for path in (Path(__file__).parent / "kept").iterdir() if path.is_dir())
LABELS = ("angry", "happy", "sad")

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


def test_a_checkpoint_of_a_training_fits_its_network(build):
    tensors, about = load_checkpoint(build)
    assert len(about["history"]) == 2
    options = params()
    network = build_network(options.architecture, 3, options.options)
    names = {name.partition("/")[2] for name in tensors if name.startswith("best/")}
    assert names == set(network.state_dict())


def test_parameters_are_in_order_still(build):
    check_params(read_yaml(build / "params.yaml"))


def test_a_record_and_its_predictions_are_read(build, workplace):
    folder = workplace / "metrics/papers/quickstart"
    folder.mkdir(parents=True)
    for path in build.glob("seed-0-small.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    (record,) = load_records()
    assert (record.preset, record.variant, record.seed) == ("quickstart", "small", 0)
    answers = record.answers()["test"]
    right = (answers.p.argmax(axis=1) == answers.y).mean()
    assert right == record.score("test", "accuracy")


def test_runs_in_mlflows_store_are_found(build, tmp_path):
    from mlflow import MlflowClient

    with zipfile.ZipFile(build / "mlflow.zip") as archive:
        archive.extract("mlflow.db", tmp_path)
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("ferflow")
    (run,) = client.search_runs(
        [experiment.experiment_id], filter_string="attributes.status='FINISHED'"
    )
    assert run.data.params["preset"] == "quickstart"
    assert 0 < run.data.metrics["test/accuracy"] < 1
