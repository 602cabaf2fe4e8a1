"""A small network, and faces that it can learn, for the tests of training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from training_rows import training_data

from ferflow.core.params import pick_section, read_yaml
from ferflow.training.families.network.family import Params, fit
from ferflow.training.families.network.loop import Training

ROOT = Path(__file__).parents[1]
FILES = [  # of a network on a backbone
    "config.json",
    "head.safetensors",
    "model.safetensors",
    "network.json",
    "preprocessor_config.json",
]
SMALL = {
    "architecture": "resnet",
    "options": {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "input_size": 24},
    "input": "standardised",
    "epochs": 3,
    "batch_size": 16,
    "augmentation": [],
    "precision": "float32",
    "device": "cpu",
    "label_smoothing": 0.0,
}


def params(**changes):
    section = read_yaml(ROOT / "presets/defaults.yaml")["train"]["network"]
    return pick_section({"network": section | SMALL | changes}, "network", Params)


def faces(n=60, seed=0, side=24):
    """Images (n, side * side) of three classes: a bright band at the top, middle or bottom."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = rng.integers(0, 120, (n, side, side))
    for image, k in zip(x, y, strict=True):
        image[k * side // 3 : (k + 1) * side // 3] += 110
    return x.astype(np.uint8).reshape(n, -1), y


def data(scratch=None, val=True):
    return training_data(*faces(), val=faces(30, 1) if val else None, scratch=scratch)


def weights(fitted):
    return {k: v.clone() for k, v in fitted.model.network.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[k], b[k]) for k in a)


def fit_broken_off(monkeypatch, epochs, *args):
    """`fit` that is broken off after so many epochs."""
    run_epoch = Training.run_epoch

    def broken(self, *rest):
        if len(self.history) == epochs:
            raise KeyboardInterrupt
        return run_epoch(self, *rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Training, "run_epoch", broken)
        fit(*args)
