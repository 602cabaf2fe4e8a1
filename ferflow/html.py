"""The page maker: HTML pages that hold everything they show, styles and pictures included.

Every text is escaped; `code` between backticks is the only markup in it.
"""

import base64
import re
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 0 auto;
  max-width: 72rem; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.7rem; margin-bottom: 0; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .3rem; padding-top: .8rem; border-top: 1px solid #ddd; }
h3 { font-size: 1rem; margin: 1.6rem 0 .2rem; }
p, li { max-width: 50rem; margin: .3rem 0 .8rem; color: #555; }
li { margin: .2rem 0; }
code, pre { background: #f2f2f2; font-size: .9em; }
code { padding: 0 .2em; }
pre { padding: .6rem .8rem; overflow-x: auto; max-width: 100%; margin: .3rem 0 1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .7rem;
  margin: 1.2rem 0; }
.tile { border: 1px solid #ddd; border-radius: .5rem; padding: .6rem .8rem; }
.tile b { display: block; font-size: 1.6rem; line-height: 1.2; }
.tile span { display: block; font-size: .85rem; line-height: 1.3; color: #555; }
.wide { overflow-x: auto; margin-bottom: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .25rem .8rem .25rem .3rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid #e6e6e6; }
th { font-weight: 600; vertical-align: bottom; }
table:not(.numbers) td:last-child { min-width: 11rem; }
.numbers th, .numbers td { padding: .25rem .8rem; text-align: right; vertical-align: middle; }
.numbers th:first-child, .numbers td:first-child { text-align: left; padding-left: .3rem; }
tr.marked td { background: #eef3fa; }
.bar { position: relative; width: 16rem; height: .8rem; background: #f0f0f0; }
.bar i { position: absolute; top: 0; bottom: 0; background: #9db8d9; }
.bar u { position: absolute; top: -2px; bottom: -2px; width: 2px; background: #224a7d; }
.gallery { display: flex; flex-wrap: wrap; gap: .8rem .7rem; }
.gallery > div { display: flex; gap: 2px; }
.gallery figure { width: 6rem; }
.gallery img { width: 6rem; height: 6rem; display: block; }
.drawings { display: flex; flex-wrap: wrap; gap: 1.2rem 2rem; margin: .8rem 0; }
.drawings svg { max-width: 100%; height: auto; }
figure { margin: 0; }
figcaption { font-size: .8rem; line-height: 1.3; color: #555; overflow-wrap: anywhere; }
.gallery figcaption { font-size: .7rem; }
figcaption b { display: block; font-weight: 600; color: #222; }
"""


def document(title: str, parts: Sequence[str]) -> str:
    """A whole page: its title as the headline, then the parts."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{inline(title)}</h1>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def inline(text: str) -> str:
    """A text escaped, with its `code` marked up; '0.1 to 0.2' stays on a line, long names break."""
    text = re.sub(r"(?<=\d) (±|to) (?=\d)", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", escape(text))
    return re.sub(r"`([^`]+)`", lambda m: f"<code>{m[1].replace('_', '_<wbr>')}</code>", text)


def heading(text: str, note: str = "", level: int = 2) -> str:
    """A section's headline of level 2 or 3, and below it a note in grey."""
    return f"<h{level}>{inline(text)}</h{level}>" + paragraph(note)


def paragraph(text: str) -> str:
    return f"<p>{inline(text)}</p>" if text else ""


def bullets(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{inline(item)}</li>' for item in items)}</ul>"


def commands(lines: Sequence[str]) -> str:
    """Lines for a shell."""
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def tiles(numbers: Sequence[tuple[int, str]]) -> str:
    """Large numbers, each with what it counts."""
    cells = (f'<div class="tile"><b>{n:,}</b><span>{escape(t)}</span></div>' for n, t in numbers)
    return f'<div class="tiles">{"".join(cells)}</div>'


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: bool = False,
    marked: str | None = None,
) -> str:
    """A table of text; a cell that is a bar stays as it is.

    numbers : all columns but the first hold figures. marked : first cell of a row to point out.
    """
    lines = ["<tr>" + "".join(f"<th>{inline(cell)}</th>" for cell in head) + "</tr>"]
    for row in rows:
        cells = "".join(f"<td>{_cell(cell)}</td>" for cell in row)
        lines.append(f"<tr{' class=marked' if row[0] == marked else ''}>{cells}</tr>")
    kind = ' class="numbers"' if numbers else ""
    return f'<div class="wide"><table{kind}>{"".join(lines)}</table></div>'


class Bar(str):
    """The HTML of a bar: the one kind of cell that is not text."""


def bar(low: float, middle: float, high: float, top: float) -> Bar:
    """A range with a mark in it, on a scale from 0 to `top`."""
    left, mark, width = (100 * part / top for part in (low, middle, high - low))
    return Bar(
        f'<div class="bar"><i style="left:{left:.1f}%;width:{width:.1f}%"></i>'
        f'<u style="left:{mark:.1f}%"></u></div>'
    )


def gallery(sets: Sequence[Sequence[tuple[NDArray[np.uint8], str, str]]]) -> str:
    """Sets of pictures that belong together, (picture (height, width), name, detail) each."""
    cells = ("".join(_figure(*figure) for figure in figures) for figures in sets)
    return f'<div class="gallery">{"".join(f"<div>{cell}</div>" for cell in cells)}</div>'


def drawings(pictures: Sequence[tuple[str, str]]) -> str:
    """Drawings side by side where there is room, (SVG, caption) each."""
    figures = (
        f"<figure>\n{svg}\n<figcaption>{inline(caption)}</figcaption></figure>"
        for svg, caption in pictures
    )
    return f'<div class="drawings">{"".join(figures)}</div>'


def _figure(picture: NDArray[np.uint8], name: str, detail: str) -> str:
    detail = escape(detail).replace("_", "_<wbr>")  # a long name may break there
    caption = f"<b>{escape(name)}</b>{detail}"
    image = f'<img alt="{escape(name)}" src="{_data_url(picture)}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _data_url(picture: NDArray[np.uint8]) -> str:
    png = cv2.imencode(".png", picture)[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _cell(text: str) -> str:
    return text if isinstance(text, Bar) else inline(text)
