"""The files of a network of `transformers`: where they lie, and whether they are loaded."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.utils import cached_file, logging

from ferflow.core.errors import DataError, one_line
from ferflow.core.files import read_json
from ferflow.core.hashing import check_sha256
from ferflow.core.params import from_root

_MAX_LAYERS = 1000  # of one kind; the deepest image networks have some 150
_COUNTS = re.compile("depth|layer|block|repeat|stage")  # in the keys of config.json that count them
# keys of config.json that bring other files in, or code: none is needed for plain weights
_REFUSED = {
    "attn_implementation",
    "_attn_implementation",
    "auto_map",
    "quantization_config",
    "transformers_weights",
}


def checked_name(name: str, sha256: str | None, key: str) -> str:
    """What `from_pretrained` is to load: the hub's name, or the local folder's full path."""
    folder = from_root(name)
    if not folder.is_dir():
        if sha256 is not None or name.startswith((".", "/", "~")):
            raise DataError(f"{key}: there is no folder {name}.")
        return name
    check_sha256(folder, sha256, key)
    return str(folder)


def open_network(
    name: str, key: str, kind: Callable[[dict[str, Any]], str], what: str = "", more: str = ""
) -> tuple[Any, list[str]]:
    """A network of `transformers`, float32, from safetensors, and the names of weights it lacks.

    name : as `checked_name` gives it. kind : config.json -> the class of `transformers`. No code
    from the hub is run. Raises DataError, which names the parameter `key`, `what` was to be
    loaded, and the files that a folder needs, `more` of them, if it cannot be loaded.
    """
    logging.disable_progress_bar()
    logging.set_verbosity_error()  # or it lists the weights of a tower that is left aside
    options = {"use_safetensors": True, "trust_remote_code": False, "output_loading_info": True}
    try:
        _check_files(name)
        network_class = getattr(transformers, kind(read_part(name, "config.json")))
        network, report = network_class.from_pretrained(name, dtype=torch.float32, **options)
    except Exception as error:  # transformers raises what its parts raise: any of them
        reason = one_line(error)
        raise DataError(
            f"{key}: cannot load '{name}'{what} ({reason}). Name a model of the Hugging Face hub, "
            f"or, without a network, a folder with config.json{more} and model.safetensors."
        ) from None
    return network, sorted(map(str, [*report["missing_keys"], *report["mismatched_keys"]]))


def _check_files(name: str) -> None:
    """Raise DataError if a network's files lead to pickles or code, or to no end of layers.

    `use_safetensors` alone does not keep a list of parts from naming pickles.
    """
    _check_config(read_part(name, "config.json"))
    parts = read_part(name, "model.safetensors.index.json").get("weight_map", {})
    if not all(str(part).endswith(".safetensors") for part in dict(parts).values()):
        raise DataError("its weights are not in safetensors files")


def _check_config(config: dict[str, Any]) -> None:
    if odd := _REFUSED & config.keys():
        raise DataError(f"config.json has the key {min(odd)}, which is refused")
    for key, value in config.items():
        many = value if isinstance(value, list) else [value]
        counts = [n for n in many if isinstance(n, int)] if _COUNTS.search(key) else []
        if max([len(many), *counts]) > _MAX_LAYERS:
            raise DataError(f"config.json: {key} is above {_MAX_LAYERS:,}")
        if isinstance(value, dict):  # a tower
            _check_config(value)


def read_part(name: str, file: str) -> dict[str, Any]:
    """A JSON object among a network's files, empty if the file is missing."""
    place = cached_file(name, file, _raise_exceptions_for_missing_entries=False)
    content = read_json(Path(place)) if place else {}
    if not isinstance(content, dict):
        raise DataError(f"{file} of {name} is not a JSON object")
    return content
