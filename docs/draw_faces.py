"""Draw the pictures that the documentation opens with. All faces are drawn by ferflow.

docs/faces.png     the same ten people with each of the seven expressions, as quickstart has them
docs/portrait.jpg  one face, for `ferflow predict docs/portrait.jpg`
docs/read.png      six faces with the boxes and labels of the bundled network

Run from the repository's root: python docs/draw_faces.py
"""

from dataclasses import replace
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow import Recognizer
from ferflow.download.drawn import canvas, drawing, synthetic
from ferflow.download.labels import FER2013_LABELS
from ferflow.images.size import SIDE
from ferflow.recognition.annotation import draw_faces

PEOPLE = (2, 4, 9, 11, 14, 22, 30, 37, 41, 52)  # seeds, chosen for variety
MAGNIFIED = 2

PORTRAIT = ("happy", 45)  # expression, seed
# Expressions in which the bundled network agrees; of drawn anger and disgust it names hardly any.
SIX = (
    ("happy", 14),
    ("surprise", 26),
    ("sad", 17),
    ("fear", 5),
    ("neutral", 31),
    ("surprise", 47),
)
LARGE = 10  # times 48 pixels
STRENGTH = 0.95  # of every action unit
SMALLER = 0.88  # so that the hair is on the picture
GROUND = 200  # grey level


def main() -> None:
    rows = [
        np.hstack([synthetic.draw_face(label, np.random.default_rng(seed)) for seed in PEOPLE])
        for label in FER2013_LABELS
    ]
    sheet = np.vstack(rows).repeat(MAGNIFIED, axis=0).repeat(MAGNIFIED, axis=1)
    cv2.imwrite("docs/faces.png", sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])

    portrait = np.full((480, 640), GROUND, np.uint8)
    portrait[:, 80:560] = draw_large(*PORTRAIT)
    cv2.imwrite("docs/portrait.jpg", portrait, [cv2.IMWRITE_JPEG_QUALITY, 85])

    faces = [cv2.resize(draw_large(*one), (300, 300), interpolation=cv2.INTER_AREA) for one in SIX]
    group = np.vstack([np.hstack(faces[:3]), np.hstack(faces[3:])])
    group = cv2.copyMakeBorder(group, 40, 20, 20, 20, cv2.BORDER_CONSTANT, value=GROUND)
    shown = draw_faces(group, Recognizer.bundled()(group))
    cv2.imwrite("docs/read.png", cv2.cvtColor(shown, cv2.COLOR_RGB2BGR))


def draw_large(expression: str, seed: int) -> NDArray[np.uint8]:
    """A drawn face without a camera's noise, ten times as large: uint8 of shape (480, 480)."""
    scene, _ = np.random.default_rng(seed).spawn(2)
    units = dict.fromkeys(synthetic.PROTOTYPES[expression].split("+"), STRENGTH)
    left, right = synthetic.displace({unit: s for unit, s in units.items() if unit})
    who, pose = synthetic._sample_identity(scene), synthetic._sample_pose(scene)
    pose = replace(pose, scale=SMALLER * pose.scale, shift_y=pose.shift_y + 1.5)
    face = drawing.Face(identity=who, left=left, right=right, pose=pose)
    blur = cv2.GaussianBlur

    def reduce(layer: canvas.Canvas) -> NDArray[np.float32]:
        side = (SIDE * LARGE, SIDE * LARGE)
        small = cv2.resize(layer._pixels, side, interpolation=cv2.INTER_AREA)
        return small.astype(np.float32)

    with (
        patch.object(canvas, "SUPERSAMPLING", 2 * LARGE),
        patch.object(canvas.Canvas, "reduce", reduce),
        patch.object(cv2, "GaussianBlur", lambda p, size, sigma: blur(p, size, sigma * LARGE)),
    ):
        return drawing.draw(face, np.uint8(GROUND)).astype(np.uint8)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
