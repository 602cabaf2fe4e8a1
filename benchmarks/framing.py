"""How a detector frames FER-2013's faces, and what that costs in accuracy.

usage: python -m benchmarks.framing FER2013.zip [--detector yunet haar] [--images 3000]

Images are put on a wider ground of their own mean tone, enlarged four times, because detectors
need room around a face. Of Training the detector's square is compared with the image's frame. Of
PublicTest the bundled network reads the face that is found and cut out, upright and tilted, and the
image itself. The constants of `ferflow.recognition.detectors.yunet` and `haar` follow from both.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.download.sources import read_path
from ferflow.images.size import SIDE
from ferflow.recognition.detectors import NAMES, Detector, Found, load_detector
from ferflow.recognition.detectors.search import search
from ferflow.recognition.recognizer import Recognizer

GROUND, ENLARGED = 24, 4  # pixels of ground on each side of a face; factor
TILTS = (0, 15, 30, 45)  # degrees


def main() -> None:
    """Print, for each detector, quartiles of its frame, and accuracies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--detector", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--images", type=int, default=3000, help="drawn from each split")
    options = parser.parse_args()
    collection = read_path(options.path)
    usage, rows = np.asarray(collection.usage), collection.rows

    def draw(split: str) -> NDArray[np.intp]:
        places = np.flatnonzero(usage == split)
        n_drawn = min(options.images, len(places))
        return np.random.default_rng(0).choice(places, n_drawn, replace=False)

    for name in options.detector:
        print_frames(name, rows.x[draw("Training")])
        places = draw("PublicTest")
        print_accuracies(name, rows.x[places], rows.y[places])


def print_frames(name: str, images: NDArray[np.uint8]) -> None:
    """Where the detector's square lies, in pixels of the 48x48 frame."""
    detector = load_detector(name)
    found = [face for image in images if (face := frame_of(detector, image))]
    print(f"{name}: a face is found on {len(found) / len(images):.1%} of {len(images):,} images")
    print(f"{'pixels of the 48x48 frame':<28}{'quartile':>9}{'median':>9}{'quartile':>9}")
    x, y, side, _, _ = (np.array(found).T / ENLARGED) - GROUND
    for what, values in {"side": side + GROUND, "centre, across": x, "centre, down": y}.items():
        low, middle, high = np.percentile(values, [25, 50, 75])
        print(f"{what:<28}{low:>9.1f}{middle:>9.1f}{high:>9.1f}")


def frame_of(detector: Detector, image: NDArray[np.uint8]) -> Found | None:
    """The largest face that is found on an image and its ground, in pixels of the enlarged."""
    grey = on_ground(image, 0)
    found = search(detector, np.repeat(grey[..., None], 3, axis=2), thorough=False)
    return max(found, key=lambda face: face.side, default=None)


def print_accuracies(name: str, images: NDArray[np.uint8], y: NDArray[np.int64]) -> None:
    """Accuracy on the images in which a face is found, found and cut out, and as they are."""
    recognizer = Recognizer.bundled(detector=name)
    given = recognizer.classifier(images).argmax(axis=1) == y
    print(f"{'tilt':<28}{'found':>9}{'cut out':>9}{'as given':>9}")
    for tilt in TILTS:
        cut, there = [], []
        for number, image in enumerate(images):
            boxes, faces = recognizer.locate(on_ground(image, tilt))
            if boxes:
                there.append(number)
                cut.append(faces[int(np.argmax([box.width for box in boxes]))])
        right = recognizer.classifier(np.stack(cut)).argmax(axis=1) == y[there]
        shares = len(there) / len(images), right.mean(), given[there].mean()
        print(f"{f'{tilt} degrees':<28}" + "".join(f"{share:>9.3f}" for share in shares))


def on_ground(image: NDArray[np.uint8], tilt: float) -> NDArray[np.uint8]:
    """An image on its ground, enlarged, and turned clockwise by some degrees."""
    side = ENLARGED * (SIDE + 2 * GROUND)
    turn = cv2.getRotationMatrix2D(((SIDE - 1) / 2,) * 2, -tilt, ENLARGED)
    turn[:, 2] += (side - SIDE) / 2
    ground = np.full((side, side), image.mean(), np.uint8)
    mode = cv2.BORDER_TRANSPARENT
    turned = cv2.warpAffine(image, turn, (side, side), ground, cv2.INTER_LINEAR, mode)
    return np.asarray(turned, dtype=np.uint8)


if __name__ == "__main__":
    main()
