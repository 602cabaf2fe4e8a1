"""Small data that several test files need. No test reaches the network."""

import os
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from order import pytest_collection_modifyitems  # noqa: F401, a hook
from picture_folders import refusal, unpacked
from recognition_data import write_model

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when huggingface_hub is imported

from ferflow.core.split import Split
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.download.params import DataParams
from ferflow.download.sources import read_path
from ferflow.download.splitting import split_collection
from ferflow.evaluation.metrics import split_metrics
from ferflow.records.compact import Answers
from ferflow.records.record import MISTAKE, RunRecord, save_figures, save_record
from ferflow.records.resampling import bootstrap, percentiles

ROOT = Path(__file__).parents[1]
FILTERS_OFF = {  # every filter of `preprocess` switched off
    "drop_constant": False,
    "max_black_white": None,
    "min_contrast": None,
    "min_texture": None,
    "drop_without_face": False,
    "drop_contradictory": False,
    "drop_twins_of_val_test": False,
    "drop_exact_duplicates": False,
    "drop_near_duplicates": False,
    "twin_distance": 8,
    "filter_val_test": False,
}


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=2, help="of each family, in tests marked slow")


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The repository in which the chain was run, the same for all workers: not to be changed."""
    from repository import finished

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    return finished(folder / "a path with spaces")


@pytest.fixture
def own(small, tmp_path_factory):
    """A copy of the small repository for one test, in a path with spaces too."""
    copy = small.copy_to(tmp_path_factory.mktemp("own copy") / "of it", with_runs=True)
    yield copy
    shutil.rmtree(copy.folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """For tests marked slow: a repository in which the chain was run on a few drawn faces."""
    from repository import SMALL
    from torture.scratch import Scratch

    repository = Scratch(tmp_path_factory.mktemp("finished"))
    repository.use("quickstart", *SMALL)
    repository.commit()
    repository.repro()
    repository.commit()
    return repository


@pytest.fixture(scope="module")
def one_thread():
    """Tiny tensors: threads that wait for each other on a busy machine take most of the time."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def nothing_planted(tmp_path, monkeypatch):
    """In a folder where `hostile.Planted` would leave its mark, and leaves none."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not Path("planted").exists()


@pytest.fixture
def make_split():
    """A factory of splits with random values: images by default, features with shape=(d,)."""

    def make(y=(0, 1, 2, 0, 1, 0), shape=(48, 48), labels=("angry", "disgust", "fear"), seed=0):
        rng = np.random.default_rng(seed)
        y = np.asarray(y, dtype=np.int64)
        if len(shape) == 2:
            x = rng.integers(0, 256, (len(y), *shape), dtype=np.uint8)
        else:
            x = rng.normal(size=(len(y), *shape)).astype(np.float32)
        return Split(
            x=x,
            y=y,
            source_id=np.array([f"image_{i}" for i in range(len(y))], dtype=np.str_),
            transform=np.full(len(y), ""),
            labels=labels,
            meta={"data_set": "noise"},
        )

    return make


@pytest.fixture
def same_split():
    """Assert that two splits hold the same rows and words."""

    def compare(a, b):
        assert a.x.dtype == b.x.dtype
        for name in ("x", "y", "source_id", "transform", "group", "targets"):
            assert np.array_equal(getattr(a, name), getattr(b, name)), name
        assert a.labels == b.labels
        assert a.meta == b.meta

    return compare


@pytest.fixture(scope="session")
def face_files():
    """FER-2013 in small: member name -> JPEG bytes; numbers whose order as text differs."""
    files = {}
    places = [("train", "Training", 9), ("train", "Training", 100)]
    places += [("test", "PublicTest", 30), ("test", "PrivateTest", 200)]
    for seed, (folder, usage, first) in enumerate(places):
        faces = draw_faces(FER2013_LABELS, seed=seed)
        for k, (label, face) in enumerate(zip(FER2013_LABELS, faces, strict=True)):
            name = f"{folder}/{label}/{usage}_{first + 3 * (6 - k)}.jpg"
            files[name] = cv2.imencode(".jpg", face)[1].tobytes()
    return files


@pytest.fixture(scope="session")
def write_zip():
    """Write member name -> bytes as a zip file, and return its path."""

    def write(path, files, compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path

    return write


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """A classifier folder as `train` writes it, quickly made: a small forest on drawn faces."""
    folder = tmp_path_factory.mktemp("model") / "classifier"
    return write_model(folder, ROOT / "presets" / "defaults.yaml")


@pytest.fixture
def without(monkeypatch):
    """A function that hides a package, as where it is not installed."""
    return lambda name: monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def zip_of_faces(tmp_path, face_files, write_zip):
    return write_zip(tmp_path / "fer2013.zip", face_files)


@pytest.fixture
def folder(tmp_path):
    """A function that writes name -> bytes as a folder of data."""
    return partial(unpacked, tmp_path / "data")


@pytest.fixture
def refused(folder):
    """A function that gives the one line with which such a folder is refused."""
    return lambda files, **options: refusal(folder(files), **options)


@pytest.fixture
def data_params():
    """A factory of the section `data`: a path without a fingerprint, unless changed."""

    def make(**changes):
        legal = {
            "source": "path",
            "path": None,
            "sha256": None,
            "n_synthetic": 200,
            "defects": False,
            "kaggle": "msambare/fer2013",
            "size": 48,
            "colour": "grey",
            "resize": False,
            "classes_map": {},
            "labels": "source",
            "ferplus_contempt": False,
            "split": "official",
            "val_fraction": 0.2,
            "test_fraction": 0.2,
            "n_folds": 5,
            "fold": 0,
        }
        return DataParams(**legal | changes)

    return make


@pytest.fixture
def read_splits(data_params):
    """Read a file or folder and split it: split name -> Split."""

    def read(path, seed=0, **changes):
        params = data_params(**changes)
        collection = read_path(path, classes_map=params.classes_map)
        return split_collection(collection, params, seed)

    return read


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """The current folder: the repository's presets, teachers, params.yaml and bundled model."""
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copytree(ROOT / "presets", folder / "presets")
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / "ferflow").mkdir()
    (folder / "ferflow/bundled").symlink_to(ROOT / "ferflow/bundled")
    shutil.copytree(ROOT / "metrics/teachers", folder / "metrics/teachers")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run_python():
    """Run code in a new interpreter, with another hash seed than this one; fails with it."""

    def run(code, *words):
        environment = os.environ | {"PYTHONHASHSEED": "271"}
        command = [sys.executable, "-c", code, *map(str, words)]
        subprocess.run(command, check=True, env=environment, cwd=ROOT)

    return run


@pytest.fixture
def ended():
    """The number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


@pytest.fixture
def make_answers():
    """A factory of made-up answers: a model of about the given accuracy, no two rows alike."""

    def make(n=400, accuracy=0.6, seed=0, labels=("angry", "disgust", "fear"), images=None):
        rng = np.random.default_rng(seed)
        image = np.arange(n) if images is None else np.asarray(images)
        y = np.random.default_rng(99).integers(0, len(labels), n)  # the same truth for all models
        votes = rng.random((n, len(labels)))
        right = rng.random(n) < accuracy
        shift = rng.integers(1, len(labels), n)
        votes[np.arange(n), np.where(right, y, (y + shift) % len(labels))] += 1
        return Answers(image, y, votes / votes.sum(axis=1, keepdims=True), list(labels))

    return make


def quick_intervals(answers):
    """As `ferflow.records.resampling.intervals`, of a tenth of the draws."""
    drawn = bootstrap([answers], n_resamples=200)
    return {name: percentiles(values[0]) for name, values in drawn.items()}


@pytest.fixture
def make_record(workplace, make_answers):
    """A factory of records in an empty repository, saved, with made-up answers for val and test."""
    assert Path.cwd() == workplace

    def make(preset="mobilenet-aco-rf", seed=0, accuracy=0.6, answers=None, **fields):
        splits = answers or {
            "val": make_answers(accuracy=accuracy, seed=2 * (seed or 0)),
            "test": make_answers(accuracy=accuracy, seed=2 * (seed or 0) + 1),
        }
        metrics = {name: split_metrics(s.y, s.p, s.labels) for name, s in splits.items()}
        content = {
            "preset": preset,
            "variant": None,
            "seed": seed,
            "date": "2026-11-20T12:00:00+00:00",
            "metrics": metrics,
            "intervals": {name: quick_intervals(split) for name, split in splits.items()},
            "protocol": {"data_set": "noise"},
            "predictions_sha256": "",
            "costs": {"train": {"seconds": 60.0, "peak_memory_mb": 100.0}},
        }
        return save_record(RunRecord(**(content | fields)), splits, 15)

    return make


@pytest.fixture
def make_mistake(make_record):
    """A factory of a mistake's records: the figures of a made-up model, and no predictions."""

    def make(name="random_resplit", preset="mobilenet-aco-rf", seed=0, accuracy=0.9, **fields):
        made = make_record("scratch", seed=seed, accuracy=accuracy)
        scores = {k: v for k, v in made.metrics["test"].items() if k != "per_class"}
        content = {"preset": preset, "mistake": name, "metrics": {MISTAKE: scores}}
        about = made.model_dump() | content | {"intervals": {}, "predictions_sha256": ""} | fields
        shutil.rmtree(made.file("json").parent)
        return save_figures(RunRecord(**about))

    return make


@pytest.fixture
def readme(workplace):
    """A README and the pages with the places of their tables."""
    (workplace / "docs").mkdir()
    pages = {
        "README.md": ["models"],
        "docs/papers.md": ["claims"],
        "docs/leaderboard.md": ["systems", "published"],
    }
    for path, marks in pages.items():
        tables = "\n".join(f"<!-- {mark} -->\nold\n<!-- /{mark} -->\n" for mark in marks)
        (workplace / path).write_text(f"# x\n\n{tables}\nrest\n")
