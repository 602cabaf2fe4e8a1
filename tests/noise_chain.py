"""An honest chain on images of noise, whose labels cannot be told: honest accuracy is chance."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ferflow.augment.params import AugmentParams
from ferflow.balance.params import BalanceParams
from ferflow.core.split import SPLITS
from ferflow.runs.mistakes.honest_chain import HonestChain
from ferflow.training.families.random_forest import family as random_forest
from ferflow.training.shared.classifier import Classifier
from ferflow.training.shared.fitting import TrainingData

ROOT = Path(__file__).parents[1]
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SIDE = 8  # of an image of noise
D = SIDE * SIDE // 2
HONEST, MERGED = {"trained_on": ["train"]}, {"trained_on": ["train", "val"]}
FIRST_IMAGE = {"train": 0, "val": 1000, "test": 2000}  # numbers of the images


def noise(make_split, name, n):
    """n images of noise whose labels cannot be told: honest accuracy is chance."""
    first = FIRST_IMAGE[name]
    y = np.random.default_rng(first).permutation(np.arange(n) % len(LABELS))
    split = make_split(y=y, shape=(SIDE, SIDE), labels=LABELS, seed=first)
    return replace(split, source_id=np.array([f"image_{first + i}" for i in range(n)]))


def symmetric(images):
    """Features (n, D) that an image shares with its mirror image."""
    x = images.astype(np.float32)
    return (x + x[:, :, ::-1])[:, :, : SIDE // 2].reshape(len(x), D)


def flat(images):
    """Every pixel a feature."""
    return images.reshape(len(images), -1)


def augment_params(*copies, fill_rare="none"):
    return AugmentParams.model_validate({"copies": list(copies), "fill_rare": fill_rare})


def noise_chain(make_split):
    images = {
        name: noise(make_split, name, n) for name, n in zip(SPLITS, (350, 70, 140), strict=True)
    }
    features = {name: replace(split, x=symmetric(split.x)) for name, split in images.items()}
    params = random_forest.Params(
        n_estimators=20, max_depth=None, min_samples_leaf=1, max_features="sqrt", class_weight=None
    )
    model = random_forest.fit(TrainingData(features["train"]), params, 0).model
    classifier = Classifier(
        "random_forest", model, np.ones(D, dtype=bool), LABELS, {"trained_on": ["train"]}
    )
    return HonestChain(
        features=features,
        images=images.__getitem__,
        extract=symmetric,
        classifier=classifier,
        params=params,
        augment_params=augment_params(),
        balance_params=BalanceParams(method="none", k_neighbors=5),
        seed=0,
    )
