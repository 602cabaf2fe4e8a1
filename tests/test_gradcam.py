"""Where networks looked: Grad-CAM where it is known, and the same from an ONNX file."""

import numpy as np
import pytest
import torch
from torch import nn

import ferflow.training.families.random_forest.family as family
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.recognition.attention import attention, spread
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.recognition.gradcam import grad_cam
from ferflow.recognition.onnx_model import OnnxModel
from ferflow.recognition.recognizer import BUNDLED


def bright_or_dark():
    """A network that votes 0 for bright places and 1 for dark ones, of inputs from -1 to 1."""
    convolution = nn.Conv2d(1, 2, 1, bias=False)
    convolution.weight.data[:] = torch.tensor([1.0, -1.0])[:, None, None, None]
    pool = nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(convolution, nn.ReLU(), nn.MaxPool2d(2), pool, nn.Flatten())


@pytest.fixture
def halves():
    """Two pictures (2, 1, 16, 16): bright on the left and dark on the right, and the reverse."""
    picture = torch.full((1, 1, 16, 16), -1.0)
    picture[..., :8] = 1
    return torch.cat([picture, picture.flip(-1)])


def test_the_map_is_where_the_class_is(halves):
    network = bright_or_dark()
    for wanted, left in (([0, 1], [1, 1]), ([1, 0], [0, 0])):
        maps = spread(grad_cam(network, halves, wanted), 48)
        assert maps.shape == (2, 48, 48)
        assert maps.dtype == np.float32
        for place, on_the_left in zip(maps, left, strict=True):
            sides = place[:, :20], place[:, 28:]
            here, there = sides if on_the_left else sides[::-1]
            assert here.mean() > 0.9
            assert there.max() < 0.05


def test_the_last_resolution_of_a_convolution_counts_not_the_last_of_all():
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(8), nn.Flatten(), nn.Linear(16, 2)]
    seen = []
    layers[0].register_forward_hook(lambda *_: seen.append(True))
    torch.manual_seed(0)
    maps = grad_cam(nn.Sequential(*layers), torch.randn(1, 1, 16, 16), [0])
    assert seen
    assert maps.shape == (1, 16, 16)  # not 2x2


def test_each_face_is_explained_on_its_own(halves):
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(588, 4)]
    network = nn.Sequential(*layers)
    together = grad_cam(network, halves, [2, 3])
    alone = [grad_cam(network, halves[[i]], [2 + i])[0] for i in range(2)]
    assert np.allclose(together, alone, atol=1e-5)
    assert not network.training


def test_what_speaks_against_a_class_gives_an_empty_map(halves):
    network = nn.Sequential(*bright_or_dark(), nn.Linear(2, 2))
    network[-1].weight.data[:] = -1.0
    assert (spread(grad_cam(network, halves, [0, 1]), 48) == 0).all()


def test_works_where_weights_are_frozen_and_gradients_are_off(halves):
    network = bright_or_dark().requires_grad_(False)
    with torch.no_grad():
        maps = grad_cam(network, halves, [0, 0])
    assert spread(maps, 48).max() == pytest.approx(1)


def test_a_network_without_convolutions_has_no_map(halves):
    assert grad_cam(nn.Sequential(nn.Flatten(), nn.Linear(256, 2)), halves, [0, 0]) is None


def test_a_family_without_a_network_has_no_map(model_folder):
    faces = np.zeros((2, 48, 48), np.uint8)
    assert attention(FaceClassifier(model_folder), faces, [0, 0]) is None


def test_a_family_with_a_network_has_one(model_folder, monkeypatch):
    def as_network(_, x):
        return bright_or_dark(), torch.from_numpy(x).reshape(-1, 1, 48, 48) / 127.5 - 1

    monkeypatch.setattr(family, "as_network", as_network, raising=False)
    faces = np.zeros((1, 48, 48), np.uint8)
    faces[:, :24] = 255
    classifier = FaceClassifier(model_folder)
    (place,) = attention(classifier, faces, [0])
    assert place[:20].mean() > 0.9
    assert place[28:].max() < 0.05
    assert attention(classifier, faces[:0], []) is None


def test_the_bundled_files_maps_are_grad_cams_in_8_bits():
    faces = draw_faces(FER2013_LABELS, seed=5)
    classes = list(range(len(FER2013_LABELS)))  # also where another one is more probable
    ours = attention(OnnxModel(BUNDLED.with_suffix(".onnx")), faces, classes)
    theirs = attention(FaceClassifier(BUNDLED), faces, classes)
    assert ours.shape == (7, 48, 48) and ours.max(axis=(1, 2)) == pytest.approx(1)
    apart = np.abs(ours - theirs).max(axis=(1, 2))
    assert apart.max() < 0.4 and np.median(apart) < 0.05
