"""Names as MLflow takes them: letters, digits, and _ - . space, in parts between slashes.

One name that it refuses takes its whole batch along. A class may have any name, so its part of a
metric's is made legal, here and nowhere else: whatever is not is an underscore, and six digits of
the name's own sha256 follow, so that two classes never share a name and one has the same always.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

_ILLEGAL = re.compile(r"[^\w. -]")  # MLflow takes colons, too, but not on Windows
_MOST_OF_MODEL = 40
_MOST = 60  # characters of a part; MLflow takes 250 of a name


def legal_part(word: str) -> str:
    """A part of a name, changed only where MLflow would refuse it."""
    plain = _ILLEGAL.sub("_", word)[:_MOST]
    if plain in ("", ".", ".."):  # a path that would be another
        plain = "_"
    if plain == word:
        return word
    return f"{plain}-{hashlib.sha256(word.encode()).hexdigest()[:6]}"


def leaves(content: Mapping[str, Any], separator: str) -> Iterator[tuple[str, Any]]:
    """(legal name, value) of everything in nested sections, the keys joined by `separator`."""
    for key, value in content.items():
        part = legal_part(str(key))
        if isinstance(value, Mapping):
            for name, inner in leaves(value, separator):
                yield f"{part}{separator}{name}", inner
        else:
            yield part, value


def model_name(protocol: Mapping[str, Any], fingerprint: str, n_val: int | None) -> str:
    """'fer-2013-1a2b3c': the data set, and six digits of the fingerprint of its images.

    protocol : of metrics/metrics.json. n_val : images of val that are scored; they are named where
    filters left some out, for then val is another one.
    """
    words = re.sub(r"[^a-z0-9]+", "-", str(protocol["data_set"]).lower())[:_MOST_OF_MODEL].strip(
        "-"
    )
    filtered = protocol["filters_on_val_and_test"] and n_val is not None
    return f"{words or 'data'}-{fingerprint[:6]}" + (f"-{n_val}-val" if filtered else "")
