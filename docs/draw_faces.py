"""Draw docs/faces.png: the same ten people with each of the seven expressions, as drawn faces.

Run from the repository's root: python docs/draw_faces.py
"""

import cv2
import numpy as np

from ferflow.download.drawn.synthetic import draw_face
from ferflow.download.labels import FER2013_LABELS

PEOPLE = (2, 4, 9, 11, 14, 22, 30, 37, 41, 52)  # seeds, chosen for variety
MAGNIFIED = 2


def main() -> None:
    rows = [
        np.hstack([draw_face(expression, np.random.default_rng(seed)) for seed in PEOPLE])
        for expression in FER2013_LABELS
    ]
    sheet = np.vstack(rows).repeat(MAGNIFIED, axis=0).repeat(MAGNIFIED, axis=1)
    cv2.imwrite("docs/faces.png", sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
