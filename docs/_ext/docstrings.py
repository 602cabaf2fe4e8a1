"""Our docstrings as reStructuredText: 'name : meaning' becomes an item of a list.

The docstrings name several parameters in one paragraph ('y : int64 (n,). p : from 0 to 1.'), which
Sphinx would show as running text. Those with numpydoc sections are napoleon's.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_ITEM = re.compile(r"(?:^|(?<=\. ))([A-Za-z]\w*(?:, [A-Za-z]\w*)*) : ")
_AFTER = re.compile(r"(?<=\. )(?=(?:Raises|Returns) )")
_SECTION = re.compile(r"^\s*-{4,}$")
_LITERAL = re.compile(r"(`[^`]*`)")


def setup(app: "Sphinx") -> dict[str, Any]:
    app.connect("autodoc-process-docstring", _rewrite, priority=100)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _rewrite(_: Any, __: str, ___: str, ____: Any, _____: Any, lines: list[str]) -> None:
    if any(_SECTION.match(line) for line in lines):
        lines[:] = [escaped(line) for line in lines]
        return
    paragraphs = [list(group) for filled, group in groupby(lines, key=bool) if filled]
    lines[:] = [line for paragraph in paragraphs for line in (*_listed(paragraph), "")]


def _listed(paragraph: list[str]) -> Iterator[str]:
    """A paragraph's lines; its parameters as a list."""
    text = escaped(" ".join(line.strip() for line in paragraph))
    before, *found = _ITEM.split(text)
    if not found:
        yield from map(escaped, paragraph)
        return
    if before:
        yield from (before, "")
    after: list[str] = []
    for name, words in zip(found[::2], found[1::2], strict=True):
        meaning, *rest = _AFTER.split(words)
        after += rest
        yield f"* ``{name}``: {meaning}"
    if after:
        yield from ("", " ".join(after))


def escaped(text: str) -> str:
    """Words in which stars and underscores at the end of a name are no markup."""
    parts = _LITERAL.split(text)
    parts[::2] = [re.sub(r"\*|_(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)
