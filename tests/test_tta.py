"""Test-time augmentation: which views, the same images, a gain that is a gain."""

import numpy as np
import pytest

from ferflow.core.errors import ParamError
from ferflow.core.split import Split
from ferflow.evaluation.outputs import predict, split_scores
from ferflow.evaluation.params import EvaluateParams
from ferflow.evaluation.predictions import (
    prediction_frame,
    read_predictions,
    tta_predictions,
    write_predictions,
)
from ferflow.evaluation.tta import tta_proba
from ferflow.evaluation.without_twins import without_twins
from ferflow.training.shared.policy import check_policy

LABELS = ("dark left", "dark right")
PARAMS = {
    "splits": ["val"],
    "tta": "flip",
    "tta_draws": 3,
    "tta_policy": [{"shift_share": 0.2}],
    "calibration_bins": 15,
    "gallery_size": 8,
}


class LeftOrRight:
    """Answers which half of an image is darker, and remembers what it was shown."""

    meta: dict = {}  # noqa: RUF012

    labels = LABELS

    def __init__(self):
        self.shown = []

    def predict_proba(self, images):
        assert images.dtype == np.uint8
        assert images.shape[1:] == (48, 48)
        self.shown.append(images)
        left = images[:, :, :24].mean(axis=(1, 2)) < images[:, :, 24:].mean(axis=(1, 2))
        return np.stack([left, ~left], axis=1).astype(float)


def images(n=6):
    return np.random.default_rng(0).integers(0, 256, (n, 48, 48), dtype=np.uint8)


def views(method, **changes):
    classifier = LeftOrRight()
    options = {"policy": check_policy(["rotation_degrees"]), "n": 4, "seed": 0} | changes
    p = tta_proba(classifier, images(), method, **options)
    return p, classifier.shown


def test_flip_is_the_mean_of_an_image_and_its_mirror_image():
    p, shown = views("flip")
    assert np.array_equal(shown[1], images()[:, :, ::-1])
    assert (p == 0.5).all()  # what is dark on the left is dark on the right in the mirror


def test_ten_crop_shows_ten_views_whose_corners_are_the_images():
    _, shown = views("ten_crop")
    assert len(shown) == 10
    assert np.array_equal(shown[0][:, 0, 0], images()[:, 0, 0])
    assert np.array_equal(shown[6][:, -1, -1], images()[:, -1, -1])
    assert np.array_equal(shown[9], shown[8][:, :, ::-1])


def test_draws_differ_and_the_seed_fixes_them():
    _, shown = views("draws")
    assert len(shown) == 4
    assert not np.array_equal(shown[0], shown[1])
    assert all(np.array_equal(a, b) for a, b in zip(shown, views("draws")[1], strict=True))
    assert not np.array_equal(shown[0], views("draws", seed=1)[1][0])


def test_a_classifier_of_features_is_refused():
    classifier = LeftOrRight()
    classifier.meta = {"features": {"method": "hog"}}
    with pytest.raises(ParamError, match=r"takes hog features\. Set evaluate\.tta to none"):
        tta_proba(classifier, images(), "flip", policy=[], n=1, seed=0)


def split(n=8):
    rows = images(n)
    names = np.array([f"image_{i}" for i in range(n)])
    return Split(rows, np.arange(n) % 2, names, np.full(n, ""), LABELS, {})


def frame(name="val", **changes):
    params = EvaluateParams.model_validate(PARAMS | changes)
    return predict(LeftOrRight(), name, split(), params, 0)


def test_its_scores_stand_beside_the_plain_ones_on_the_same_images(tmp_path):
    write_predictions(tmp_path / "p.parquet", [frame()])
    stored = read_predictions(tmp_path / "p.parquet")
    assert list(stored.columns[-2:]) == ["tta_dark left", "tta_dark right"]
    extra = tta_predictions(stored)
    assert set(extra["split"]) == {"val_tta"}
    assert extra["source_id"].tolist() == stored["source_id"].tolist()
    scores = split_scores(stored, 15) | split_scores(extra, 15)
    assert scores["val"]["n"] == scores["val_tta"]["n"] == 8
    assert scores["val_tta"]["log_loss"] == pytest.approx(np.log(2))


def test_without_it_there_is_no_column_and_no_split():
    plain = frame(tta="none")
    assert not any(name.startswith("tta_") for name in plain.columns)
    assert tta_predictions(plain).empty


def test_training_images_are_shown_once(tmp_path):
    write_predictions(tmp_path / "p.parquet", [frame("train"), frame("val")])
    assert set(tta_predictions(read_predictions(tmp_path / "p.parquet"))["split"]) == {"val_tta"}


def test_leaving_twins_out_leaves_the_columns_in():
    import pandas as pd

    twins = pd.DataFrame({"split": ["val"], "source_id": ["image_3"]})
    assert len(without_twins(frame(), twins)) == 7


def test_a_policy_that_is_none_is_refused():
    with pytest.raises(ValueError, match="Did you mean 'rotation_degrees'"):
        EvaluateParams.model_validate(PARAMS | {"tta_policy": ["rotation_degree"]})
    steps = [{"brightness_factors": [1, 1]}, "stretch_levels"]
    with pytest.raises(ValueError, match=r"stretch_levels acts in training only"):
        EvaluateParams.model_validate(PARAMS | {"tta_policy": steps})


def test_val_is_not_scored_once_it_was_trained_on():
    params = EvaluateParams.model_validate(PARAMS | {"splits": ["train", "val", "test"]})
    assert params.scored(["train"]) == ["train", "val", "test"]
    assert params.scored(["train", "val"]) == ["train", "test"]
    with pytest.raises(ParamError, match="is val alone"):
        EvaluateParams.model_validate(PARAMS).scored(["train", "val"])


def test_a_frame_keeps_its_means():
    p, y = np.array([[0.4, 0.6]]), np.array([1])
    found = prediction_frame(["a"], "val", y, p, LABELS, np.array([[0.1, 0.9]]))
    assert tta_predictions(found)["p_dark right"].tolist() == [0.9]
