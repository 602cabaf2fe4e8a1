"""What the honest chain made, and how to continue it from any rows: what a mistake is made with.

A mistake differs from the honest chain only by its named mistake. So what it fits again is
augmented, balanced and fitted here as the honest chain does it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.augment.copies import augment
from ferflow.augment.params import AugmentParams
from ferflow.balance.params import BalanceParams
from ferflow.balance.resample import balance
from ferflow.core.masks import select_columns
from ferflow.core.params import Record
from ferflow.core.split import SPLITS, Split
from ferflow.training.shared.classifier import Classifier
from ferflow.training.shared.compute_params import Accelerate
from ferflow.training.shared.family import family_module
from ferflow.training.shared.fitting import Fitted, TrainingData

TEST_SHARE = 0.2  # of the random splits; the usual 80/20
VAL_SHARE = 0.1  # of what they leave for training: to choose an epoch or a setting by
MIRRORED = "horizontal_flip"  # `transform` of `mirrored` rows

Predictions = tuple[NDArray[np.int64], NDArray[np.float64], tuple[str, ...]]


@dataclass(frozen=True)
class HonestChain:
    """What the honest chain produced.

    features : split name -> rows of features as extracted, before balance; train may hold copies.
    images : split name -> the images that its real rows are of, in the same order, on demand.
    extract : from faces to rows (n, d) as in features; pixels stay as they are.
    classifier : the honest model with its mask. params : the family's parameters.
    augment_params, balance_params : how the honest chain augments and balances its training rows.
    scratch : for checkpoints. accelerate : as in TrainingData.
    """

    features: dict[str, Split]
    images: Callable[[str], Split]
    extract: Callable[[NDArray[np.uint8]], NDArray[Any]]
    classifier: Classifier
    params: Record
    augment_params: AugmentParams
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

    def augmented(self, rows: Split) -> Split:
        """The rows, followed by the copies that the honest chain's augmentation makes of them.

        A mixture of rows (SMOTE) has no image that could be copied. Where the honest chain makes
        no copies, no image is opened and the rows come back as they are.
        """
        if not self.augment_params.copies and self.augment_params.fill_rare == "none":
            return rows
        images = self._images_of(rows.take(rows.source_id != ""))
        return Split.join([rows, self.copies(images, self.augment_params)])

    def copies(self, images: Split, params: AugmentParams) -> Split:
        """The rows of changed copies of some images, without the images' own."""
        augmented = augment(images, params, seed=self.seed)
        return self._extracted(augmented.take(slice(len(images), None)))

    def mirrored(self, name: str) -> Split:
        """The rows of the mirror images of a split."""
        images = self.images(name)
        marks = np.full(len(images), MIRRORED)
        return self._extracted(replace(images, x=_mirror(images.x), transform=marks))

    def _extracted(self, images: Split) -> Split:
        return replace(images, x=self.extract(images.x))

    def _images_of(self, rows: Split) -> Split:
        """The images that rows are of, mirrored where the rows are; each has a `source_id`."""
        images = Split.join([self.images(name) for name in SPLITS])
        place = {name: i for i, name in enumerate(images.source_id.tolist())}
        x = images.x[[place[name] for name in rows.source_id.tolist()]]
        mirrored = rows.transform == MIRRORED
        x[mirrored] = _mirror(x[mirrored])
        return replace(rows, x=x)


def _mirror(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(images[:, :, ::-1])
