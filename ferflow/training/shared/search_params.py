"""The section `train.search`: which settings of a family are to be tried, and how."""

import math
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from ferflow.core.errors import ParamError
from ferflow.core.params import PARAMS_FILE, Record, nearest, pick_section

_MOST = 10_000  # settings; beyond it a grid is a mistake


class SearchParams(Record):
    """The section `train.search`."""

    method: Literal["none", "grid", "random", "halving"]
    grid: list[dict[str, list[Any]]]
    n_candidates: int = Field(ge=1)
    folds: int | None = Field(ge=2, le=20)
    score: Literal["f1_macro", "accuracy"]

    @field_validator("grid")
    @classmethod
    def _one_each(cls, grid: list[dict[str, list[Any]]]) -> list[dict[str, list[Any]]]:
        keys = [key for entry in grid for key in entry]
        if any(len(entry) != 1 for entry in grid) or len(set(keys)) < len(keys):
            raise ValueError(
                "must be a list with one entry for each parameter, such as "
                f"[{{C: [1, 10]}}, {{gamma: [scale, 0.01]}}]; got {grid!r}."
            )
        if empty := [key for entry in grid for key, values in entry.items() if not values]:
            raise ValueError(f"names no values for '{empty[0]}'.")
        return grid

    @model_validator(mode="after")
    def _has_a_grid(self) -> "SearchParams":
        if self.method != "none" and not self.grid:
            raise ValueError(f"grid is empty; {self.method} needs parameters with values to try.")
        return self

    @property
    def choices(self) -> dict[str, list[Any]]:
        """Parameter -> the values to try."""
        return {key: values for entry in self.grid for key, values in entry.items()}


def check_grid(search: SearchParams, family: str, params: dict[str, Any], kind: type) -> None:
    """Refuse keys that are not parameters of the family, and values that it would refuse.

    params : params.yaml, whose section of the family the values are put into one by one.
    Raises ParamError with a line for each fault.
    """
    faults, own = [], params["train"][family]
    for key, values in search.choices.items():
        if key not in own:
            faults.append(
                f"{PARAMS_FILE}: train.search.grid: {family} has no parameter '{key}'."
                f"{nearest(key, own)} Legal: {', '.join(own)}."
            )
            continue
        for value in values:
            try:
                pick_section({"train": {family: own | {key: value}}}, f"train.{family}", kind)
            except ParamError as error:
                faults += [
                    line.replace(f"{PARAMS_FILE}: ", f"{PARAMS_FILE}: train.search.grid: ", 1)
                    for line in str(error).splitlines()
                ]
    n_settings = math.prod(map(len, search.choices.values()))
    if not faults and n_settings > _MOST:
        faults.append(
            f"{PARAMS_FILE}: train.search.grid makes {n_settings:,} settings; {_MOST:,} are the "
            "most. Name fewer values."
        )
    if faults:
        raise ParamError("\n".join(faults))


def candidates(search: SearchParams, params: Record, seed: int) -> list[Record]:
    """The settings to try: all of the grid, or `n_candidates` of them drawn at random.

    Raises ParamError if two values are legal alone and not together.
    """
    from sklearn.model_selection import ParameterGrid, ParameterSampler  # a second, for few runs

    grid = ParameterGrid(search.choices)
    if search.method == "random" and search.n_candidates < len(grid):
        grid = ParameterSampler(search.choices, search.n_candidates, random_state=seed)
    own = params.model_dump()
    try:
        return [type(params).model_validate(own | changes) for changes in grid]
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise ParamError(f"{PARAMS_FILE}: train.search.grid: {reason}") from None
