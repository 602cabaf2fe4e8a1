"""What is stated of a model for `ferflow score --model`: its labels and how images are prepared."""

import numpy as np
import pytest

from ferflow.core.errors import DataError, ParamError
from ferflow.score.models import probabilities
from ferflow.score.stated import MAX_SIZE, Preparation, Stated, columns_of, labels_in

LABELS = "neutral,happiness,sad,anger,fear,surprise,disgust"


@pytest.mark.parametrize("text", ["[" * 9000, "{1", "7", "x" * 20_000])
def test_labels_that_cannot_be_read_are_none(text):
    words = labels_in({"labels": text})
    with pytest.raises(ParamError, match=r"--labels|no class of FER-2013|outputs"):
        columns_of(None, words, 7, "a.onnx")


def test_an_eighth_output_may_be_left_out():
    logits = np.log(np.array([[0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2]]))
    columns = columns_of(f"-,{LABELS}", [], 8, "a.onnx")
    p, _ = probabilities(logits[:, columns])
    assert p.sum() == pytest.approx(1) and p[0, 1] == pytest.approx(0.2 / 0.9)  # disgust, last
    shares, what = probabilities(np.exp(logits)[:, columns])
    assert "divided by their sum" in what and np.allclose(shares, p)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"channels": "bgr"}, "--channels must be one of grey, rgb; got 'bgr'"),
        ({"scale": "0-2"}, "--scale must be one of 0-1, -1-1, 0-255, imagenet; got '0-2'"),
        ({"layout": "nhw"}, "--layout must be one of nchw, nhwc; got 'nhw'. Did you mean 'nhwc'"),
        ({"size": 4}, "--input-size must be 8 to 1024; got 4"),
    ],
)
def test_legal_values_are_named(given, message):
    with pytest.raises(ParamError, match=message):
        Stated(**given)


def test_answers_that_are_no_numbers_are_refused():
    with pytest.raises(DataError, match="contain NaN or infinity"):
        probabilities(np.full((1, 7), np.nan))


def test_images_are_prepared_as_stated():
    faces = np.random.default_rng(0).integers(0, 256, (2, 48, 48), dtype=np.uint8)
    x = Preparation(48, "rgb", "imagenet", "nchw")(faces)
    mean, std = (
        np.array(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    assert x.shape == (2, 3, 48, 48)
    assert np.allclose(x, (faces[:, None] / 255 - mean) / std, atol=1e-5)
    half = Preparation(24, "grey", "-1-1", "nhwc")(faces)
    means = np.floor(faces.reshape(2, 24, 2, 24, 2).mean(axis=(2, 4)) + 0.5)
    assert np.abs(half[..., 0] - (means / 127.5 - 1)).max() <= 1 / 127 and half.shape[3] == 1
    assert Preparation(64, "grey", "0-255", "nhwc")(faces).max() <= 255 < MAX_SIZE
