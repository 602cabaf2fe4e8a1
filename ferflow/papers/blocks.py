"""A small document that is written as Markdown or as a page of `ferflow.html`.

Texts may hold `code`; nothing else in them is markup. The page loads nothing from anywhere;
the Markdown shows its drawings as SVG files beside it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ferflow.html import bullets, commands, document, drawings, heading, paragraph, table


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 3; of level 1 there is one, the title."""

    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Points:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True)
class Commands:
    """Lines for a shell."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Grid:
    """A table of texts."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Drawing:
    """An SVG with a caption; `name` is what its file is called, without an ending."""

    name: str
    svg: str
    caption: str


@dataclass(frozen=True)
class Drawings:
    """Drawings to be looked at side by side."""

    items: Sequence[Drawing]


Block = Heading | Text | Points | Commands | Grid | Drawings


def to_markdown(blocks: Iterable[Block], pictures: str) -> str:
    """The blocks as Markdown; drawings as links into the folder `pictures`."""
    parts = []
    for block in blocks:
        match block:
            case Heading(level, text):
                parts.append(f"{'#' * level} {text}")
            case Text(text):
                parts.append(text)
            case Points(items):
                parts.append("\n".join(f"- {item}" for item in items))
            case Commands(lines):
                parts.append("\n".join(["```sh", *lines, "```"]))
            case Grid(header, rows):
                parts.append(markdown_table(header, rows))
            case Drawings(items):
                parts += [f"![{d.caption}]({pictures}/{d.name}.svg)\n{d.caption}" for d in items]
    return "\n\n".join(parts) + "\n"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a bar inside a cell is written so that it does not end it."""
    lines = [header, ["---"] * len(header), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def to_html(blocks: Iterable[Block]) -> str:
    """The blocks as a page; every text is escaped."""
    title, parts = "", []
    for block in blocks:
        match block:
            case Heading(1, text):
                title = text
            case Heading(level, text):
                parts.append(heading(text, level=level))
            case Text(text):
                parts.append(paragraph(text))
            case Points(items):
                parts.append(bullets(items))
            case Commands(lines):
                parts.append(commands(lines))
            case Grid(header, rows):
                parts.append(table(header, rows))
            case Drawings(items):
                parts.append(drawings([(drawing.svg, drawing.caption) for drawing in items]))
    return document(title, parts)
