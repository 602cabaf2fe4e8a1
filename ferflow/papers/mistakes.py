"""Mistakes by name: what an honest chain produced, evaluated wrongly on purpose.

Each function is one way in which a published figure can come out too high. It takes the honest
chain's files and returns predictions that must not be called a result; whoever runs it can watch
the number rise. Nothing in the honest chain knows of this module.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.artifacts import Split
from ferflow.classifier import Classifier
from ferflow.data.balance import BalanceParams, balance
from ferflow.evaluation.metrics import split_metrics
from ferflow.families import family_module
from ferflow.fitting import TrainingData
from ferflow.masks import select_columns
from ferflow.params import Record

TEST_SHARE = 0.2  # of the random re-splits; the usual 80/20
HARD_CLASSES = ("disgust", "surprise")  # what paper 3's five-class subset leaves out
N_CANDIDATES = 5  # models among which `select_on_test` picks
OFFICIAL_TEST = ("val", "test")  # PublicTest and PrivateTest: paper 2 scores them together

Predictions = tuple[NDArray[np.int64], NDArray[np.float64], tuple[str, ...]]


@dataclass(frozen=True)
class HonestChain:
    """What the honest chain produced.

    features : split name -> rows of features as extracted, before balance; train may hold copies.
    flipped : split name -> the same images' features after a horizontal flip, made on demand.
    classifier : the honest model with its mask. params : the family's parameters.
    balance_params : how the honest chain balances its training rows.
    """

    features: dict[str, Split]
    flipped: Callable[[str], Split]
    classifier: Classifier
    params: Record
    balance_params: BalanceParams
    seed: int

    def fit_and_score(self, train: Split, test: Split) -> Predictions:
        """Fit the chain's family on `train` as it stands and predict `test`."""
        module = family_module(self.classifier.family)
        mask = self.classifier.mask
        rows = replace(train, x=select_columns(train.x, mask))
        model = module.fit(TrainingData(rows), self.params, self.seed).model
        p = module.predict_proba(model, select_columns(test.x, mask), len(train.labels))
        return test.y, p, train.labels

    def balanced(self, rows: Split, *, method: str | None = None) -> Split:
        """The rows balanced as the honest chain does, or by another method."""
        params = self.balance_params
        if method is not None:
            params = params.model_copy(update={"method": method})
        return balance(rows, params, seed=self.seed)

    def random_split(self, rows: Split) -> tuple[Split, Split]:
        """80 % and 20 % of the rows at random, with no regard for twins, copies or subjects."""
        order = np.random.default_rng(self.seed).permutation(len(rows))
        n_test = round(TEST_SHARE * len(rows))
        return rows.take(order[n_test:]), rows.take(order[:n_test])

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
    train, test = chain.random_split(chain.balanced(everything, method="smote"))
    return chain.fit_and_score(train, test)


def augment_before_split(chain: HonestChain) -> Predictions:
    """Flipped copies of the whole data set, then a random split.

    Most test images have their mirror image in the training rows.
    """
    copies = [chain.flipped(name) for name in ("train", "val", "test")]
    train, test = chain.random_split(Split.join([chain.original("train", "val", "test"), *copies]))
    return chain.fit_and_score(chain.balanced(train), test)


def random_resplit(chain: HonestChain) -> Predictions:
    """A random split of the whole data set: twins and subjects land on both sides."""
    train, test = chain.random_split(chain.original("train", "val", "test"))
    return chain.fit_and_score(chain.balanced(train), test)


def test_on_train(chain: HonestChain) -> Predictions:
    """The honest model scored on the images that it was trained on."""
    rows = chain.original("train")
    return rows.y, chain.classifier.predict_proba(rows.x), rows.labels


def score_on_merged_validation(chain: HonestChain) -> Predictions:
    """Validation joins the training rows and is still scored, together with test (paper 2)."""
    train = chain.balanced(chain.original("train", "val"))
    return chain.fit_and_score(train, chain.original(*OFFICIAL_TEST))


def select_on_test(chain: HonestChain) -> Predictions:
    """The best of several models that differ in their seed alone, chosen by its test accuracy."""
    train, test = chain.balanced(chain.original("train")), chain.original("test")
    seeds = [(chain.seed + step) % 2**32 for step in range(N_CANDIDATES)]
    found = [replace(chain, seed=seed).fit_and_score(train, test) for seed in seeds]
    return max(found, key=lambda one: float((one[1].argmax(axis=1) == one[0]).mean()))


def swap_val_test(chain: HonestChain) -> Predictions:
    """PublicTest reported as the test split, as a popular repository does.

    The validation rows chose the features and everything else, so they flatter.
    """
    rows = chain.original("val")
    return rows.y, chain.classifier.predict_proba(rows.x), rows.labels


def drop_hard_classes(chain: HonestChain) -> Predictions:
    """Trained and scored without the classes that paper 3 leaves out: an easier question."""
    kept = [name for name in chain.classifier.labels if name not in HARD_CLASSES]
    train, test = (_only(chain.original(name), kept) for name in ("train", "test"))
    return chain.fit_and_score(chain.balanced(train), test)


def shuffled_labels(chain: HonestChain) -> Predictions:
    """Predictions compared with labels in another order: chance level, as in paper 2's matrices."""
    rows = chain.original("test")
    order = np.random.default_rng(chain.seed).permutation(len(rows))
    return rows.y[order], chain.classifier.predict_proba(rows.x), rows.labels


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
        drop_hard_classes,
        shuffled_labels,
    )
}


def one_vs_rest_accuracy_by_threshold(y: NDArray[np.int64], p: NDArray[np.float64]) -> float:
    """Mean over classes of the share of images on the right side of probability 0.5.

    What Keras prints as 'accuracy' of a 7-way softmax compiled with binary cross-entropy. A model
    that gives every class less than 0.5 already reaches 1 - 1/c: 0.857 with seven classes.
    """
    truth = np.arange(p.shape[1]) == y[:, None]
    return float(((p > 0.5) == truth).mean())


def _only(rows: Split, kept: list[str]) -> Split:
    """The rows of some classes, renumbered in their order."""
    numbers = np.array([kept.index(name) if name in kept else -1 for name in rows.labels])
    y = numbers[rows.y]
    return replace(rows.take(y >= 0), y=y[y >= 0], labels=tuple(kept))


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
