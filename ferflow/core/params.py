"""Parameters: a section of params.yaml becomes a closed, typed, frozen record.

Every record stands beside the code that reads it, in a module that imports nothing else of it
(`BalanceParams` in `ferflow/balance/params.py`), so that a check of them all starts at once;
this module knows how to read a section, refuse what is wrong in it, and say so.
"""

import difflib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ferflow.core.errors import DataError, ParamError, one_line
from ferflow.core.files import read_bounded
from ferflow.core.legal import Legal, spell
from ferflow.core.yaml_text import parse_yaml

PARAMS_FILE = Path("params.yaml")

_MAX_BYTES = 1 << 20  # of a YAML file; the longest, dvc.lock, has some 35,000


class Record(BaseModel):
    """A section of params.yaml: unknown keys, missing keys and wrong types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


R = TypeVar("R", bound=Record)


def repository_root() -> Path:
    """The repository, also when DVC runs the stages in a temporary copy of it."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd())


def from_root(path: str) -> Path:
    """A path that a user wrote: absolute, from the home folder (`~/...`) or from the repository."""
    with suppress(RuntimeError):  # ~nobody: a folder of that name, then
        return repository_root() / Path(path).expanduser()
    return repository_root() / path


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
        reason = one_line(error, None)
        raise ParamError(f"{path} is not valid YAML: {reason}") from None
    if not isinstance(content, dict):
        raise ParamError(f"{path} must hold named sections; got {type(content).__name__}.")
    return content


def load_params(section: str, record: type[R], *, part: bool = False) -> R:
    """The section of params.yaml, dotted where nested ('train.random_forest'), as a record.

    part : whether the section holds keys of other records, too. Raises ParamError with a line for
    each fault: the key, what is legal, what was received and the nearest legal name.
    """
    return pick_section(read_yaml(PARAMS_FILE), section, record, part=part)


def load_seed() -> int:
    """The seed of every random draw."""
    return pick_seed(read_yaml(PARAMS_FILE))


def pick_section(params: dict[str, Any], section: str, record: type[R], *, part: bool = False) -> R:
    """As `load_params`, from parameters already read."""
    content: Any = params
    for word in section.split("."):
        if not isinstance(content, dict) or word not in content:
            raise ParamError(f"{PARAMS_FILE}: the section '{section}' is missing.")
        content = content[word]
    if not isinstance(content, dict):
        raise ParamError(f"{PARAMS_FILE}: {section} must be a section of keys; got {content!r}.")
    if part:
        content = {key: content[key] for key in record.model_fields if key in content}
    try:
        return record.model_validate(content)
    except ValidationError as error:
        lines = [f"{PARAMS_FILE}: {section}{line}" for line in explain(record, error)]
        raise ParamError("\n".join(lines)) from None


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


def explain(record: type[Record], error: ValidationError) -> list[str]:
    """pydantic's faults in a person's words, a line each: '.key must be ...; got ...'."""
    lines = [_explain(record, fault) for fault in error.errors()]
    return list(dict.fromkeys(lines))  # once for all members of a union


def _explain(record: type[Record], fault: ErrorDetails) -> str:
    """One fault of a record; a dot and the key come first, if it is not all of it."""
    key = "".join(f".{part}" for part in fault["loc"])
    got = fault.get("input")
    match fault["type"]:
        case "extra_forbidden" | "invalid_key":
            fields = list(_fields(record, fault["loc"][:-1]))
            return (
                f"{key} is not a parameter.{nearest(fault['loc'][-1], fields)} "
                f"Legal in this section: {', '.join(fields) or 'none'}."
            )
        case "missing":
            return f"{key} is missing. `ferflow use` writes a complete file."
        case "value_error":
            return f"{key}: {fault['ctx']['error']}"
        case _:
            legal = Legal(record, fault["loc"])
            words = [word.strip("'") for word in legal.words if word.startswith("'")]
            hint = legal.other_word(got) or nearest(got, words)
            place = f".{legal.key}" if legal.key else ""
            return f"{place} must be {legal}; got {spell(got)}.{hint}"


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
