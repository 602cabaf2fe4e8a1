"""YAML 1.2 by DVC's own parser, for what `ferflow.core.yaml_text` leaves to it."""

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.events import AliasEvent

from ferflow.core.yaml_text import refuse_long_numbers

MAX_DEPTH = 30  # sections in sections; ours have five


class _WithoutAliases(Composer):
    """A few lines of aliases of aliases stand for millions of values."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.parser.check_event(AliasEvent):
            raise ComposerError(problem="aliases (*name) are not read; write the value out")
        if self.depth == MAX_DEPTH:
            raise ComposerError(problem="it is nested too deeply")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def parse_any(text: str) -> Any:
    """The plain values in a text.

    ValueError if it is not YAML, has aliases or long numbers, or is read otherwise by libyaml,
    which DVC uses where ruamel.yaml.clib is installed.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _WithoutAliases
    try:
        content = yaml.load(text)
    except Exception as error:  # the parser raises what int(), dates and its own slips raise
        raise ValueError(str(error) or type(error).__name__) from None
    refuse_long_numbers(content)
    try:
        read_alike = repr(YAML(typ="safe").load(text)) == repr(content)
    except Exception:  # as above, and what libyaml raises
        read_alike = False
    if not read_alike:
        raise ValueError(
            "one of DVC's two parsers refuses it, or reads it otherwise. Put words with a colon "
            "into quotes, and begin no line with %."
        )
    return content
