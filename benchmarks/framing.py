"""How FER-2013 frames its faces, in terms of the box that OpenCV's cascade draws.

usage: python -m benchmarks.framing FER2013.zip [--images 5000]

Training images are put on a wider ground of their own mean tone, because the cascade needs room
around a face, and enlarged four times. Where the cascade then finds a face, its box is compared
with the 48x48 frame. `ferflow.recognition.detectors.haar.MARGIN` is the frame's side divided by the
box's median side.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.download.sources import read_path
from ferflow.images.haar import face_boxes
from ferflow.images.size import SIDE
from ferflow.recognition.detectors.haar import NEIGHBOURS

GROUND, ENLARGED = 24, 4  # pixels of ground on each side of a face; factor


def main() -> None:
    """Print the box's median and quartiles in pixels of the 48x48 frame."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--images", type=int, default=5000, help="drawn from Training")
    options = parser.parse_args()
    collection = read_path(options.path)
    images = collection.rows.x[np.asarray(collection.usage) == "Training"]
    n_images = min(options.images, len(images))
    drawn = np.random.default_rng(0).choice(len(images), n_images, replace=False)
    boxes = np.array([box for image in images[drawn] if (box := frame_of(image))])
    print(f"a face was found on {len(boxes) / n_images:.1%} of {n_images:,} images")
    print(f"{'pixels of the 48x48 frame':<28}{'quartile':>9}{'median':>9}{'quartile':>9}")
    left, top, side = boxes.T
    centres = {"centre, across": left + side / 2, "centre, down": top + side / 2}
    for name, values in {"box's side": side, **centres}.items():
        low, middle, high = np.percentile(values, [25, 50, 75])
        print(f"{name:<28}{low:>9.1f}{middle:>9.1f}{high:>9.1f}")
    print(f"margin: {SIDE / np.median(side):.3f}")


def frame_of(image: NDArray[np.uint8]) -> tuple[float, float, float] | None:
    """The cascade's largest box on an image: left, top, side in pixels of the image."""
    ground = (GROUND,) * 4
    wide = cv2.copyMakeBorder(image, *ground, cv2.BORDER_CONSTANT, value=float(image.mean()))
    large = cv2.resize(wide, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_LINEAR)
    boxes = face_boxes(large, NEIGHBOURS, min_side=SIDE // 2 * ENLARGED, scale_step=1.05)
    if not len(boxes):
        return None
    left, top, side, _ = max(boxes, key=lambda box: box[2]) / ENLARGED
    return left - GROUND, top - GROUND, side


if __name__ == "__main__":
    main()
