"""YAML 1.2 as DVC reads it (`1e-4` is a number, `no` a word): the plain values in a text.

libyaml, in C, takes the text apart many times faster than ruamel.yaml's parser in Python. It does
so for what is ordinary in YAML; the rest goes to ruamel.yaml, with its rules and its words for
faults: other notations of numbers, dates, tags, anchors, merged keys, several documents, and
whatever is not YAML.

DVC has ruamel.yaml read by libyaml where the package ruamel.yaml.clib is installed, as it is here,
and by Python elsewhere. The two do not agree on all that is legal (findings/
ruamel-yaml-reads-otherwise-in-c.sh), so a text that one of them refuses or reads otherwise is
refused.
"""

import re
from typing import Any

from yaml import _yaml as libyaml
from yaml.error import YAMLError
from yaml.events import (
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

_MAX_BITS = 64
_MAX_DEPTH = 30  # sections in sections; deeper ones are left to ruamel.yaml, which refuses them

_WORDS = {"": None} | dict.fromkeys(("~", "null", "Null", "NULL"))
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True)
_WORDS |= dict.fromkeys(("false", "False", "FALSE"), False)
_FIRST = frozenset("-+.0123456789<=")  # what begins a value that may be neither a word nor a string
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FRACTION = re.compile(
    r"[-+]?(?:[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+][0-9]+)?)"
)
_RARE = re.compile(  # other numbers, dates, and marks that stand for an act
    r"[-+]?(?:0b[01_]+|0o?[0-7_]+|[0-9_]+|0x[0-9a-fA-F_]+)"
    r"|[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:[0-9_]+(?:[eE][-+][0-9]+)?|inf|Inf|INF|nan|NaN|NAN)"
    r"|[0-9]{4}-.*|<<|=",
    re.DOTALL,
)
_HEADER = re.compile(r"[|>][-+]?\n *[^ \n]")  # of a value in lines of its own, and one of these
_VALUES = (ScalarEvent, MappingStartEvent, SequenceStartEvent)
# characters that both parsers take alike: no tabs, and no line ends but the usual one
_ORDINARY = re.compile("[\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]*")


class _RareError(Exception):
    """Something that is left to ruamel.yaml."""


def parse_yaml(text: str) -> Any:
    """The plain values in a YAML 1.2 text; ValueError if it is not YAML, or has aliases."""
    try:
        content = ordinary(text)
    except (_RareError, YAMLError, ValueError):  # ValueError: a number too long for int()
        from ferflow.core.yaml_rare import parse_any  # a tenth of a second, for few texts

        content = parse_any(text)
    refuse_long_numbers(content)
    return content


def ordinary(text: str) -> Any:
    """As `parse_yaml`, by libyaml; an exception for what is left to ruamel.yaml."""
    if not _ORDINARY.fullmatch(text):
        raise _RareError
    next_event = libyaml.CParser(text).get_event
    next_event()  # the stream's start
    start = next_event()
    if type(start) is StreamEndEvent:
        return None
    if type(start) is not DocumentStartEvent or start.version or start.tags:
        raise _RareError
    content = _value(text, next_event, next_event(), _MAX_DEPTH)
    end = next_event()
    if end.explicit or type(next_event()) is not StreamEndEvent:
        raise _RareError
    return content


def _value(text: str, next_event: Any, event: Any, depth: int) -> Any:
    """The value that begins with an event; at most `depth` more may be nested in it."""
    kind = type(event)
    if kind not in _VALUES or event.anchor is not None or event.tag is not None or not depth:
        raise _RareError
    if kind is ScalarEvent:
        if event.style in ("|", ">") and (
            depth == _MAX_DEPTH or not _HEADER.match(text, event.start_mark.index)
        ):
            raise _RareError
        if not event.implicit[0]:
            return event.value
        if ":" in event.value:  # in a list or mapping of one line parsers differ
            raise _RareError
        return _scalar(event.value)
    if kind is MappingStartEvent:
        mapping: dict[Any, Any] = {}
        while type(event := next_event()) is not MappingEndEvent:
            if type(event) is not ScalarEvent or not (event.value or event.style):
                raise _RareError  # of an empty key in a list libyaml 0.2.5 takes the list's end
            key = _value(text, next_event, event, depth - 1)
            if key in mapping:
                raise _RareError
            mapping[key] = _value(text, next_event, next_event(), depth - 1)
        return mapping
    entries = []
    while type(event := next_event()) is not SequenceEndEvent:
        entries.append(_value(text, next_event, event, depth - 1))
    return entries


def _scalar(text: str) -> Any:
    """What a value without quotes is."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST:
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        return float(text)
    if _RARE.fullmatch(text):
        raise _RareError
    return text


def refuse_long_numbers(value: Any) -> None:
    """ValueError if a number, in hexadecimal perhaps, is one that Python would not print."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple | set):
        for entry in value:
            refuse_long_numbers(entry)
    elif isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise ValueError(f"a whole number has {_MAX_BITS} binary digits at most")
