"""Parameters: a section of params.yaml becomes a closed, typed, frozen record.

Every record lives beside the code that reads it (`BalanceParams` in `ferflow/data/balance.py`);
this module knows how to read a section, refuse what is wrong in it, and say so.
"""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.events import AliasEvent

from ferflow.bounded import read_bounded
from ferflow.errors import DataError, ParamError

PARAMS_FILE = Path("params.yaml")

_MAX_BYTES = 1 << 20  # of a YAML file; the longest, dvc.lock, has some 35,000
_MAX_BITS = 64
_MAX_DEPTH = 30  # sections in sections; ours have five


class Record(BaseModel):
    """A section of params.yaml: unknown keys, missing keys and wrong types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


R = TypeVar("R", bound=Record)


def repository_root() -> Path:
    """The repository, also when DVC runs the stages in a temporary copy of it."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd())


class _WithoutAliases(Composer):
    """A few lines of aliases of aliases stand for millions of values."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.parser.check_event(AliasEvent):
            raise ComposerError(problem="aliases (*name) are not read; write the value out")
        if self.depth == _MAX_DEPTH:
            raise ComposerError(problem="it is nested too deeply")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML 1.2 file (so `1e-4` is a number, as it is for DVC)."""
    try:
        content = parse_yaml(read_bounded(path, _MAX_BYTES).decode())
    except FileNotFoundError:
        raise ParamError(
            f"{path} is not here ({Path.cwd()}). Run this from the repository's root."
        ) from None
    except DataError as error:
        raise ParamError(str(error)) from None
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise ParamError(f"{path} is not valid YAML: {reason}") from None
    if not isinstance(content, dict):
        raise ParamError(f"{path} must hold named sections; got {type(content).__name__}.")
    return content


def parse_yaml(text: str) -> Any:
    """The plain values in a YAML 1.2 text; ValueError where it is none, or has aliases."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _WithoutAliases
    try:
        content = yaml.load(text)
    except Exception as error:  # the parser raises what int(), dates and its own slips raise
        raise ValueError(str(error) or type(error).__name__) from None
    if _has_long_number(content):
        raise ValueError(f"a whole number has {_MAX_BITS} binary digits at most")
    return content


def _has_long_number(value: Any) -> bool:
    """Whether there is a number, in hexadecimal perhaps, that Python would refuse to print."""
    if isinstance(value, dict):
        return any(map(_has_long_number, [*value, *value.values()]))
    if isinstance(value, list | tuple | set):
        return any(map(_has_long_number, value))
    return isinstance(value, int) and value.bit_length() > _MAX_BITS


def load_params(section: str, record: type[R]) -> R:
    """The section of params.yaml, dotted where nested ('train.random_forest'), as a record.

    Raises ParamError with a line for each fault: the key, what is legal, what was received and
    the nearest legal name.
    """
    return pick_section(read_yaml(PARAMS_FILE), section, record)


def load_seed() -> int:
    """The seed of every random draw."""
    return pick_seed(read_yaml(PARAMS_FILE))


def pick_section(params: dict[str, Any], section: str, record: type[R]) -> R:
    """As `load_params`, from parameters already read."""
    content: Any = params
    for part in section.split("."):
        if not isinstance(content, dict) or part not in content:
            raise ParamError(f"{PARAMS_FILE}: the section '{section}' is missing.")
        content = content[part]
    if not isinstance(content, dict):
        raise ParamError(f"{PARAMS_FILE}: {section} must be a section of keys; got {content!r}.")
    try:
        return record.model_validate(content)
    except ValidationError as error:
        lines = [_explain(section, record, fault) for fault in error.errors()]
        raise ParamError("\n".join(f"{PARAMS_FILE}: {line}" for line in lines)) from None


def pick_seed(params: dict[str, Any]) -> int:
    """As `load_seed`, from parameters already read: a whole number from 0 to 2**32 - 1."""
    seed = params.get("seed")
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise ParamError(
            f"{PARAMS_FILE}: seed must be a whole number from 0 to 2**32 - 1; got {seed!r}."
        )
    return seed


def nearest(word: object, legal: Iterable[str]) -> str:
    """' Did you mean ...?' with the legal name closest to `word`, or nothing."""
    matches = difflib.get_close_matches(str(word), list(legal), n=1, cutoff=0.5)
    return f" Did you mean '{matches[0]}'?" if matches else ""


def _explain(section: str, record: type[Record], fault: ErrorDetails) -> str:
    """One pydantic fault in a person's words."""
    key = ".".join([section, *map(str, fault["loc"])])
    got = fault.get("input")
    match fault["type"]:
        case "extra_forbidden":
            legal = list(_fields(record, fault["loc"][:-1]))
            return (
                f"{key} is not a parameter.{nearest(fault['loc'][-1], legal)} "
                f"Legal in this section: {', '.join(legal)}."
            )
        case "missing":
            return f"{key} is missing. `ferflow use` writes a complete file."
        case "literal_error":
            expected = fault["ctx"]["expected"]
            legal = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
            return f"{key} must be {expected}; got {got!r}.{nearest(got, legal)}"
        case "value_error":
            return f"{key}: {fault['ctx']['error']}"
        case _:
            message = fault["msg"].removeprefix("Input should be ")
            return f"{key} must be {message}; got {got!r}."


def _fields(record: type[Record], place: tuple[int | str, ...]) -> Iterable[str]:
    """The legal keys of the (nested) record at `place`."""
    for part in place:
        annotation = record.model_fields[str(part)].annotation
        record = annotation if isinstance(annotation, type) else record
    return record.model_fields


def flatten(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested sections as one mapping of dotted keys to values."""
    flat: dict[str, Any] = {}
    for key, value in params.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
