"""The ways in which the fuzzer spoils what is valid."""

import io
import json
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

# what is odd somewhere: numbers at the edge of a type, words with a meaning to some reader
ODD_VALUES = st.one_of(
    st.sampled_from([None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**400, 0.0]),
    st.sampled_from([1e308, -1e308, float("inf"), float("nan"), "", "none", "train", "../x", "\0"]),
    st.sampled_from([[], {}, [[]], {"": ""}, [None], {"a": {"b": {}}}, [1, [2, [3]]]]).map(
        deepcopy
    ),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
)
ODD_BYTES = st.one_of(
    st.sampled_from(
        [b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b",", b"\n", b"\r", b'"', b"-"]
    ),
    st.sampled_from([b"1e999", b"nan", b"9" * 400, b"[" * 400, b"{" * 400, b"(" * 400, b"&a [*a]"]),
    st.sampled_from(
        [
            b"!!python/name:os.system",
            b"!!binary a",
            b"<<: *a",
            b"%YAML 9\n",
            b"\x1b[",
            b"0x" + b"f" * 9000,
        ]
    ),
    st.sampled_from(["é".encode(), "\u202e".encode(), b"\xef\xbb\xbf", b"\xed\xa0\x80"]),
    st.binary(max_size=12),
)


@st.composite
def mutated(draw: Any, *bases: bytes) -> bytes:
    """One of some valid contents with a few bytes changed, moved, doubled or cut off."""
    content = draw(st.sampled_from(bases))
    for _ in range(draw(st.integers(1, 6))):
        first, last = sorted(draw(st.tuples(*[st.integers(0, max(1, len(content)))] * 2)))
        match draw(st.sampled_from(["put", "cut", "double", "end", "flip", "move"])):
            case "put":
                content = content[:first] + draw(ODD_BYTES) + content[first:]
            case "cut":
                content = content[:first] + content[last:]
            case "double":
                content = content[:last] + content[first:]
            case "end":
                content = content[:last]
            case "flip":
                flipped = bytes(b ^ draw(st.integers(1, 255)) for b in content[first : first + 1])
                content = content[:first] + flipped + content[first + 1 :]
            case _:
                content = content[last:] + content[first:last] + content[:first]
    return content[: 1 << 20]


def raw(*bases: bytes) -> st.SearchStrategy[bytes]:
    """Mutations of valid contents, and for the rest random bytes."""
    return st.one_of(mutated(*bases), mutated(*bases), st.binary(max_size=200))


@st.composite
def mutated_tree(draw: Any, base: Any) -> Any:
    """A copy of nested mappings and lists with a few leaves or branches exchanged."""
    tree = deepcopy(base)
    for _ in range(draw(st.integers(1, 3))):
        place, path = tree, []
        while isinstance(place, dict | list) and place:
            key = draw(
                st.sampled_from(list(place) if isinstance(place, dict) else range(len(place)))
            )
            path.append((place, key))
            place = place[key]
            if draw(st.integers(0, 3)) == 0:
                break
        if not path:
            return draw(ODD_VALUES)
        parent, key = path[-1]
        match draw(st.sampled_from(["value", "value", "value", "drop", "add", "key"])):
            case "value":
                parent[key] = draw(ODD_VALUES)
            case "drop":
                del parent[key]
            case "add" if isinstance(parent, dict):
                parent[draw(st.one_of(st.text(max_size=8), st.integers(), st.none()))] = draw(
                    ODD_VALUES
                )
            case _ if isinstance(parent, dict):
                parent[draw(st.text(max_size=8))] = parent.pop(key)
            case _:
                parent.insert(0, draw(ODD_VALUES))
    return tree


def as_json(tree: Any) -> bytes:
    return json.dumps(tree, skipkeys=True).encode(errors="surrogatepass")


def as_word(value: Any) -> str:
    return hex(value) if isinstance(value, int) and value > 10**300 else str(value)


def short_json(tree: Any) -> bytes:
    """JSON, with numbers that are too long for decimals cut."""
    return as_json(_short(tree))


def _short(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _short(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_short(value) for value in tree]
    return 10**4000 if isinstance(tree, int) and tree > 10**4000 else tree


def as_yaml(tree: Any) -> bytes:
    try:
        return plain_yaml(_short(tree))
    except (YAMLError, ValueError, TypeError, RecursionError):  # what YAML cannot say
        return short_json(tree)


def plain_yaml(tree: Any) -> bytes:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(tree, stream)
    return stream.getvalue().encode()
