"""The documentation site: the reference is complete, and no page asks anybody elsewhere."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ferflow import cli
from ferflow.core.params import flatten, read_yaml

ROOT = Path(__file__).parents[1]
SITE = ROOT / "docs/_build/html"
ELSEWHERE = re.compile(r"\s*(https?:)?//")
LOADED = {
    "link": "href",
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "use": "href",
}


@pytest.fixture(scope="module")
def reference():
    sys.path.insert(0, str(ROOT / "docs/_ext"))
    import ferflow_reference

    yield ferflow_reference
    sys.path.pop(0)


def test_every_parameter_is_explained_with_its_default(reference, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = reference.parameters()
    keys = re.findall(r"^:::\{confval\} (\S+)\n\n(.*?)^:::$", text, re.M | re.S)
    assert [key for key, _ in keys] == list(flatten(read_yaml(ROOT / "presets/defaults.yaml")))
    for key, words in keys:
        meaning, _, default = words.rpartition("Default: ")
        assert len(meaning.split()) > 2 and default, key
    about = dict(keys)
    assert "Legal: a whole number from 3 to 20. Default: `5`." in about["data.n_folds"]
    assert "Legal: `cpu`, `cuda`" not in about["train.family"]
    assert "`hist_gradient_boosting`" in about["train.family"]
    assert (
        "Legal: `balanced` or `null`. Default: `null`." in about["train.random_forest.class_weight"]
    )


def test_every_command_has_a_group_and_a_place_in_the_reference(reference):
    names = [name for group in cli.GROUPS.values() for name in group]
    assert sorted(names) == sorted(
        c.name or c.callback.__name__ for c in cli.app.registered_commands
    )
    text = reference.commands()
    assert re.findall(r"^### `(.+)`$", text, re.M) == names
    assert "| `--smooth` | Seconds over which" in text


class Asked(HTMLParser):
    """What a page loads from elsewhere, when it is opened."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        if tag == "link" and told.get("rel") in ("canonical", "next", "prev", "index", "search"):
            return
        address = told.get(LOADED.get(tag, ""), "") or ""
        self.found += [address] if ELSEWHERE.match(address) else []


@pytest.mark.skipif(not SITE.is_dir(), reason="`make docs` has not built the site")
def test_no_page_loads_anything_from_elsewhere():
    pages = sorted(SITE.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert Asked(text).found == [], page
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import", text), page
    for sheet in SITE.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.S)
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import", text), sheet
