"""Mistakes by name: what an honest chain produced, evaluated wrongly on purpose.

Each function is one way in which a published figure can come out too high. It takes the honest
chain's files and returns predictions that must not be called a result; whoever runs it can watch
the number rise. Nothing in the honest chain knows of this module. Where the mistake lies in the
scoring alone, the honest model is scored wrongly; only the others fit one again (`n_fits`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.augment.params import AugmentParams
from ferflow.core.split import SPLITS, Split
from ferflow.evaluation.metrics import split_metrics
from ferflow.runs.mistakes.honest_chain import HonestChain, Predictions

HARD_CLASSES = ("disgust", "surprise")  # what paper 3's five-class subset leaves out
N_CANDIDATES = 5  # models among which `select_on_test` picks
OFFICIAL_TEST = ("val", "test")  # PublicTest and PrivateTest: paper 2 scores them together
# paper 4's copies of every image
MODIFIED = [{"turn_degrees": 90}, {"turn_degrees": -90}, {"scale_factor": 0.7}]


def resample_before_split(chain: HonestChain) -> Predictions:
    """SMOTE over the whole data set, then a random split.

    A test row is a mixture of rows that the model was trained on, or the other way round. SMOTE
    stands for augment.fill_rare, too, for no class is rare after it; augment.copies are made of
    the real images that come to train.
    """
    everything = chain.balanced(chain.original(*SPLITS), method="smote")
    train, val, test = chain.random_split(everything)
    filled = chain.augment_params.model_copy(update={"fill_rare": "none"})
    return chain.fit_and_score(replace(chain, augment_params=filled).augmented(train), val, test)


def augment_before_split(chain: HonestChain) -> Predictions:
    """Flipped copies of the whole data set, then a random split.

    Most test images have their mirror image in the training rows. The copies of the honest
    chain are made after the split, of the images and the mirror images that come to train.
    """
    mirrored = [chain.mirrored(name) for name in SPLITS]
    train, val, test = chain.random_split(Split.join([chain.original(*SPLITS), *mirrored]))
    return chain.fit_and_score(chain.balanced(chain.augmented(train)), val, test)


def random_resplit(chain: HonestChain) -> Predictions:
    """A random split of the whole data set: twins and subjects land on both sides."""
    train, val, test = chain.random_split(chain.original(*SPLITS))
    return chain.fit_and_score(chain.balanced(chain.augmented(train)), val, test)


def test_on_train(chain: HonestChain) -> Predictions:
    """The honest model scored on the images that it was trained on."""
    return chain.score_honest(chain.original("train"))


def score_on_merged_validation(chain: HonestChain) -> Predictions:
    """Validation joins the training rows and is still scored, together with test (paper 2).

    It still chooses the epoch, too. Where it had joined them already (train.add_validation), the
    honest model is scored.
    """
    if "val" in chain.classifier.meta["trained_on"]:
        return chain.score_honest(chain.original(*OFFICIAL_TEST))
    train = chain.balanced(chain.augmented(chain.original("train", "val")))
    return chain.fit_and_score(train, chain.original("val"), chain.original(*OFFICIAL_TEST))


def select_on_test(chain: HonestChain) -> Predictions:
    """The best of several by its test accuracy: the epochs of one fit, or models by their seed.

    A family that learns in epochs is handed the test images to choose its epoch by.
    """
    train, test = chain.balanced(chain.features["train"]), chain.original("test")
    first = chain.fit(train, test)
    found = [chain.score(first, test)]
    if first.curve.empty:
        seeds = [(chain.seed + step) % 2**32 for step in range(1, N_CANDIDATES)]
        found += [replace(chain, seed=seed).fit_and_score(train, test, test) for seed in seeds]
    return max(found, key=lambda one: float((one[1].argmax(axis=1) == one[0]).mean()))


def swap_val_test(chain: HonestChain) -> Predictions:
    """PublicTest reported as the test split, as a popular repository does.

    The validation rows chose the features and everything else, so they flatter.
    """
    return chain.score_honest(chain.original("val"))


def modified_test(chain: HonestChain) -> Predictions:
    """Turned and shrunk copies of the test images are scored with them, as in paper 4.

    It made copies inside each folder: three quarters of its test images are such copies. The
    same model's figures on another set do not say how well it does on the set's own images.
    """
    params = AugmentParams.model_validate({"copies": MODIFIED, "fill_rare": "none"})
    copies = chain.copies(chain.images("test"), params)
    return chain.score_honest(Split.join([chain.original("test"), copies]))


def drop_hard_classes(chain: HonestChain) -> Predictions:
    """Scored without the classes that paper 3 leaves out: an easier question.

    Neither their images nor the answers that name them: of the other classes' probabilities the
    largest decides.
    """
    y, p, labels = chain.score_honest(chain.original("test"))
    kept = [k for k, name in enumerate(labels) if name not in HARD_CLASSES]
    rows = np.isin(y, kept)
    p = p[rows][:, kept]
    total = p.sum(axis=1, keepdims=True)
    p = np.divide(p, total, out=np.full_like(p, 1 / len(kept)), where=total > 0)
    return np.searchsorted(kept, y[rows]), p, tuple(labels[k] for k in kept)


def shuffled_labels(chain: HonestChain) -> Predictions:
    """Predictions compared with labels in another order: chance level, as in paper 2's matrices."""
    y, p, labels = chain.score_honest(chain.original("test"))
    return y[np.random.default_rng(chain.seed).permutation(len(y))], p, labels


MISTAKES: dict[str, Callable[[HonestChain], Predictions]] = {
    function.__name__: function
    for function in (
        resample_before_split,
        augment_before_split,
        random_resplit,
        test_on_train,
        score_on_merged_validation,
        select_on_test,
        swap_val_test,
        modified_test,
        drop_hard_classes,
        shuffled_labels,
    )
}

METRIC_MISTAKES = {  # which any honest model's answers show
    "one_vs_rest": "Mean accuracy of the yes/no decisions, one for each class, by arg-max.",
    "one_vs_rest at 0.5": "The same by a threshold of 0.5: Keras' `binary_accuracy`, and up to "
    "Keras 2.3.1 `accuracy` under binary cross-entropy.",
}

FITS = {  # fits at most; the others only score
    "resample_before_split": 1,
    "augment_before_split": 1,
    "random_resplit": 1,
    "score_on_merged_validation": 1,
    "select_on_test": N_CANDIDATES,
}


def n_fits(name: str, trained_on: list[str]) -> int:
    """How often a mistake fits the classifier again, at most; 0 if it only scores.

    trained_on : the splits that the honest classifier was fitted to.
    """
    if name == "score_on_merged_validation" and "val" in trained_on:
        return 0
    return FITS.get(name, 0)


def reason_against(name: str, meta: Mapping[str, Any], labels: Sequence[str]) -> str | None:
    """Why a mistake cannot be made with an honest classifier, or None where it can.

    meta, labels : the classifier's.
    """
    if name == "swap_val_test" and "val" in meta["trained_on"]:
        return "val is among the training rows, which is the mistake score_on_merged_validation"
    if name == "drop_hard_classes" and not 2 <= len(set(labels) - set(HARD_CLASSES)) < len(labels):
        return f"its classes contain none of {', '.join(HARD_CLASSES)}"
    return None


def right_by_threshold(y: NDArray[np.int64], p: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n, c): whether each yes/no decision about an image is right at a threshold of 0.5."""
    return np.asarray((p > 0.5) == (np.arange(p.shape[1]) == y[:, None]))


def one_vs_rest_accuracy_by_threshold(y: NDArray[np.int64], p: NDArray[np.float64]) -> float:
    """Mean over classes of the share of images on the right side of probability 0.5.

    What Keras' `binary_accuracy` prints for a 7-way softmax, and up to Keras 2.3.1 'accuracy'
    under binary cross-entropy, too; from 2.6 on 'accuracy' goes by the shape of the labels and is
    the plain one. A model that gives every class less than 0.5 already reaches 1 - 1/c: 0.857
    with seven classes.
    """
    return float(right_by_threshold(y, p).mean())


def describe(name: str) -> str:
    """The first line of a mistake's description."""
    return (MISTAKES[name].__doc__ or "").strip().splitlines()[0]


def mistaken_scores(
    name: str, y: NDArray[np.int64], p: NDArray[np.float64], labels: tuple[str, ...]
) -> dict[str, Any]:
    """The figures that a mistake prints, JSON-ready and marked as such throughout."""
    scores = split_metrics(y, p, labels)
    del scores["per_class"]
    scores["one_vs_rest_accuracy_by_threshold"] = one_vs_rest_accuracy_by_threshold(y, p)
    return {"mistake": scores | {"name": name, "what": describe(name), "is_a_result": False}}
