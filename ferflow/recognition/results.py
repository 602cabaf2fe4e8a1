"""What was found on a picture, and the forms in which it is printed: text, JSON lines, CSV."""

import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TextIO

from ferflow.core.errors import printable
from ferflow.recognition.recognizer import Face

Format = Literal["text", "json", "csv"]


@dataclass(frozen=True)
class Result:
    """What was found on a picture or a video's frame; no faces is a result too.

    frame, seconds : the frame's number and time in its video, from 0; None for a picture.
    numbers : of the faces, the same for the same face of a video. By default they are counted
    from 1, from left to right.
    note : what the reader should know. fault : why there is no result.
    """

    name: str
    faces: list[Face] = field(default_factory=list)
    frame: int | None = None
    seconds: float | None = None
    note: str = ""
    fault: str = ""
    numbers: Sequence[int] = ()

    @property
    def numbered(self) -> list[tuple[int, Face]]:
        """The faces with their numbers, from left to right."""
        numbers = self.numbers or range(1, len(self.faces) + 1)
        return list(zip(numbers, self.faces, strict=True))


def make_writer(form: Format, labels: Sequence[str]) -> Callable[[Result], None]:
    """A function that prints a result; for CSV the header is printed at once."""
    if form == "json":
        return _print_json
    if form == "text":
        return _print_text
    return csv_writer(sys.stdout, labels)


def csv_writer(file: TextIO, labels: Sequence[str]) -> Callable[[Result], None]:
    """A function that writes a result's rows; the header is written at once."""
    table = csv.writer(file, lineterminator="\n")
    place = ["left", "top", "width", "height"]
    table.writerow(["path", "frame", "seconds", "face", *place, "label", *labels])

    def write(result: Result) -> None:
        moment = [result.name, result.frame, _rounded(result.seconds)]
        for number, face in result.numbered:
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
        "seconds": _rounded(result.seconds),
        "faces": [
            {
                "number": number,
                "box": face.box._asdict(),
                "label": face.label,
                "probabilities": face.probabilities,
            }
            for number, face in result.numbered
        ],
        "note": result.note,
    }
    text = json.dumps(content, ensure_ascii=False)
    print(text.encode(errors="backslashreplace").decode())  # of a name that is not UTF-8


def _print_text(result: Result) -> None:
    """A line for each face, or one that says that there is none.

    A picture's only face has no number, a video's does: another may come.
    """
    name = printable(result.name)
    if result.frame is not None:
        name += f" frame {result.frame} ({result.seconds:.2f} s)"
    note = f" ({result.note})" if result.note else ""
    if not result.faces:
        print(f"{name}: no face found{note}")
    for number, face in result.numbered:
        left, top, width, height = face.box
        which = f"{number} " if len(result.faces) > 1 or result.frame is not None else ""
        sure = face.probabilities[face.label]
        where = f"{width}x{height} pixels at {left},{top}"
        print(f"{name}: {which}{face.label} {sure:.2f}, {where}{note}")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
