"""A small document that is written as Markdown or as one self-contained page of HTML.

Texts may hold `code`; nothing else in them is markup. The page loads nothing from anywhere.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from ferflow.evaluation.figures import COLOURS, DASHES

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 2rem auto;
  padding: 0 1rem; }
h2 { margin-top: 3rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.9rem; }
th, td { padding: 0.3rem 0.6rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid #e4e4e4; }
.matrix th, .matrix td { padding: 0.15rem 0.5rem; border: 0; }
.matrix td { text-align: right; font-variant-numeric: tabular-nums; }
code { background: #f2f2f2; padding: 0 0.2em; }
figure { display: inline-block; margin: 1rem 2rem 1rem 0; vertical-align: top; }
figcaption { font-size: 0.85rem; color: #555; max-width: 30rem; }
"""


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 3."""

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
class Grid:
    """A table of texts."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Drawing:
    """HTML with a caption; in Markdown it is left out."""

    html: str
    caption: str


Block = Heading | Text | Points | Grid | Drawing


def to_markdown(blocks: Iterable[Block]) -> str:
    """The blocks as Markdown, with a final newline."""
    parts = []
    for block in blocks:
        match block:
            case Heading(level, text):
                parts.append(f"{'#' * level} {text}")
            case Text(text):
                parts.append(text)
            case Points(items):
                parts.append("\n".join(f"- {item}" for item in items))
            case Grid(header, rows):
                parts.append(markdown_table(header, rows))
    return "\n\n".join(parts) + "\n"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a bar inside a cell is written so that it does not end it."""
    lines = [header, ["---"] * len(header), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def to_html(blocks: Iterable[Block], title: str) -> str:
    """The blocks as a page; every text is escaped."""
    parts = []
    for block in blocks:
        match block:
            case Heading(level, text):
                parts.append(f"<h{level}>{_inline(text)}</h{level}>")
            case Text(text):
                parts.append(f"<p>{_inline(text)}</p>")
            case Points(items):
                parts.append(f"<ul>{''.join(f'<li>{_inline(i)}</li>' for i in items)}</ul>")
            case Grid(header, rows):
                head = "".join(f"<th>{_inline(cell)}</th>" for cell in header)
                body = "\n".join(
                    f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in row)}</tr>"
                    for row in rows
                )
                parts.append(f"<table>\n<tr>{head}</tr>\n{body}\n</table>")
            case Drawing(html, caption):
                caption = f"<figcaption>{_inline(caption)}</figcaption>"
                parts.append(f"<figure>\n{html}\n{caption}</figure>")
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def draw_matrix(table: pd.DataFrame) -> str:
    """A confusion matrix as a table; a cell is as dark as its share of the true class.

    table : columns actual, predicted, count, share, all pairs of classes in label order.
    """
    labels = list(table["actual"].unique())
    head = "".join(f"<th>{escape(label)}</th>" for label in labels)
    rows = []
    for label in labels:
        cells = "".join(
            _cell(int(count), float(share))
            for count, share in table.loc[table["actual"] == label, ["count", "share"]].to_numpy()
        )
        rows.append(f"<tr><th>{escape(label)}</th>{cells}</tr>")
    corner = "<th>true \N{RIGHTWARDS ARROW} predicted</th>"
    return f'<table class="matrix">\n<tr>{corner}{head}</tr>\n' + "\n".join(rows) + "\n</table>"


def draw_curves(table: pd.DataFrame, x: str, y: str, side: int = 300) -> str:
    """One line for each value of column `class`, on a unit square of `side` pixels, with a key.

    table : columns class, x and y (0 to 1).
    """
    lines, key = [], []
    for k, (name, curve) in enumerate(table.groupby("class", sort=False)):
        colour, dash = COLOURS[k % len(COLOURS)], " 4" if DASHES[k % len(DASHES)] == "--" else ""
        style = f'stroke="{colour}" stroke-width="1.5" fill="none"'
        style += f' stroke-dasharray="4{dash}"' if dash else ""
        points = " ".join(
            f"{40 + side * a:.1f},{10 + side * (1 - b):.1f}" for a, b in curve[[x, y]].to_numpy()
        )
        lines.append(f'<polyline {style} points="{points}"/>')
        height = 24 + 20 * k
        key.append(
            f'<path {style} d="M{side + 52} {height} h22"/>'
            f'<text x="{side + 80}" y="{height + 4}">{escape(str(name))}</text>'
        )
    frame = f'<rect x="40" y="10" width="{side}" height="{side}" fill="none" stroke="#bbb"/>'
    words = [x.replace("_", " "), y.replace("_", " ")]
    names = (
        f'<text x="{40 + side / 2}" y="{side + 34}" text-anchor="middle">{words[0]}, 0 to 1</text>'
        f'<text transform="translate(26 {10 + side / 2}) rotate(-90)" text-anchor="middle">'
        f"{words[1]}, 0 to 1</text>"
    )
    size = f'width="{side + 160}" height="{side + 44}" font-size="12" font-family="sans-serif"'
    inside = "\n".join([frame, names, *lines, *key])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{inside}\n</svg>'


def _cell(count: int, share: float) -> str:
    """Blue of figures.BLUE, as strong as the share; white writing where it is dark."""
    colour = "#fff" if share > 0.6 else "#222"
    return f'<td style="background:rgba(68,119,170,{share:.2f});color:{colour}">{count:,}</td>'


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
