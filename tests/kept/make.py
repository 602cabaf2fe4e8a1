"""Make what a build leaves on people's disks, to see that later builds still read it.

    PYTHONPATH=.:tests python tests/kept/make.py tests/kept/BUILD

Run by the build's own code, once, before the next one changes what it writes; the files are kept as
they came. Drawn faces alone. Those of 16676a2 were made by this script as it was in 7d1b7e2, but
for the files in committed/: the ones that this build had in Git itself.
"""

import contextlib
import json
import shutil
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from network_data import data, params
from repository import SMALL, Repository
from test_pretrained import publish

from ferflow.core.hashing import sha256_of
from ferflow.core.params import read_yaml
from ferflow.core.split import Split
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.fer2013.table import UNKNOWN, load_table
from ferflow.training.families.network.answers import save_answers
from ferflow.training.families.network.loop import Training
from ferflow.training.shared.classifier import Classifier, save_classifier
from ferflow.training.shared.family import family_module
from ferflow.training.shared.fitting import TrainingData
from ferflow.training.shared.params import family_names, pick_family

LABELS = ("angry", "happy", "sad")
N_FEATURES = 6


def rows(seed, n=60):
    """Three classes apart by their means."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % len(LABELS)
    x = rng.normal(size=(n, N_FEATURES)).astype(np.float32)
    x[:, : len(LABELS)] += 2 * np.eye(len(LABELS), dtype=np.float32)[y]
    words = np.full(n, "")
    return Split(x, y, np.array([f"row_{k}" for k in range(n)]), words, LABELS)


def classical(target):
    """A folder of each family on features, and what it answers to ten rows."""
    answers = {}
    for name in family_names():
        if name in ("network", "pretrained"):  # of images
            continue
        settings = read_yaml(Path("presets/defaults.yaml"))
        settings["train"]["family"] = name
        if "n_estimators" in settings["train"][name]:
            settings["train"][name]["n_estimators"] = 3
        if name == "hist_gradient_boosting":
            settings["train"][name] |= {"max_iter": 3, "max_features": 1.0}
        mask = np.array([True] * (N_FEATURES - 1) + [False])
        train = replace(rows(0), x=rows(0).x[:, mask])
        model = family_module(name).fit(TrainingData(train), pick_family(settings)[1], 0).model
        made = Classifier(name, model, mask, LABELS, {"lighting": "none"})
        save_classifier(target / name, made)
        answers[name] = made.predict_proba(rows(1, 10).x).tolist()
    (target / "answers.json").write_text(json.dumps(answers, indent=1) + "\n")


def network(target):
    """A network's folder, its answers to two faces, and a checkpoint broken off after epoch 2."""
    options = params(epochs=4)
    fitted = family_module("network").fit(data(), options, 0)
    images = data().val.x[:2]
    labels = tuple(data().train.labels)
    mask = np.ones(images[0].size, np.bool_)
    made = Classifier("network", fitted.model, mask, labels, {"lighting": "none"})
    save_classifier(target / "network", made)
    np.save(target / "network-faces.npy", images)
    (target / "network-answers.json").write_text(
        json.dumps(made.predict_proba(images).tolist()) + "\n"
    )
    run_epoch = Training.run_epoch

    def broken(self, *words):
        if len(self.history) == 2:
            raise KeyboardInterrupt
        return run_epoch(self, *words)

    Training.run_epoch = broken
    with tempfile.TemporaryDirectory() as scratch:
        with contextlib.suppress(KeyboardInterrupt):
            family_module("network").fit(data(Path(scratch)), options, 0)
        (checkpoint,) = Path(scratch).rglob("checkpoint.safetensors")
        shutil.copy(checkpoint, target / "checkpoint.safetensors")


def published(target):
    """A published classifier's folder, of the smallest network, and its answers to two faces."""
    network, labels = target / "hub", [name.upper() for name in LABELS]
    publish(network, "vit", labels)
    options = {"model": str(network), "model_sha256": sha256_of(network), "batch_size": 2}
    images = draw_faces(["angry", "happy"], seed=1).reshape(2, -1)
    train = Split(images, np.arange(2), np.array(["a", "b"]), np.array(["", ""]), LABELS)
    family = family_module("pretrained")
    fitted = family.fit(TrainingData(train), family.Params(**options, classes={}), 0)
    mask = np.ones(images[0].size, np.bool_)
    made = Classifier("pretrained", fitted.model, mask, LABELS, {"lighting": "none"})
    save_classifier(target / "pretrained", made)
    np.save(target / "pretrained-faces.npy", images)
    answers = made.predict_proba(images)
    (target / "pretrained-answers.json").write_text(json.dumps(answers.tolist()) + "\n")
    save_answers(target / "teachers.safetensors", ["a", "b"], answers, LABELS)
    shutil.rmtree(network)


def strangers(path):
    """Answers of nobody to six images of FER-2013, which are told by their names alone."""
    table = load_table()
    known = np.flatnonzero((table.usage > 0) & (table.label != UNKNOWN))[::1200]
    names = [table.source_ids()[k] for k in known]
    rows = [f"{name}.jpg,{FER2013_LABELS[k % 7]}" for k, name in enumerate(names)]
    path.write_text("\n".join(["file,prediction", *rows]) + "\n")


def run(target):
    """params.yaml, records of each kind and MLflow's store of a small quickstart."""
    with tempfile.TemporaryDirectory() as scratch:
        repository = Repository(Path(scratch))
        repository.use("quickstart", *SMALL)
        repository.commit()
        repository.run("dvc", "repro")
        repository.run("ferflow", "track")
        for name in ("small", "again"):
            repository.ferflow("record", "--name", name)
        repository.ferflow("ensemble", *(f"quickstart/seed-0-{n}" for n in ("small", "again")))
        repository.ferflow("mistake", "swap_val_test", "--record")
        strangers(repository.folder / "strangers.csv")
        repository.ferflow("score", "strangers.csv", "--record", "nobody")
        shutil.copy(repository.folder / "params.yaml", target)
        records = repository.folder / "metrics/papers"
        places = ("quickstart/seed-0-small.*", "quickstart/mistake-*", "ensembles/mean-of-*")
        for place in (*places, "scored/nobody.*"):
            for path in records.glob(place):
                kept = target / "papers" / path.relative_to(records)
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, kept)
        with zipfile.ZipFile(
            target / "mlflow.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9
        ) as z:
            for path in sorted((repository.folder / ".mlflow").glob("*.db")):
                z.write(path, path.name)


def main():
    target = Path(sys.argv[1])
    target.mkdir(parents=True)
    classical(target)
    network(target)
    published(target)
    run(target)


if __name__ == "__main__":
    main()
