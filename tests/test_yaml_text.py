"""YAML: the fast parser reads what DVC's own parser reads, or leaves the text to it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from yaml.error import YAMLError

from ferflow.core.yaml_rare import parse_any
from ferflow.core.yaml_text import _RareError, ordinary, parse_yaml

ROOT = Path(__file__).parents[1]
FILES = ["params.yaml", "dvc.yaml", "dvc.lock", "mistakes/dvc.yaml", "mistakes/dvc.lock"]
FILES += [str(path.relative_to(ROOT)) for path in sorted((ROOT / "presets").glob("*.yaml"))]
WORDS = r"""
    0 1 -1 +1 007 017 0o17 0o8 -0o7 08 0b101 0b2 0x1F 0xG -0x1 1_000 1__0 _1 1_ 12345678901234567
    1. 1.5 -1.5 +.5 .5 .5e3 .5e+3 .5e-3 1e4 1e-4 1E+4 1.e5 1e 1e+ e1 1.5.2 1_0.5 1.5_0 1e1_0 1,5 ._
    . .. - -- + +- .inf -.inf +.INF .Inf .nan .NaN -.nan inf nan NaN 1e400 -0.0 -0 00 00.5 0_ -_ 0o
    yes no Yes NO on off y n Y N true True TRUE tRUE false False FALSE null Null NULL nULL ~ ~~ None
    2024-01-31 2024-1-31 2024-99-99 2024-01-31T10:00:00Z 12:30 12:30:45 190:20:30.15 1:2 a:1 << =
    == <= <<< 1a 0a 7e7 7e7f 123abc 12e45678 1234e5678abc d41d8cd98f00b204e9800998ecf8427e 70e8.dir
    a-b a.b v1.0 1.0.0 /a/b C:\x %x @x `x &a *a !x !!str x#y #z ?x ? :x x: [] {} [1,2] {a:1} 'it''s'
    "a\tb" "\u00e9" "\x41" 'no' "1" '' "" é µ ½ £1 1² 日本
"""
ODD = [
    "",
    "{a: 1}",
    "a b",
    "1 2",
    "- 1",
    "\u0661",
    "\ufeff",
    "\x85",
    "\xa0",
    "\u2028",
    "\U0001f600",
]
SCALARS = [*WORDS.split(), *ODD]


def outcome(read, text):
    """What a parser makes of a text, types and all; None where it refuses it."""
    try:
        return repr(read(text))
    except (_RareError, YAMLError, ValueError):  # what `parse_yaml` takes for a refusal
        return None


def assert_alike(text):
    expected = outcome(parse_any, text)
    assert outcome(ordinary, text) in (None, expected)
    if "0x" not in text:  # longer ones are refused beyond 64 binary digits
        assert outcome(parse_yaml, text) in (None, expected)


@pytest.mark.parametrize("file", FILES)
def test_our_own_files_are_read_fast_and_alike(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert repr(ordinary(text)) == repr(parse_any(text))


@pytest.mark.parametrize(
    "place", ["{}", "a: {}", "- {}", "[{}]", "[{}, 1]", "x: {{a: {}}}", "{}: 1"]
)
def test_every_scalar_is_read_alike(place):
    for scalar in SCALARS:
        assert_alike(place.format(scalar))


@pytest.mark.parametrize("text", ["[?]", "[?]]", "[ ? ]", "- [a, ?]", "{?}", "{a: {?}}", "? "])
def test_an_empty_key_is_left_to_ruamel(text):
    """libyaml 0.2.5 and 0.2.6 differ (findings/libyaml-0.2.5-takes-a-lists-end.sh)."""
    assert outcome(ordinary, text) is None
    assert outcome(parse_yaml, text) == outcome(parse_any, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("no", "no"),
        ("0o17", 15),
        ("017", 17),
        ("0x10", 16),
        ("1_000", 1000),
        ("12:30", "12:30"),
        ("", None),
        ("a: {b: [1, 2.5, null, true]}", {"a": {"b": [1, 2.5, None, True]}}),
    ],
)
def test_values_are_those_of_yaml_1_2(text, value):
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2",
        "a: &x 1\nb: *x",
        "a: *x",
        "[" * 100_000,
        "--- 1\n--- 2",
        "!!str 1",
        "a: |#\n b",
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_dvcs_parser(text):
    assert outcome(ordinary, text) is None


NUMBERS = st.from_regex(r"[-+]?[0-9_xobe.:+-]{1,12}", fullmatch=True)
PIECES = [
    *"-?:,[]{}#&*!|>'\"%@`\\/ \n",
    "a",
    "b: ",
    "- ",
    "\n  ",
    "\n- ",
    ": ",
    " #",
    "|\n ",
    ">-\n  ",
]
PIECES += ["1", "1.5", "no", "~", "null", "true", "''", '""', "a: 1\n", "  b: 2\n", "[1, 2]"]
PIECES += [
    "{a: 1}",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "<<",
    "=",
    "!!str ",
    "&x ",
    "*x",
    "é",
    "\t",
    "\r",
]


@settings(max_examples=500, deadline=None)
@given(NUMBERS)
def test_drawn_numbers_are_read_alike(text):
    assert_alike(f"a: {text}")


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_drawn_texts_are_read_alike(text):
    assert_alike(text)


@pytest.mark.parametrize(
    "text",
    ["a: [http://x]", "a: [b:1]\nc: 0o17", "%YAML 1.1\n---\na: no", "a: [x:, 1_000]", "a: {b:1}"],
)
def test_what_dvcs_two_parsers_do_not_both_read_alike_is_refused(text):
    with pytest.raises(ValueError, match="one of DVC's two parsers"):
        parse_yaml(text)


@pytest.mark.parametrize("pure", [True, False])
def test_dvcs_parser_reads_our_values_with_libyaml_and_without(pure):
    yaml = YAML(typ="safe", pure=pure)
    for file in FILES:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert repr(dict(yaml.load(text))) == repr(parse_yaml(text))


def test_dvc_reads_by_libyaml():
    """Otherwise a `dvc repro` with nothing to do takes half as long again."""
    assert YAML(typ="safe").Parser is not YAML(typ="safe", pure=True).Parser
