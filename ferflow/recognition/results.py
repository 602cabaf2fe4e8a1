"""What was found on a picture, and the forms in which it is printed: text, JSON lines, CSV."""

import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ferflow.core.errors import printable
from ferflow.recognition.recognizer import Face

Format = Literal["text", "json", "csv"]


@dataclass(frozen=True)
class Result:
    """What was found on a picture or a video's frame; no faces is a result too.

    frame, seconds : the frame's number and time in its video, from 0; None for a picture.
    note : what the reader should know. fault : why there is no result.
    """

    name: str
    faces: list[Face] = field(default_factory=list)
    frame: int | None = None
    seconds: float | None = None
    note: str = ""
    fault: str = ""


def make_writer(form: Format, labels: Sequence[str]) -> Callable[[Result], None]:
    """A function that prints a result; for CSV the header is printed at once."""
    if form == "json":
        return _print_json
    if form == "text":
        return _print_text
    table = csv.writer(sys.stdout, lineterminator="\n")
    place = ["left", "top", "width", "height"]
    table.writerow(["path", "frame", "seconds", "face", *place, "label", *labels])

    def write(result: Result) -> None:
        moment = [result.name, result.frame, result.seconds]
        for number, face in enumerate(result.faces):
            p = [f"{value:.6f}" for value in face.probabilities.values()]
            table.writerow([*moment, number, *face.box, face.label, *p])
        if not result.faces:  # a row all the same, or the picture would seem forgotten
            table.writerow([*moment, *[None] * (6 + len(labels))])

    return write


def _print_json(result: Result) -> None:
    """One line; without faces its list is empty."""
    content = {
        "path": result.name,
        "frame": result.frame,
        "seconds": result.seconds,
        "faces": [
            {"box": face.box._asdict(), "label": face.label, "probabilities": face.probabilities}
            for face in result.faces
        ],
        "note": result.note,
    }
    print(json.dumps(content, ensure_ascii=False))


def _print_text(result: Result) -> None:
    """A line for each face, or one that says that there is none."""
    name = printable(result.name)
    if result.frame is not None:
        name += f" frame {result.frame} ({result.seconds:.2f} s)"
    note = f" ({result.note})" if result.note else ""
    if not result.faces:
        print(f"{name}: no face found{note}")
    for face in result.faces:
        left, top, width, height = face.box
        sure = face.probabilities[face.label]
        print(f"{name}: {face.label} {sure:.2f}, {width}x{height} pixels at {left},{top}{note}")
