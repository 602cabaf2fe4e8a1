"""Documents from the templates beside this file: Markdown, and pages that hold all they show."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markdown_it import MarkdownIt
from markdown_it.token import Token

TEMPLATES = Path(__file__).parent / "templates"
# what Markdown, GitHub's too, would take for markup: anywhere, and at the start of a paragraph
_MARKUP = re.compile(r"[\\`*\[\]~$]|<(?! )|&(?=[#\w])|(?<![^\W_])_|_(?![^\W_])")
_START = re.compile(r"^(\d*)([-+=#.)]+(?= |$)|>)")


@dataclass(frozen=True)
class Grid:
    """A table of texts, in which `code` is the only markup."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def render(template: str, **content: Any) -> str:
    """A template filled in.

    In a page every value is escaped; in Markdown the template says of each whether it is `text` or
    `cell`. Markdown's blank lines in a row become one, so that its templates may be airy.
    """
    text = _environment().get_template(template).render(content)
    if template.endswith(".md.j2"):
        text = re.sub(r"\n{3,}", "\n\n", text)
    return text.strip() + "\n"


def markdown_page(title: str, markdown: str, pictures: Mapping[str, str]) -> str:
    """Markdown as a page that holds its pictures (address -> SVG). HTML in it is mere text."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    _name_headings(tokens)
    _make_figures(tokens)
    for token in tokens:
        token.children = [_for_page(child, pictures) for child in token.children or []]
    body = parser.renderer.render(tokens, parser.options, {})
    body = body.replace("<table>", '<div class="wide"><table>')
    return render("page.html.j2", title=title, body=body.replace("</table>", "</table></div>"))


def in_text(words: str) -> str:
    """Words for a paragraph of Markdown in which `code` is the only markup."""
    parts = re.split(r"(`[^`]+`)", " ".join(words.split()))
    parts[::2] = [_MARKUP.sub(r"\\\g<0>", part) for part in parts[::2]]
    return _START.sub(r"\1\\\2", "".join(parts))


def in_cell(words: str) -> str:
    """Words for a cell of a table in Markdown, which a bar would end."""
    return in_text(words).replace("|", "\\|")


def slug(heading: str) -> str:
    """The anchor that GitHub gives to a heading, and our pages do."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html.j2"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"text": in_text, "cell": in_cell, "slug": slug}
    return environment


def _name_headings(tokens: Sequence[Token]) -> None:
    """Headings get ids; where one stood before, with a number, as on GitHub."""
    seen: Counter[str] = Counter()
    for heading, words in pairwise(tokens):
        if heading.type == "heading_open":
            name = slug(_words(words))
            heading.attrSet("id", f"{name}-{seen[name]}" if seen[name] else name)
            seen[name] += 1


def _make_figures(tokens: Sequence[Token]) -> None:
    """A paragraph that begins with an image is a figure, the lines below it the caption."""
    for opening, words, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        match words.children:
            case [Token(type="image") as image, _, *caption]:
                opening.tag = closing.tag = "figure"
                start, end = (Token("caption", "figcaption", nesting) for nesting in (1, -1))
                words.children = [image, start, *caption, end]


def _for_page(token: Token, pictures: Mapping[str, str]) -> Token:
    """'0.1 to 0.2' is not broken, and an image is the SVG itself."""
    match token.type:
        case "text":
            token.content = re.sub(r"(?<=\d) (±|to) (?=\d)", "\xa0\\1\xa0", token.content)
            return token
        case "image":
            told = f'<svg role="img" aria-label="{escape(_words(token))}" '
            svg = pictures[str(token.attrs["src"])].replace("<svg ", told, 1)
            return Token("html_inline", "", 0, content=svg)
    return token


def _words(token: Token) -> str:
    """The text of an inline token, without its markup."""
    return "".join(child.content for child in token.children or [])
