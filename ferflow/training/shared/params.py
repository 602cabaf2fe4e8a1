"""The section `train`: a family of classifiers, and the section of its own."""

import importlib
from typing import Any

from pydantic import model_validator

import ferflow.training.families
from ferflow.core.choices import known, names_in
from ferflow.core.errors import ParamError
from ferflow.core.params import PARAMS_FILE, Record, nearest, pick_section, read_yaml
from ferflow.training.shared.search_params import SearchParams, check_grid


class TrainParams(Record):
    """The keys of the section `train` that all families share."""

    family: str
    add_validation: bool
    search: SearchParams

    @model_validator(mode="after")
    def _has_rows_to_score(self) -> "TrainParams":
        if self.search.method != "none" and self.add_validation and self.search.folds is None:
            raise ValueError(
                "add_validation leaves no val rows for train.search to score. Set it to false, "
                "or train.search.folds to a number."
            )
        return self


def family_names() -> list[str]:
    """The families that there are."""
    return names_in(ferflow.training.families)


def known_family(name: str) -> str:
    """The name itself; ParamError, with the legal ones, if there is none of that name."""
    try:
        return known(name, ferflow.training.families)
    except ValueError as error:
        raise ParamError(f"{PARAMS_FILE}: train.family {error}") from None


def check_soft(family: str) -> None:
    """ParamError if a family cannot learn people's votes, of which a row has several."""
    if not getattr(importlib.import_module(f"ferflow.training.families.{family}"), "SOFT", False):
        raise ParamError(
            f"train.family {family} learns one class per image; data.labels: ferplus_votes gives "
            "shares of several. Set data.labels to ferplus (the clear majority), or train.family "
            "to network."
        )


def takes_ranks(family: str) -> bool:
    """Whether several processes can train a family together."""
    module = importlib.import_module(f"ferflow.training.families.{family}")
    return bool(getattr(module, "RANKS", False))


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
    family = known_family(shared.family)
    own_params = pick_own(params, family)
    check_grid(shared.search, family, params, type(own_params))
    return shared, own_params


def pick_own(params: dict[str, Any], family: str) -> Record:
    """The section of a family, whether or not it is the chosen one."""
    record: type[Record] = importlib.import_module(f"ferflow.training.families.{family}").Params
    return pick_section(params, f"train.{family}", record)
