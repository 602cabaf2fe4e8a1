"""A trained classifier as a folder: what `train` writes, and `evaluate` and readers load.

Beside the fitted model lie the mask of selected features and, in classifier.json, the label
names and how the features are made, so that the folder is all that is needed to name a face. Its
fingerprints of the other files tell a damaged or exchanged one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError, ParamError
from ferflow.core.files import read_json, write_json
from ferflow.core.hashing import sha256_of
from ferflow.core.masks import load_mask, save_mask, select_columns
from ferflow.training.shared.family import family_module

ABOUT = "classifier.json"
_MAX_CLASSES = 1000


@dataclass(frozen=True)
class Classifier:
    """A fitted model with what belongs to it.

    mask : bool (d,), which of the features the model sees.
    labels : class names in label order.
    meta : how the features are made (lighting, extractor and its options).
    """

    family: str
    model: Any
    mask: NDArray[np.bool_]
    labels: tuple[str, ...]
    meta: dict[str, Any]

    def predict_proba(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities (n, n_classes) for all features (n, d) or images (n, height, width)."""
        selected = select_columns(x, self.mask)
        return family_module(self.family).predict_proba(self.model, selected, len(self.labels))


def save_classifier(folder: Path, classifier: Classifier) -> None:
    """Write the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    family_module(classifier.family).save(classifier.model, folder)
    write_about(folder, classifier)


def write_about(folder: Path, classifier: Classifier) -> None:
    """Write what belongs to the model, but not the model."""
    save_mask(folder / "mask.npy", classifier.mask)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ABOUT)
    about = {
        "family": classifier.family,
        "labels": classifier.labels,
        "meta": classifier.meta,
        "sha256": {path.relative_to(folder).as_posix(): sha256_of(path) for path in files},
    }
    write_json(folder / ABOUT, about)


def load_classifier(folder: Path, *, fast: bool = False) -> Classifier:
    """The classifier in a folder that `train` wrote; DataError if it is something else.

    So it is where a file is not the one that was written. fast : whether it may be less precise
    where it answers sooner so.
    """
    about = read_json(folder / ABOUT)
    try:
        family, labels, meta = about["family"], tuple(about["labels"]), dict(about["meta"])
        module, fingerprints = family_module(family), dict(about["sha256"])
        if not 2 <= len(labels) <= _MAX_CLASSES or not all(isinstance(x, str) for x in labels):
            raise ValueError(f"labels must be 2 to {_MAX_CLASSES} words")
    except (KeyError, TypeError, ValueError, ParamError) as error:
        raise DataError(f"{folder / ABOUT} does not describe a classifier: {error}") from None
    for name, fingerprint in fingerprints.items():
        if sha256_of(folder / name) != fingerprint:
            raise DataError(
                f"{folder / name} is not the file that {ABOUT} describes: its sha256 differs. "
                "It is damaged or was replaced; `dvc repro` makes it again."
            )
    model = module.load(folder)
    if fast and hasattr(module, "faster"):
        model = module.faster(model)
    return Classifier(family, model, load_mask(folder / "mask.npy"), labels, meta)
