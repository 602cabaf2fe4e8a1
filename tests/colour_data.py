"""Drawn pictures of three classes that differ in colour alone."""

import cv2
import numpy as np

# RGB of one luma, 102, by ITU-R BT.601
COLOURS = {"blue": (70, 90, 245), "green": (40, 140, 64), "red": (200, 62, 50)}


def coloured(rgb, seed, side=64):
    """A picture (side, side, 3), RGB: blots of light and dark in one colour."""
    rng = np.random.default_rng(seed)
    blots = cv2.resize(rng.uniform(0.4, 1.0, (6, 6)), (side, side))
    return np.rint(blots[..., None] * rgb).astype(np.uint8)


def write_colours(folder, n=20, side=64):
    """Class folders of n pictures each; no two have the same blots."""
    for k, (name, rgb) in enumerate(COLOURS.items()):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            picture = coloured(rgb, 1000 * k + i, side)
            cv2.imwrite(str(folder / name / f"{i}.png"), picture[..., ::-1])
    return folder
