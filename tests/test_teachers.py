"""Teachers: a network learns what trained ones answer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from network_data import data, faces, fit_broken_off, params, same, weights
from scipy.special import log_softmax, softmax
from training_rows import split_of, training_data

from ferflow.core.errors import DataError, FerflowError, ParamError
from ferflow.core.hashing import image_number, sha256_of
from ferflow.core.paths import PREPROCESSED
from ferflow.core.split import save_split
from ferflow.records.train_answers import write_train_answers
from ferflow.settings.presets import compose
from ferflow.training.families.network.answers import load_answers, save_answers, with_answers
from ferflow.training.families.network.batches import Scale, to_tensor
from ferflow.training.families.network.family import fit, predict_proba
from ferflow.training.families.network.loop import Training
from ferflow.training.families.network.losses import Loss
from ferflow.training.families.network.teachers import Teachers
from ferflow.training.shared.classifier import Classifier, save_classifier

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
LABELS = data().train.labels


def keep(folder, model, labels=LABELS, meta=None):
    """The fingerprint of a network's folder."""
    mask = np.ones(model.side**2, bool)
    save_classifier(folder, Classifier("network", model, mask, labels, meta or {}))
    return sha256_of(folder)


@pytest.fixture(scope="module")
def trained():
    with torch.random.fork_rng():
        return fit(data(), params(epochs=8), 0).model


@pytest.fixture
def taught(tmp_path, trained):
    """Parameters with one teacher, and others."""

    def make(**changes):
        folder = tmp_path / "teacher"
        print_ = keep(folder, trained)
        return params(teachers=[str(folder)], teachers_sha256=[print_], **changes)

    return make


def test_the_loss_is_cross_entropy_with_the_teachers_probabilities_at_the_temperature():
    rng = np.random.default_rng(0)
    scores, p = rng.normal(size=(5, 3)), softmax(rng.normal(size=(5, 3)) / 2, axis=1)
    loss = Loss(params(teachers_temperature=2.0), np.arange(3), 3, CPU)
    found = loss.taught(torch.from_numpy(scores), torch.from_numpy(p))
    expected = -(p * log_softmax(scores / 2, axis=1)).sum(axis=1).mean() * 4
    assert float(found) == pytest.approx(expected)


def test_teachers_answer_with_the_mean_of_their_softened_probabilities(trained):
    other = replace(trained, scale=Scale(0.2, 0.5))
    images = to_tensor(faces(6)[0])
    with torch.inference_mode():
        each = [m.network(m.scale(images)) / 3 for m in (trained, other)]
    expected = sum(scores.softmax(dim=1) for scores in each) / 2
    assert torch.allclose(Teachers([trained, other], 3.0, CPU, torch.float32)(images), expected)


def test_a_student_learns_the_teachers_answers_and_not_the_labels(taught):
    """With labels that say nothing, only the teacher can have told it."""
    x, y = faces(120, 2)
    noise = np.random.default_rng(0).permutation(y)
    rows = training_data(x, noise, val=faces(30, 1))
    new = faces(90, 3)
    accuracy = {}
    for name, options in {
        "labels": params(epochs=10),
        "teacher": taught(epochs=10, teachers_share=1.0, mixup=0.2),
    }.items():
        student = fit(replace(rows, val=None), options, 1).model
        accuracy[name] = (
            predict_proba(student, new[0], len(LABELS)).argmax(axis=1) == new[1]
        ).mean()
    assert accuracy["teacher"] > 0.9 > 0.6 > accuracy["labels"]


def test_the_share_weighs_the_teachers_answers_against_the_labels(taught, trained):
    """A step's loss: 0.25 of the teacher's and 0.75 of the labels'."""
    x, y = faces(16)
    rows = training_data(x, y, val=None)

    def loss_of(options, teachers):
        torch.manual_seed(0)
        training = Training(
            trained_copy(),
            rows,
            options,
            seed=0,
            scale=Scale(0.4, 0.3),
            device=CPU,
            dtype=torch.float32,
            teachers=teachers,
        )
        return training.run_epoch()["train_loss"]

    def trained_copy():
        from ferflow.training.families.network import build_network

        return build_network("resnet", len(LABELS), params().options)

    teachers = Teachers([trained], 1.0, CPU, torch.float32)
    alone = loss_of(params(), None)
    whole = loss_of(taught(teachers_share=1.0), teachers)
    mixed = loss_of(taught(teachers_share=0.25), teachers)
    assert mixed == pytest.approx(0.25 * whole + 0.75 * alone, rel=1e-5)
    assert abs(whole - alone) > 0.01


def test_a_killed_training_with_a_teacher_ends_with_the_same_weights(tmp_path, monkeypatch, taught):
    options = taught(epochs=3, mixup=0.3)
    whole = fit(data(), options, 0)
    fit_broken_off(monkeypatch, 2, data(tmp_path), options, 0)
    resumed = fit(data(tmp_path), options, 0)
    assert resumed.earlier_seconds > 0 and same(weights(whole), weights(resumed))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"labels": ("a", "b", "c")}, "names a, b, c; the data's classes are"),
        ({"meta": {"trained_on": ["train", "val"]}}, "was trained on train and val"),
    ],
)
def test_a_teacher_that_does_not_fit_the_data_is_refused(tmp_path, trained, fault, words):
    print_ = keep(tmp_path / "teacher", trained, **fault)
    options = params(teachers=[str(tmp_path / "teacher")], teachers_sha256=[print_])
    with pytest.raises(ParamError, match=words):
        fit(data(), options, 0)


def test_a_teacher_of_other_images_is_refused(taught):
    x, y = faces(side=32)
    with pytest.raises(ParamError, match="takes images of 24 pixels and 1 channels; the data's"):
        fit(training_data(x, y, val=None), taught(), 0)


def test_a_teacher_that_was_exchanged_is_refused(taught):
    options = taught()
    with pytest.raises(ParamError, match=r"params.yaml was written for the sha256 0000"):
        fit(data(), options.model_copy(update={"teachers_sha256": ["0" * 64]}), 0)


def test_use_writes_the_teachers_fingerprints(tmp_path, trained):
    print_ = keep(tmp_path / "teacher", trained)
    written = compose("quickstart", {"train.network.teachers": [str(tmp_path / "teacher")]})
    assert list(written["train"]["network"]["teachers_sha256"]) == [print_]


def test_a_fingerprint_too_few_is_refused():
    with pytest.raises(ParamError, match="must be as long as each other; got 1 and 0"):
        params(teachers=["models/other"])


def answers_file(path, split, p=None):
    """A file of answers to a split's images; the fingerprint."""
    p = np.eye(len(split.labels))[split.y] * 0.6 + 0.4 / len(split.labels) if p is None else p
    save_answers(path, split.source_id, p, split.labels)
    return sha256_of(path)


def test_answers_come_back_by_image_in_any_order_and_for_copies(tmp_path):
    rows = data().train
    p = np.random.default_rng(0).dirichlet(np.ones(len(LABELS)), len(rows))
    answers_file(tmp_path / "a", rows, p)
    mixed = rows.take(np.array([7, 3, 3, 20]))
    targets = with_answers(mixed, [tmp_path / "a"], 0.5, "key").targets
    expected = 0.5 * p[[7, 3, 3, 20]] + 0.5 * np.eye(len(LABELS))[mixed.y]
    assert np.abs(targets - expected).max() < 2 / 255
    assert np.allclose(targets.sum(axis=1), 1, atol=1e-6)
    assert load_answers(tmp_path / "a")[2] == LABELS


def test_several_files_teach_their_mean(tmp_path):
    rows = data().train
    flat, sure = np.full((len(rows), len(LABELS)), 1 / len(LABELS)), np.eye(len(LABELS))[rows.y]
    files = [tmp_path / "a", tmp_path / "b"]
    for file, p in zip(files, (flat, sure), strict=True):
        answers_file(file, rows, p)
    targets = with_answers(rows, files, 1.0, "key").targets
    assert np.allclose(targets, (flat + sure) / 2, atol=2 / 255)


def test_a_network_learns_from_a_file(tmp_path):
    """Right answers in the file beside labels that say nothing."""
    x, y = faces(120, 2)
    rows = training_data(x, np.random.default_rng(0).permutation(y), val=None)
    print_ = answers_file(tmp_path / "a", rows.train, np.eye(len(LABELS))[y])
    options = params(
        epochs=10, teachers=[str(tmp_path / "a")], teachers_sha256=[print_], teachers_share=1.0
    )
    new = faces(90, 3)
    named = predict_proba(fit(rows, options, 1).model, new[0], len(LABELS)).argmax(axis=1)
    assert (named == new[1]).mean() > 0.9


def test_answers_to_other_images_or_classes_are_refused(tmp_path):
    rows = data().train
    answers_file(tmp_path / "part", rows.take(slice(0, 40)))
    with pytest.raises(ParamError, match="no answer to 20 of the 60 training rows"):
        with_answers(rows, [tmp_path / "part"], 1.0, "key")
    answers_file(tmp_path / "other", replace(rows, labels=LABELS[::-1]))
    with pytest.raises(ParamError, match="They must be the same, in the same order"):
        with_answers(rows, [tmp_path / "other"], 1.0, "key")


def test_files_do_not_mix_with_folders_nor_with_a_temperature(tmp_path, taught):
    rows = data()
    one = taught()
    print_ = answers_file(tmp_path / "a", rows.train)
    both = {
        "teachers": [*one.teachers, str(tmp_path / "a")],
        "teachers_sha256": [*one.teachers_sha256, print_],
    }
    hot = {"teachers": [str(tmp_path / "a")], "teachers_sha256": [print_]}
    for options in (params(**both), params(**hot, teachers_temperature=2.0)):
        with pytest.raises(ParamError, match="Name only files"):
            fit(rows, options, 0)


@pytest.mark.parametrize("content", [b"", b"no safetensors", None])
def test_what_is_no_file_of_answers_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=r"is not here|does not hold answers"):
        load_answers(tmp_path / "a")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with preprocessed training images."""
    x, y = faces(20)
    save_split(tmp_path / PREPROCESSED / "train.safetensors", split_of(x.reshape(-1, 24, 24), y))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_answers_are_the_mean_over_an_image_and_its_mirror_image(folder, trained):
    keep(folder / "model", trained)
    assert write_train_answers(Path("a"), Path("model")) == 20
    image, p, labels = load_answers(Path("a"))
    x = faces(20)[0]
    views = [x, np.ascontiguousarray(x.reshape(-1, 24, 24)[:, :, ::-1]).reshape(20, -1)]
    expected = sum(predict_proba(trained, view, len(LABELS)) for view in views) / 2
    order = np.argsort([image_number(f"image_{i}") for i in range(20)])
    assert labels == LABELS and (np.diff(image) > 0).all()
    assert np.abs(p - expected[order]).max() < 0.02


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"trained_on": ["train", "val"]}, "would teach a network val's labels"),
        ({"features": {"method": "hog"}}, "takes hog features"),
    ],
)
def test_answers_of_a_model_that_saw_val_or_takes_features_are_refused(
    folder, trained, meta, words
):
    keep(folder / "model", trained, meta=meta)
    with pytest.raises(FerflowError, match=words):
        write_train_answers(Path("a"), Path("model"))
    assert not Path("a").exists()
