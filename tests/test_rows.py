"""Rows made when they are asked for, arrays on the disk, and results that no block size changes."""

import errno
import os
import sys
import tempfile
from dataclasses import replace

import numpy as np
import pytest
from conftest import FILTERS_OFF
from noise_chain import ROOT

from benchmarks.memory import watch, write_params, write_rows
from ferflow.core import rows as rows_module
from ferflow.core import split as split_module
from ferflow.core.errors import DiskError
from ferflow.core.rows import Stacked, Taken, batches, scratch_array, scratch_copy, stack
from ferflow.core.split import SPLITS, load_split, save_split
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.evaluation import outputs
from ferflow.evaluation.params import EvaluateParams
from ferflow.images import measures, relatives, twins
from ferflow.images.lighting import Lit, correct_lighting
from ferflow.preprocess.clean import preprocess
from ferflow.preprocess.params import PreprocessParams
from ferflow.training.families.random_forest import Params, family
from ferflow.training.shared.classifier import Classifier
from ferflow.training.shared.fitting import TrainingData

EVALUATE = EvaluateParams(
    splits=["train"],
    tta="none",
    tta_draws=1,
    tta_policy=[],
    calibration_bins=15,
    gallery_size=1,
)
ASKED = [
    0,
    9,
    -1,
    np.int64(4),
    slice(None),
    slice(2, 3),
    slice(2, 9),
    slice(5, 2),
    slice(None, None, 3),
    slice(8, 99),
    [3, 3, 0],
    np.array([9, 0, 4]),
    np.array([-1, 2]),
    np.arange(10) % 3 == 0,
    np.empty(0, np.intp),
]


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (10, 6, 5), dtype=np.uint8)


@pytest.mark.parametrize("rows", ASKED, ids=str)
def test_rows_are_those_of_the_array_that_they_stand_for(images, rows):
    order = np.random.default_rng(1).permutation(10)
    for made, array in (
        (Stacked([images[:3], images[3:3], images[3:4], images[4:]]), images),
        (Taken(images, order), images[order]),
        (Lit(images, "equalize"), correct_lighting(images, "equalize")),
    ):
        assert (made.shape, made.ndim, made.dtype) == (array.shape, 3, array.dtype)
        assert np.array_equal(made[rows], array[rows])
        assert np.array_equal(np.stack(list(made)), array)
        assert np.array_equal(np.asarray(made), array)


def test_a_slice_of_one_part_is_no_copy(images):
    assert np.shares_memory(Stacked([images[:3], images[3:]])[4:8], images)


def test_pictures_as_files_are_stacked_as_they_are():
    parts = [np.empty(n, object) for n in (1, 2)]
    for part in parts:
        part[:] = [np.arange(k, dtype=np.uint8) for k in range(len(part))]
    assert [len(picture) for picture in stack(parts)] == [0, 0, 1]


def test_batches_have_so_many_columns_or_more_and_none_is_lost():
    parts = [np.arange(2 * n).reshape(2, n) for n in (0, 3, 0, 1, 9, 2, 0)]
    found = list(batches(iter(parts), 4))
    assert [part.shape[1] for part in found] == [4, 9, 2]
    assert np.array_equal(np.concatenate(found, axis=1), np.concatenate(parts, axis=1))
    assert list(batches([parts[0]], 4)) == []


@pytest.mark.parametrize("shape", [(0, 4), (3, 2)])
def test_an_array_on_the_disk_leaves_no_file(shape, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    array = scratch_array(shape, np.float32)
    assert (array.shape, array.dtype, array.any()) == (shape, np.float32, False)
    array[...] = 7
    assert (array == 7).all()
    assert list(tmp_path.iterdir()) == []


def test_a_copy_on_the_disk_is_a_copy(images):
    assert np.array_equal(scratch_copy(Taken(images, np.array([4, 1]))), images[[4, 1]])


def test_a_full_disk_is_said_with_the_cure(monkeypatch):
    def none_left(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", none_left, raising=False)
    with pytest.raises(DiskError, match=r"too full for a temporary file.*TMPDIR"):
        scratch_array((5,), np.uint8)


@pytest.fixture
def splits(tmp_path, make_split):
    """Mapped splits of drawn faces with exact, near, mirrored and shifted copies among them."""
    faces = draw_faces(["happy", "sad", "fear"] * 10, seed=0)
    noisy = np.clip(faces[:6] + np.random.default_rng(0).normal(0, 3, (6, 48, 48)), 0, 255)
    others = {
        "train": [faces, faces[:2], np.zeros((1, 48, 48))],
        "val": [noisy, faces[6:9, :, ::-1]],
        "test": [faces[9:12], np.roll(faces[12:16], 2, axis=2)],
    }
    for name, parts in others.items():
        x = np.concatenate(parts).astype(np.uint8)
        split = make_split(y=np.arange(len(x)) % 3, shape=(48, 48))
        names = np.array([f"{name}_{i}" for i in range(len(x))])
        save_split(tmp_path / name, replace(split, x=x, source_id=names))
    return {name: load_split(tmp_path / name) for name in SPLITS}


def test_no_block_size_changes_what_preprocess_writes(splits, tmp_path, monkeypatch):
    filters = {
        "drop_constant": True,
        "drop_exact_duplicates": True,
        "min_texture": 0.01,
        "max_black_white": 0.9,
        "min_contrast": 1.0,
    }
    params = PreprocessParams(**FILTERS_OFF | filters, classes=None, lighting="clahe")

    def made():
        cleaned = preprocess(splits, params)
        for name, split in cleaned.splits.items():
            save_split(tmp_path / "out" / name, split)
        tables = [cleaned.twins, cleaned.relatives, *cleaned.split_twins.values()]
        files = [(tmp_path / "out" / name).read_bytes() for name in SPLITS]
        return [table.to_csv() for table in tables], files

    tables, files = made()
    assert {"exact", "near", "mirrored", "moved"} <= set(
        ",".join(tables).replace("\n", ",").split(",")
    )
    for size in (1, 7, 1000):
        for module, name in (
            (measures, "_CHUNK"),
            (relatives, "_SEEN_AT_ONCE"),
            (relatives, "_PAIRS_AT_ONCE"),
            (twins, "_MAX_CANDIDATES"),
            (rows_module, "_AT_ONCE"),
            (split_module, "_PIECE"),
        ):
            monkeypatch.setattr(module, name, size)
        assert made() == (tables, files)


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_no_block_size_changes_what_is_predicted(make_split, monkeypatch, batch):
    split = make_split(y=np.arange(45) % 3, shape=(17,))
    params = Params(
        n_estimators=5, max_depth=None, min_samples_leaf=1, max_features="sqrt", class_weight=None
    )
    model = family.fit(TrainingData(split), params, 0).model
    classifier = Classifier("random_forest", model, np.ones(17, np.bool_), split.labels, {})
    asked = replace(split, transform=np.where(np.arange(45) % 4, "", "smote"))
    own = classifier.predict_proba(split.x[asked.original])
    monkeypatch.setattr(outputs, "_PART", 1)
    monkeypatch.setattr(outputs, "_BATCH", batch)
    frame = outputs.predict(classifier, "train", asked, EVALUATE, 0)
    assert np.array_equal(frame.filter(like="p_").to_numpy(), own)
    assert frame["source_id"].tolist() == split.source_id[asked.original].tolist()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_preprocess_holds_no_images_in_memory(tmp_path):
    """Private memory grows by less than a picture's 2,304 bytes for an image."""
    few, many, peaks = 1_000, 13_000, []
    for n in (few, many):
        folder = tmp_path / str(n)
        folder.mkdir()
        write_params(folder, "littlevgg")
        for name, rows in zip(SPLITS, (n - 200, 100, 100), strict=True):
            write_rows(folder / f"{name}.safetensors", rows)
        peaks.append(watch(["-m", "stages.preprocess", ".", "out", "out.json"], folder, ROOT)[1])
    assert (folder / "out" / "train.safetensors").exists()
    assert (peaks[1] - peaks[0]) * 1e6 / (many - few) < 2_304
