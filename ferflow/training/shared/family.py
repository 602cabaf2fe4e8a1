"""Families of classifiers: `train.family` names a package in `ferflow/training/families/`."""

import importlib
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ferflow.core.params import Record
from ferflow.training.shared.fitting import Fitted, TrainingData
from ferflow.training.shared.params import known_family


class Family(Protocol):
    """What the module `family` of a package in `ferflow/training/families/` offers.

    One of networks also offers `as_network(model, x)`, see `ferflow.recognition.gradcam`, and
    `faster(model)`: the model answering sooner and a little less precisely. One that fits nothing
    says so: FITS = False.
    """

    Params: type[Record]  # its section, train.<family>
    USES_VAL: bool  # whether fit looks at val

    def fit(self, data: TrainingData, params: Any, seed: int) -> Fitted:
        """A model fitted to the training rows."""

    def predict_proba(self, model: Any, x: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
        """Probabilities (n, n_classes) in label order; every row sums to 1."""

    def save(self, model: Any, folder: Path) -> None:
        """Write the model's files into the folder: no pickle, the same bytes for the same model."""

    def load(self, folder: Path) -> Any:
        """The model back; nothing in the files can run code."""


def family_module(name: str) -> Family:
    """The module of a family; ParamError if there is none of that name."""
    return cast(
        Family, importlib.import_module(f"ferflow.training.families.{known_family(name)}.family")
    )
