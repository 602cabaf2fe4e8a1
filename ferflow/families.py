"""Families of classifiers: one package each in `ferflow/train/`, named by `train.family`."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

import ferflow.networks
import ferflow.train
from ferflow.errors import ParamError
from ferflow.fitting import Fitted, TrainingData
from ferflow.params import PARAMS_FILE, Record, nearest, pick_section, read_yaml
from ferflow.search_params import SearchParams, check_grid


class TrainParams(Record):
    """The keys of the section `train` that all families share."""

    family: str
    add_validation: bool
    search: SearchParams

    @model_validator(mode="after")
    def _has_rows_to_score(self) -> "TrainParams":
        if self.search.method != "none" and self.add_validation and self.search.folds is None:
            raise ValueError(
                "add_validation leaves train.search no val rows to score on. Set it to false, "
                "or train.search.folds to a number."
            )
        return self


class Family(Protocol):
    """What a package in `ferflow/train/` offers.

    One of networks also offers `as_network(model, x)`, see `ferflow.recognition.gradcam`, and
    `faster(model)`: the model answering sooner and a little less precisely.
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


def family_names() -> list[str]:
    """The families that there are."""
    return sorted(m.name for m in pkgutil.iter_modules(ferflow.train.__path__) if m.ispkg)


def family_module(name: str) -> Family:
    """The package of a family; ParamError where there is none of that name."""
    legal = family_names()
    if name not in legal:
        raise ParamError(
            f"{PARAMS_FILE}: train.family must be one of {', '.join(legal)}; "
            f"got {name!r}.{nearest(name, legal)}"
        )
    return cast(Family, importlib.import_module(f"ferflow.train.{name}"))


def architecture_names() -> list[str]:
    """The architectures of the family `network` that there are."""
    return sorted(module.name for module in pkgutil.iter_modules(ferflow.networks.__path__))


def known_architecture(name: str) -> str:
    """The name itself; ValueError, with the legal ones, where there is none of that name."""
    legal = architecture_names()
    if name not in legal:
        raise ValueError(f"must be one of {', '.join(legal)}; got {name!r}.{nearest(name, legal)}")
    return name


def load_family() -> tuple[TrainParams, Record]:
    """The shared keys of `train`, and the checked parameters of the family that they name."""
    return pick_family(read_yaml(PARAMS_FILE))


def pick_family(params: dict[str, Any]) -> tuple[TrainParams, Record]:
    """As `load_family`, from parameters already read."""
    section = params.get("train")
    legal = [*TrainParams.model_fields, *family_names()]
    if not isinstance(section, dict) or not isinstance(section.get("family"), str):
        raise ParamError(f"{PARAMS_FILE}: train.family must be one of {', '.join(family_names())}.")
    for key in section:
        if key not in legal:
            raise ParamError(
                f"{PARAMS_FILE}: train.{key} is not a parameter.{nearest(key, legal)} "
                f"Legal in this section: {', '.join(legal)}."
            )
    own = {key: value for key, value in section.items() if key in TrainParams.model_fields}
    shared = pick_section({"train": own}, "train", TrainParams)
    record = family_module(shared.family).Params
    own_params = pick_section(params, f"train.{shared.family}", record)
    check_grid(shared.search, shared.family, params, record)
    return shared, own_params
