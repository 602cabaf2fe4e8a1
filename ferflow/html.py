"""Parts of an HTML page that holds everything it shows, styles and pictures included."""

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 0 auto;
  max-width: 68rem; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.7rem; margin-bottom: 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .3rem; }
p { max-width: 46rem; margin: .3rem 0 .8rem; color: #666; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .7rem;
  margin: 1.2rem 0; }
.tile { border: 1px solid #ddd; border-radius: .5rem; padding: .6rem .8rem; }
.tile b { display: block; font-size: 1.6rem; line-height: 1.2; }
.tile span { display: block; font-size: .85rem; line-height: 1.3; color: #555; }
.wide { overflow-x: auto; margin-bottom: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #e6e6e6; }
th { font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: .3rem; }
tr.marked td { background: #eef3fa; }
.bar { position: relative; width: 16rem; height: .8rem; background: #f0f0f0; }
.bar i { position: absolute; top: 0; bottom: 0; background: #9db8d9; }
.bar u { position: absolute; top: -2px; bottom: -2px; width: 2px; background: #224a7d; }
.gallery { display: flex; flex-wrap: wrap; gap: .8rem .7rem; }
.gallery > div { display: flex; gap: 2px; }
figure { margin: 0; width: 6rem; }
figcaption { font-size: .7rem; line-height: 1.25; color: #666; overflow-wrap: anywhere; }
figcaption b { display: block; font-weight: 600; color: #222; }
img { width: 6rem; height: 6rem; display: block; }
"""


def document(title: str, parts: Sequence[str]) -> str:
    """A whole page: its title as the headline, then the parts."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def heading(text: str, note: str = "") -> str:
    """A section's headline, and below it a note in grey."""
    return f"<h2>{escape(text)}</h2>" + paragraph(note)


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def tiles(numbers: Sequence[tuple[int, str]]) -> str:
    """Large numbers, each with what it counts."""
    cells = (f'<div class="tile"><b>{n:,}</b><span>{escape(t)}</span></div>' for n, t in numbers)
    return f'<div class="tiles">{"".join(cells)}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], marked: str | None = None) -> str:
    """A table of text; a cell that starts with '<' is HTML. `marked`: first cell of a row."""
    lines = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    for row in rows:
        cells = "".join(f"<td>{_cell(cell)}</td>" for cell in row)
        lines.append(f"<tr{' class=marked' if row[0] == marked else ''}>{cells}</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def bar(low: float, middle: float, high: float, top: float) -> str:
    """A range with a mark in it, on a scale from 0 to `top`."""
    left, mark, width = (100 * part / top for part in (low, middle, high - low))
    return (
        f'<div class="bar"><i style="left:{left:.1f}%;width:{width:.1f}%"></i>'
        f'<u style="left:{mark:.1f}%"></u></div>'
    )


def gallery(sets: Sequence[Sequence[tuple[NDArray[np.uint8], str, str]]]) -> str:
    """Sets of pictures that belong together, (picture (height, width), name, detail) each."""
    cells = ("".join(_figure(*figure) for figure in figures) for figures in sets)
    return f'<div class="gallery">{"".join(f"<div>{cell}</div>" for cell in cells)}</div>'


def _figure(picture: NDArray[np.uint8], name: str, detail: str) -> str:
    detail = escape(detail).replace("_", "_<wbr>")  # a long name may break there
    caption = f"<b>{escape(name)}</b>{detail}"
    image = f'<img alt="{escape(name)}" src="{_data_url(picture)}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _data_url(picture: NDArray[np.uint8]) -> str:
    png = cv2.imencode(".png", picture)[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _cell(text: str) -> str:
    return text if text.startswith("<") else escape(text)
