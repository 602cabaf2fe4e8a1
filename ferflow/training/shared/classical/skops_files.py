"""Fitted scikit-learn models in skops files: no pickle, and the same bytes for the same model.

skops writes the time of day and the memory addresses of objects into its files. Both are
replaced here, the addresses by running numbers, so that DVC sees an unchanged model as such.
"""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ferflow.core.errors import DataError
from ferflow.core.files import atomic
from ferflow.core.zips import open_zip

# What a model file may hold beyond skops' own defaults. Never taken from the file itself.
TRUSTED_TYPES = [
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]

_MAX_BYTES = 4 << 30  # unpacked; neighbours on FER-2013 with 5,120 features take 1 GB
_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can hold

M = TypeVar("M")


@contextmanager
def _without_torch() -> Iterator[None]:
    """skops lists scikit-learn's classes as it is imported, which imports torch: 1.6 s, 180 MB.

    findings/sklearn-imports-torch-to-list-itself.sh
    """
    adapter = "sklearn.externals.array_api_compat.torch"
    if adapter in sys.modules:
        yield
        return
    sys.modules[adapter] = None  # type: ignore[assignment]  # Python's word for: not to be found
    try:
        yield
    finally:
        del sys.modules[adapter]


with _without_torch():
    import skops.io


def dump_model(model: Any, path: Path) -> None:
    """Write a fitted model."""
    written = io.BytesIO()
    skops.io.dump(model, written)
    with zipfile.ZipFile(written) as source, atomic(path) as part:
        schema = json.loads(source.read(_SCHEMA))
        numbers = _number_objects(schema)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as target:
            _add(target, _SCHEMA, json.dumps(schema, separators=(",", ":")).encode())
            for old, new in numbers.items():
                _add(target, new, _clear_padding(source.read(old)))


def load_model(path: Path, kind: type[M]) -> M:
    """The model in a file; DataError if it is damaged, holds other types, or is another kind."""
    try:
        with open_zip(path, max_bytes=_MAX_BYTES):
            model = skops.io.load(path, trusted=TRUSTED_TYPES)
    except FileNotFoundError:
        raise DataError(f"{path} is not here. `dvc repro` makes it.") from None
    except (
        Exception
    ) as error:  # skops raises what its parts raise: zip, JSON, type and value errors
        raise DataError(f"{path} is not a model that can be trusted: {error}") from None
    if not isinstance(model, kind):
        raise DataError(f"{path} holds a {type(model).__name__}, not a {kind.__name__}.")
    return model


def _number_objects(schema: Any) -> dict[str, str]:
    """Replace addresses in a skops schema, in place; returns old -> new names of array files.

    An address that two nodes share stays shared, except among plain values: whether Python
    keeps two equal numbers as one object is chance.
    """
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}
    count = 0

    def visit(node: Any) -> None:
        nonlocal count
        if isinstance(node, list):
            for item in node:
                visit(item)
        if not isinstance(node, dict):
            return
        if isinstance(address := node.get("__id__"), int):
            if node.get("__loader__") in ("JsonNode", "TypeNode") or address not in numbers:
                count += 1
                numbers[address] = count
            node["__id__"] = numbers[address]
        if isinstance(name := node.get("file"), str):
            node["file"] = files.setdefault(name, f"{node['__id__']}{Path(name).suffix}")
        for item in node.values():
            visit(item)

    visit(schema)
    return files


def _clear_padding(member: bytes) -> bytes:
    """An .npy member with zeros between the fields of its records, where memory leaves chance."""
    array = np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)
    if array.dtype.names is None:
        return member
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    written = io.BytesIO()
    np.lib.format.write_array(written, clean, allow_pickle=False)
    return written.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)
