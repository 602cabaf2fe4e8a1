"""Mistakes by name: what an honest chain produced, evaluated wrongly on purpose.

Each function is one way in which a published figure can come out too high. It takes the honest
chain's files and returns predictions that must not be called a result; whoever runs it can watch
the number rise. Nothing in the honest chain knows of this module. Where the mistake lies in the
scoring alone, the honest model is scored wrongly; only the others fit one anew (`n_fits`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.acceleration import Accelerate
from ferflow.artifacts import Split
from ferflow.classifier import Classifier
from ferflow.data.augment import AugmentParams, augment
from ferflow.data.balance import BalanceParams, balance
from ferflow.evaluation.metrics import split_metrics
from ferflow.families import family_module
from ferflow.fitting import Fitted, TrainingData
from ferflow.masks import select_columns
from ferflow.params import Record

TEST_SHARE = 0.2  # of the random re-splits; the usual 80/20
VAL_SHARE = 0.1  # of what they leave for training: to choose an epoch or a setting by
HARD_CLASSES = ("disgust", "surprise")  # what paper 3's five-class subset leaves out
N_CANDIDATES = 5  # models among which `select_on_test` picks
OFFICIAL_TEST = ("val", "test")  # PublicTest and PrivateTest: paper 2 scores them together
MODIFIED = [{"turn": 90}, {"turn": -90}, {"scale": 0.7}]  # paper 4's copies of every image

Predictions = tuple[NDArray[np.int64], NDArray[np.float64], tuple[str, ...]]


@dataclass(frozen=True)
class HonestChain:
    """What the honest chain produced.

    features : split name -> rows of features as extracted, before balance; train may hold copies.
    flipped : split name -> the same images' features after a horizontal flip, made on demand.
    classifier : the honest model with its mask. params : the family's parameters.
    balance_params : how the honest chain balances its training rows. scratch : for checkpoints.
    accelerate : as in TrainingData.
    """

    features: dict[str, Split]
    flipped: Callable[[str], Split]
    classifier: Classifier
    params: Record
    balance_params: BalanceParams
    seed: int
    scratch: Path | None = None
    accelerate: Accelerate = "off"

    def fit(self, train: Split, val: Split | None) -> Fitted:
        """The chain's family fitted to `train` as it stands; `val` is to choose by."""
        chosen_by = None if val is None else self._selected(val)
        data = TrainingData(self._selected(train), chosen_by, self.scratch, self.accelerate)
        return family_module(self.classifier.family).fit(data, self.params, self.seed)

    def score(self, fitted: Fitted, test: Split) -> Predictions:
        """What a fitted model says of `test`."""
        honest = replace(self.classifier, model=fitted.model)
        return test.y, honest.predict_proba(test.x), test.labels

    def fit_and_score(self, train: Split, val: Split | None, test: Split) -> Predictions:
        """Fit the chain's family to `train` as it stands and predict `test`."""
        return self.score(self.fit(train, val), test)

    def score_honest(self, rows: Split) -> Predictions:
        """What the honest model says of some rows."""
        return rows.y, self.classifier.predict_proba(rows.x), rows.labels

    def _selected(self, rows: Split) -> Split:
        return replace(rows, x=select_columns(rows.x, self.classifier.mask))

    def balanced(self, rows: Split, *, method: str | None = None) -> Split:
        """The rows balanced as the honest chain does, or by another method."""
        params = self.balance_params
        if method is not None:
            params = params.model_copy(update={"method": method})
        return balance(rows, params, seed=self.seed)

    def random_split(self, rows: Split) -> tuple[Split, Split | None, Split]:
        """Train, val and test at random, with no regard for twins, copies or subjects.

        A family that chooses nothing on val gets those rows to fit, too.
        """
        order = np.random.default_rng(self.seed).permutation(len(rows))
        n_test = round(TEST_SHARE * len(rows))
        uses_val = family_module(self.classifier.family).USES_VAL
        n_val = round(VAL_SHARE * (len(rows) - n_test)) if uses_val else 0
        test, val, train = np.split(order, [n_test, n_test + n_val])
        return rows.take(train), rows.take(val) if uses_val else None, rows.take(test)

    def original(self, *names: str) -> Split:
        """The real images' features of some splits, one after another."""
        return Split.join(
            [self.features[name].take(self.features[name].original) for name in names]
        )


def resample_before_split(chain: HonestChain) -> Predictions:
    """SMOTE over the whole data set, then a random split.

    A test row is a mixture of rows that the model was trained on, or the other way round.
    """
    everything = chain.original("train", "val", "test")
    return chain.fit_and_score(*chain.random_split(chain.balanced(everything, method="smote")))


def augment_before_split(chain: HonestChain) -> Predictions:
    """Flipped copies of the whole data set, then a random split.

    Most test images have their mirror image in the training rows.
    """
    copies = [chain.flipped(name) for name in ("train", "val", "test")]
    everything = Split.join([chain.original("train", "val", "test"), *copies])
    train, val, test = chain.random_split(everything)
    return chain.fit_and_score(chain.balanced(train), val, test)


def random_resplit(chain: HonestChain) -> Predictions:
    """A random split of the whole data set: twins and subjects land on both sides."""
    train, val, test = chain.random_split(chain.original("train", "val", "test"))
    return chain.fit_and_score(chain.balanced(train), val, test)


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
    train = chain.balanced(chain.original("train", "val"))
    return chain.fit_and_score(train, chain.original("val"), chain.original(*OFFICIAL_TEST))


def select_on_test(chain: HonestChain) -> Predictions:
    """The best of several by its test accuracy: the epochs of one fit, or models by their seed.

    A family that learns in epochs is handed the test images to choose its epoch by.
    """
    train, test = chain.balanced(chain.original("train")), chain.original("test")
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
    same model's figures on another set are no answer to how well it reads the set's own images.
    """
    copies = AugmentParams.model_validate({"copies": MODIFIED, "fill_rare": "none"})
    return chain.score_honest(augment(chain.original("test"), copies, seed=chain.seed))


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
    """How often a mistake fits the classifier anew, at most; 0 where it only scores.

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
    if name == "modified_test" and "features" in meta:
        method = meta["features"]["method"]
        return f"it changes images, and the classifier takes {method} features instead of pixels"
    if name == "drop_hard_classes" and not 2 <= len(set(labels) - set(HARD_CLASSES)) < len(labels):
        return f"its classes hold none of {', '.join(HARD_CLASSES)}"
    return None


def right_by_threshold(y: NDArray[np.int64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) share of an image's yes/no decisions that are right at a threshold of 0.5."""
    truth = np.arange(p.shape[1]) == y[:, None]
    return np.asarray(((p > 0.5) == truth).mean(axis=1))


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
