"""Families of classifiers: one module each in `ferflow/train/`, named by `train.family`."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

import ferflow.train
from ferflow.errors import ParamError
from ferflow.params import PARAMS_FILE, Record, nearest, pick_section, read_yaml


class Family(Protocol):
    """What a module in `ferflow/train/` offers."""

    Params: type[Record]  # its section, train.<family>

    def fit(self, x: NDArray[Any], y: NDArray[np.int64], params: Any, seed: int) -> Any:
        """A model fitted to features (n, d) and label indices (n,)."""

    def predict_proba(self, model: Any, x: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
        """Probabilities (n, n_classes) in label order; every row sums to 1."""

    def save(self, model: Any, folder: Path) -> None:
        """Write the model's files into the folder: no pickle, the same bytes for the same model."""

    def load(self, folder: Path) -> Any:
        """The model back; nothing in the files can run code."""


def family_names() -> list[str]:
    """The families that there are."""
    return sorted(module.name for module in pkgutil.iter_modules(ferflow.train.__path__))


def family_module(name: str) -> Family:
    """The module of a family; ParamError where there is none of that name."""
    legal = family_names()
    if name not in legal:
        raise ParamError(
            f"{PARAMS_FILE}: train.family must be one of {', '.join(legal)}; "
            f"got {name!r}.{nearest(name, legal)}"
        )
    return cast(Family, importlib.import_module(f"ferflow.train.{name}"))


def load_family() -> tuple[str, Record]:
    """The family that params.yaml names, and its checked parameters."""
    return pick_family(read_yaml(PARAMS_FILE))


def pick_family(params: dict[str, Any]) -> tuple[str, Record]:
    """As `load_family`, from parameters already read."""
    section = params.get("train")
    legal = ["family", *family_names()]
    if not isinstance(section, dict) or not isinstance(section.get("family"), str):
        raise ParamError(f"{PARAMS_FILE}: train.family must be one of {', '.join(legal[1:])}.")
    for key in section:
        if key not in legal:
            raise ParamError(
                f"{PARAMS_FILE}: train.{key} is not a parameter.{nearest(key, legal)} "
                f"Legal in this section: {', '.join(legal)}."
            )
    name = section["family"]
    return name, pick_section(params, f"train.{name}", family_module(name).Params)
