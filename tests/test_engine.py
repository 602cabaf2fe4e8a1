"""A backbone's features through ONNX Runtime, or through torch where that is the only way."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_features import FACES, network, settings, written
from torch import nn
from transformers import ResNetConfig, ResNetModel

from ferflow.backbones.engine import TOLERANCE, NoEngineError, onnx_answer
from ferflow.features.extraction import extract_features, fastest, make_extractor

pytestmark = pytest.mark.usefixtures("one_thread")

X = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 2, 6, 6)).astype(np.float32))
ONNX, TORCH = "ONNX Runtime, float32", "torch, float32 on cpu"


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """The folder of a tiny network: one that converts quickly."""
    folder = tmp_path_factory.mktemp("networks") / "resnet"
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ResNetModel(ResNetConfig(**sizes, layer_type="basic")).save_pretrained(folder)
    return folder


class Says(nn.Module):
    """A network that answers by a function, and has a weight."""

    def __init__(self, function):
        super().__init__()
        self.weight, self.function = nn.Parameter(torch.ones(1)), function

    def forward(self, x):
        return (self.function(x) * self.weight,)


@pytest.mark.parametrize(("pooling", "size"), [("flatten", 48), ("avg", 64)])
def test_features_are_those_of_torch_within_the_tolerance(resnet, pooling, size):
    by_torch = make_extractor(network(resnet, pooling=pooling, input_size=size))
    by_onnx = fastest(by_torch, FACES)
    assert (by_torch.engine, by_onnx.engine) == (TORCH, ONNX)
    assert by_onnx.shape == by_torch.shape
    expected = extract_features(FACES, by_torch)
    apart = np.abs(extract_features(FACES, by_onnx) - expected).max()
    assert apart < 1e-4 * np.abs(expected).max()


def test_the_same_bytes_from_run_to_run_and_in_whatever_batches(resnet):
    made = [
        extract_features(FACES, fastest(make_extractor(network(resnet, batch_size=n)), FACES))
        for n in (1, 5)
    ]
    assert made[0].tobytes() == made[1].tobytes()


def test_the_stage_says_what_computed(resnet, tmp_path, make_split, capsys):
    meta = written(make_split(), tmp_path, network(resnet)).meta
    assert meta["features_by"] == ONNX
    said = capsys.readouterr().out
    assert "computed by ONNX Runtime, equal to torch on 6 images to " in said
    assert len(said.splitlines()) == 1
    assert "features_by" not in written(make_split(), tmp_path).meta


def test_joined_features_go_through_it_too(resnet):
    params = network(resnet, method="joined", joined=["hog", "backbone"])
    joined = make_extractor(params)
    found = fastest(joined, FACES)
    assert (joined.engine, found.engine) == (TORCH, ONNX)
    apart = np.abs(extract_features(FACES, found) - extract_features(FACES, joined))
    assert apart[:, :900].max() == 0 < apart.max() < 1e-3


def test_bfloat16_stays_with_torch(resnet):
    extractor = make_extractor(network(resnet, precision="bfloat16"))
    assert fastest(extractor, FACES).engine == "torch, bfloat16 on cpu"
    assert fastest(make_extractor(settings()), FACES).engine is None


def test_without_images_nothing_is_tried(resnet):
    assert fastest(make_extractor(network(resnet)), FACES[:0]).engine == TORCH


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x if float(x.sum()) > 0 else -x, "does not convert to ONNX"),
        (lambda x: x - x.mean(dim=0), "apart"),  # of one input something else than of five
        (lambda x: torch.rand_like(x), "apart"),
        (lambda x: x / 0 * 0, "apart"),
    ],
)
def test_what_does_not_agree_is_told_and_stays_with_torch(function, reason):
    with pytest.raises(NoEngineError, match=reason):
        onnx_answer(Says(function), X)


def test_a_network_that_does_not_convert_is_said_in_one_line(resnet, monkeypatch, capsys):
    def refuse(*_):
        raise NoEngineError("it does not convert to ONNX: an operator is unknown")

    monkeypatch.setattr("ferflow.features.extractors.backbone.onnx_answer", refuse)
    assert fastest(make_extractor(network(resnet)), FACES).engine == TORCH
    said = "computed by torch; it does not convert to ONNX: an operator is unknown"
    assert capsys.readouterr().out == f"features.backbone: {said}\n"


def test_weights_too_large_to_hold_three_times_stay_with_torch(monkeypatch):
    monkeypatch.setattr("ferflow.backbones.engine._MAX_BYTES", 3)
    with pytest.raises(NoEngineError, match="weights take"):
        onnx_answer(Says(torch.abs), X)


@pytest.mark.parametrize("agrees", [True, False])
def test_a_ten_thousandth_of_the_largest_value_is_the_most(monkeypatch, agrees):
    off = TOLERANCE * (0.9 if agrees else 1.1)

    class Session:
        def run(self, _, given):
            x = given["pixel_values"].copy()
            x[np.abs(x) == X.abs().max().item()] *= 1 + off  # the largest value alone is off
            return [x]

    graph = SimpleNamespace(SerializeToString=lambda: b"")
    monkeypatch.setattr("ferflow.backbones.engine.to_graph", lambda *_: graph)
    monkeypatch.setattr("ferflow.backbones.engine.session_of", lambda *_: Session())
    if agrees:
        onnx_answer(Says(lambda x: x + 0), X)
        return
    with pytest.raises(NoEngineError, match="apart"):
        onnx_answer(Says(lambda x: x + 0), X)


def test_64_images_are_compared(resnet, monkeypatch):
    compared = []

    def refuse(_, x):
        compared.append(len(x))
        raise NoEngineError("it is only counted")

    monkeypatch.setattr("ferflow.features.extractors.backbone.onnx_answer", refuse)
    fastest(make_extractor(network(resnet)), np.repeat(FACES, 100, axis=0)[:100])
    assert (compared, TOLERANCE) == ([64], 1e-4)


def test_what_agrees_answers_any_number():
    answer, words = onnx_answer(Says(torch.abs), X)
    assert words == "equal to torch on 5 images to 0e+00"
    assert np.array_equal(answer(X[:3]), X[:3].abs().numpy())
