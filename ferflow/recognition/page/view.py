"""What the page shows of a picture, as HTML that holds everything itself: nothing is stored."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.recognition.annotation import draw_faces
from ferflow.recognition.boxes import Box
from ferflow.recognition.recognizer import Face

STYLE = """
.ff-note { font-size: .95rem; line-height: 1.5; max-width: 46rem; opacity: .8; }
.ff-fault { color: #c5362b; font-weight: 600; }
.ff-picture { display: block; max-width: 100%; max-height: 26rem; border-radius: .4rem;
  margin-bottom: .6rem; }
.ff-faces { display: grid; gap: 1rem 1.5rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
.ff-face { display: flex; gap: .9rem; align-items: flex-start; }
.ff-crops { display: flex; flex-direction: column; gap: .3rem; }
.ff-crops img { width: 6rem; height: 6rem; border-radius: .3rem; display: block; }
.ff-bars { display: grid; grid-template-columns: max-content 1fr 2.6rem; gap: .25rem .6rem;
  flex: 1; align-items: center; font-variant-numeric: tabular-nums; font-size: .95rem; }
.ff-bars .top { font-weight: 700; }
.ff-bars i { display: block; height: .75rem; border-radius: .2rem; min-width: 1px; }
.ff-bars span:nth-child(3n) { text-align: right; }
.ff-bars span:nth-child(3n+2) { background: var(--border-color-primary); border-radius: .2rem; }
.ff-chart { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .5rem;
  max-width: 46rem; margin-top: 1.2rem; font-size: .85rem; }
.ff-chart svg { width: 100%; height: 9rem; display: block; overflow: visible; }
.ff-chart polyline, .ff-chart line { fill: none; vector-effect: non-scaling-stroke; }
.ff-chart line { stroke: currentColor; opacity: .2; }
.ff-chart polyline { stroke-width: 2; stroke-linejoin: round; }
.ff-level, .ff-time { display: flex; justify-content: space-between; line-height: 1; }
.ff-level { flex-direction: column; text-align: right; margin: -.4rem 0; }
.ff-time { grid-column: 2; margin-top: .3rem; }
.ff-legend { display: flex; flex-wrap: wrap; gap: .2rem .9rem; font-size: .9rem;
  margin-top: .6rem; }
.ff-legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem;
  margin-right: .35rem; vertical-align: -1px; }
"""

# one for each class in label order, told apart in light and dark; more classes begin again
_COLOURS = ("#d1495b", "#6a994e", "#8e6bbf", "#e09f3e", "#4f8fc0", "#d97bb6", "#8a8f98")
_SHOWN_SIDE = 1280  # pixels: the longer side of a picture on the page
_HEAT = 0.7  # most that the map's colours hide of the face

Moment = tuple[float, dict[str, float]]  # seconds, class -> probability


def colour_of(number: int) -> str:
    """The colour of a class by its place in label order."""
    return _COLOURS[number % len(_COLOURS)]


def fault(text: str) -> str:
    return f'<p class="ff-fault" role="alert">{escape(text)}</p>'


def note(text: str) -> str:
    return f'<p class="ff-note">{escape(text)}</p>'


def annotated(pixels: NDArray[np.uint8], faces: Sequence[Face]) -> str:
    """The picture with boxes, or with a line that says that there is no face on it."""
    scale = min(1.0, _SHOWN_SIDE / max(pixels.shape[:2]))
    if scale < 1:  # before letters are drawn, which stay sharp
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(small, dtype=np.uint8)
        faces = [replace(f, box=Box(*(round(scale * n) for n in f.box))) for f in faces]
    picture = _image(draw_faces(pixels, faces), "ff-picture", "the picture with the faces' boxes")
    if faces:
        return picture
    return picture + note("No face found. Faces that are upright are found best.")


def face_cards(
    crops: NDArray[np.uint8],
    faces: Sequence[Face],
    maps: NDArray[np.float32] | None,
    numbers: Sequence[int] | None = None,
) -> str:
    """For each face what the model got, its map if there is one, and a bar for each class.

    crops : faces, see `FaceShape`. maps : (n, size, size), 0 to 1. numbers : of the faces on the
    picture.
    """
    cards = []
    for k, (crop, face) in enumerate(zip(crops, faces, strict=True)):
        pictures = f"<b>{numbers[k]}</b>" if numbers else ""
        pictures += _image(crop, "", "the face as the model sees it")
        if maps is not None:
            pictures += _image(_heat(crop, maps[k]), "", "what counted for the label")
        cards.append(
            f'<div class="ff-face"><div class="ff-crops">{pictures}</div>'
            f"{bars(face.probabilities, face.label)}</div>"
        )
    return f'<div class="ff-faces">{"".join(cards)}</div>'


def bars(probabilities: dict[str, float], label: str) -> str:
    """A bar for each class; the most probable one in bold."""
    cells = []
    for number, (name, p) in enumerate(probabilities.items()):
        bold = ' class="top"' if name == label else ""
        bar = f'<i style="width:{100 * p:.1f}%;background:{colour_of(number)}"></i>'
        cells.append(f"<span{bold}>{escape(name)}</span><span>{bar}</span><span>{p:.0%}</span>")
    return f'<div class="ff-bars">{"".join(cells)}</div>'


def curves(moments: Sequence[Moment], seconds: float) -> str:
    """Each class's probability over the last `seconds`; gaps where there was no face."""
    now = moments[-1][0] if moments else 0.0
    names = list(dict.fromkeys(name for _, p in moments for name in p))
    lines = [
        f'<line x1="0" x2="100" y1="{100 * p}" y2="{100 * p}"/>' for p in (0, 0.25, 0.5, 0.75, 1)
    ]
    legend = []
    for number, name in enumerate(names):
        colour = colour_of(number)
        legend.append(f'<span><i style="background:{colour}"></i>{escape(name)}</span>')
        for run in _runs(moments, name):
            places = ((100 - 100 * (now - at) / seconds, 100 - 100 * p) for at, p in run)
            points = " ".join(f"{x:.2f},{y:.1f}" for x, y in places)
            lines.append(f'<polyline stroke="{colour}" points="{points}"/>')
    return (
        '<div class="ff-chart"><div class="ff-level"><span>100%</span><span>50%</span>'
        '<span>0%</span></div><svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" '
        f'aria-label="probabilities over the last {seconds:.0f} seconds">{"".join(lines)}</svg>'
        f'<div class="ff-time"><span>{seconds:.0f} s ago</span><span>now</span></div></div>'
        f'<div class="ff-legend">{"".join(legend)}</div>'
    )


def _runs(moments: Sequence[Moment], name: str) -> list[list[tuple[float, float]]]:
    """Stretches of (seconds, probability) between moments without a face."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at, probabilities in moments:
        if name in probabilities:
            runs[-1].append((at, probabilities[name]))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _heat(face: NDArray[np.uint8], place: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A face, RGB, under the colours of a map (size, size), the denser the nearer to 1."""
    warm = cv2.applyColorMap((255 * place).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    share = _HEAT * place[..., None]
    colours = face if face.ndim == 3 else face[..., None]
    return (share * warm + (1 - share) * colours).astype(np.uint8)


def _image(pixels: NDArray[np.uint8], kind: str, name: str) -> str:
    colours = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    jpeg = cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    address = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    return f'<img class="{kind}" alt="{escape(name)}" src="{address}">'
