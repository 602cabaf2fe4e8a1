"""A copy of a picture with the faces' boxes and labels drawn in."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.recognition.boxes import Box, shared_area
from ferflow.recognition.recognizer import Face

_COLOUR, _INK = (255, 200, 40), (20, 20, 20)  # RGB: dark letters on yellow
_SMALLEST = 14  # pixels that letters span at least, from ascender to descender


def draw_faces(
    pixels: NDArray[np.uint8], faces: Sequence[Face], numbers: Sequence[int] | None = None
) -> NDArray[np.uint8]:
    """A copy of a picture, RGB, with each face's box, label and probability.

    numbers : of the faces; where None, several faces are counted from 1.
    """
    in_colour = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels.copy()
    canvas = np.asarray(in_colour, dtype=np.uint8)
    if numbers is None and len(faces) > 1:
        numbers = range(1, len(faces) + 1)
    longest = max(canvas.shape[:2])
    line = max(1, round(longest / 700))
    for face in faces:
        left, top, width, height = face.box
        corners = (left, top), (left + width - 1, top + height - 1)
        cv2.rectangle(canvas, *corners, _INK, line + 2, cv2.LINE_AA)
        cv2.rectangle(canvas, *corners, _COLOUR, line, cv2.LINE_AA)
    labels: list[Box] = []
    for k, face in enumerate(faces):
        label = _label(face, numbers[k] if numbers else None, longest)
        others = [other.box for other in faces if other is not face] + labels
        place = _free_place(label.shape, face.box, others, canvas.shape, line)
        _paste(label, place, canvas)
        labels.append(place)
    return canvas


def _label(face: Face, number: int | None, longest: int) -> NDArray[np.uint8]:
    """A face's label, about as wide as its box, but legible on a picture of that longest side."""
    from ferflow.recognition.lettering import spelt, written

    name = spelt(face.label, instead=f"class {list(face.probabilities).index(face.label)}")
    text = f"{name} {face.probabilities[face.label]:.0%}"
    if number is not None:
        text = f"{number} {text}"
    least = max(_SMALLEST, longest // 110)
    size = max(least, min(face.box.width // 6, longest // 32))
    return written(text, size, _INK, _COLOUR)


def _free_place(
    shape: tuple[int, ...],
    face: Box,
    others: Sequence[Box],
    canvas: tuple[int, ...],
    line: int,
) -> Box:
    """Where a label covers least of other faces and labels: above its face, below it, or in it."""
    height, width = shape[:2]
    right, bottom = face.left + face.width, face.top + face.height
    best, least = None, np.inf
    for top in (face.top - height - line, bottom + line, face.top + line, bottom - height - line):
        for left in (face.left, right - width):
            place = Box(
                max(0, min(left, canvas[1] - width)),  # whole, also at the picture's edge
                max(0, min(top, canvas[0] - height)),
                width,
                height,
            )
            covered = sum(shared_area(place, other) for other in others) + shared_area(place, face)
            if covered < least:
                best, least = place, covered
    assert best is not None
    return best


def _paste(label: NDArray[np.uint8], place: Box, canvas: NDArray[np.uint8]) -> None:
    """Put a label on a picture; what reaches over the picture's edge is cut off."""
    part = canvas[place.top : place.top + place.height, place.left : place.left + place.width]
    part[:] = label[: part.shape[0], : part.shape[1]]
