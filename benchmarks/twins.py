"""Which copies of real images are found as twins and as relatives, at how many false pairs.

usage: python -m benchmarks.twins axes FER2013.zip
       python -m benchmarks.twins measure FER2013.zip [--sheet pairs.png] [--false N]
       python -m benchmarks.twins time FER2013.zip

`axes` measures the discriminants of `ferflow.images.relatives` on training images and their copies
and writes them. `measure` writes the figures that `ferflow audit` shows: of 210 images, each
changed in some way and put back among all others, how many are found; and how many pairs are found
among 2,000 images of which no two are twins. It draws the pairs: a look tells which are false, and
`--false` writes their number down. `time` adds the seconds on all images beside those of twins
alone; it counts on idle cores only.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from ferflow.core.files import atomic
from ferflow.download.sources import read_path
from ferflow.images.measures import is_constant
from ferflow.images.relatives import AXES_FILE, LIMIT, look, relatives
from ferflow.images.twins import TWIN_DISTANCE, twin_groups
from ferflow.images.waves import make_waves

RECALL_FILE = Path(__file__).parents[1] / "ferflow" / "audit" / "recall.json"
N_COPIED, N_DISTINCT = 210, 2000
N_AXES, N_LEARNT, N_ROUNDS = 32, 3000, 6
SEED = 25

Image = NDArray[np.uint8]
BORDERS = (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT, cv2.BORDER_REFLECT_101)


def moved(
    image: Image,
    shift: tuple[float, float] = (0, 0),
    turn: float = 0,
    zoom: float = 1,
    border: int = cv2.BORDER_REPLICATE,
) -> Image:
    """An image shifted (pixels), turned (degrees) and zoomed about its middle."""
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, zoom)
    matrix[:, 2] += np.array(shift)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=border), np.uint8)


def encoded(image: Image) -> Image:
    """After JPEG at quality 60."""
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [1, 60])[1], 0), np.uint8)


def scaled(image: Image) -> Image:
    """After two thirds of its size."""
    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def brighter(image: Image) -> Image:
    """By 30 levels."""
    return np.asarray(np.clip(image.astype(int) + 30, 0, 255), np.uint8)


CHANGES: dict[str, Callable[[Image], Image]] = {
    "JPEG of quality 60": encoded,
    "brighter by 30 levels": brighter,
    "blurred by 1 pixel": lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), 1), np.uint8),
    "scaled by two thirds and back": scaled,
    "equalised": lambda image: np.asarray(cv2.equalizeHist(image), np.uint8),
    "turned by 5 degrees": lambda image: moved(image, turn=5),
    "shifted by 2 pixels across": lambda image: moved(image, shift=(2, 0)),
    "shifted by 2 pixels both ways": lambda image: moved(image, shift=(2, -2)),
    "zoomed by 8 %": lambda image: moved(image, zoom=1.08),
    "mirrored": lambda image: image[:, ::-1].copy(),
    "mirrored and shifted by 2 pixels": lambda image: moved(image[:, ::-1].copy(), shift=(2, 0)),
}


def main() -> None:
    """Do what the first word says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["axes", "measure", "time"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--sheet", type=Path, help="where to draw the pairs among distinct images")
    parser.add_argument("--false", type=int, dest="n_false", help="how many of them are false")
    options = parser.parse_args()
    collection = read_path(options.path)
    images = collection.rows.x
    if options.what == "axes":
        training = np.array([collection.splits[usage] == "train" for usage in collection.usage])
        write_axes(images[training])
    elif options.what == "time":
        seconds(images)
    else:
        measure(images, options.sheet, options.n_false)


def write_axes(images: Image) -> None:
    """Fisher's discriminants between photographs, over copies of each, for both parities."""
    rng = np.random.default_rng(SEED)
    distinct = np.flatnonzero(
        (twin_groups(images) == np.arange(len(images))) & ~is_constant(images)
    )
    chosen = images[rng.choice(distinct, N_LEARNT, replace=False)]
    chosen = np.concatenate([chosen, chosen[:, :, ::-1]])  # so that the parities do not mix
    seen = look(chosen)[:, 0].astype(np.float64)
    within = np.zeros((seen.shape[1],) * 2)
    for border in BORDERS * (N_ROUNDS // len(BORDERS)):
        copies = np.stack([some_copy(image, border, rng) for image in chosen])
        apart = look(copies)[:, 0] - seen
        within += apart.T @ apart / len(apart) / N_ROUNDS
    even, found = make_waves().even, []
    mean = np.where(even, seen.mean(axis=0), 0)
    between = (seen - mean).T @ (seen - mean) / len(seen)
    for name, part in (("even", even), ("odd", ~even)):
        blocks = (matrix[np.ix_(part, part)] for matrix in (between, within))
        ratios, axes = eigh(*blocks)
        found += [(ratio, name, axis) for ratio, axis in zip(ratios, axes.T, strict=True)]
    best = sorted(found, key=lambda axis: -axis[0])[:N_AXES]
    kept = {name: [1000 * a for _, kind, a in best if kind == name] for name in ("even", "odd")}
    scale = max(np.abs(axis).max() for axes in kept.values() for axis in axes) / 1000
    whole = {name: [np.rint(a / scale).astype(int).tolist() for a in kept[name]] for name in kept}
    numbers = {"mean": np.rint(1000 * mean[even]).astype(int).tolist()} | whole
    text = json.dumps(numbers).replace("], ", "],\n ")
    with atomic(AXES_FILE) as part_file:
        part_file.write_text(text + "\n", encoding="utf-8")
    print(f"{len(whole['even'])} even and {len(whole['odd'])} odd axes: {AXES_FILE}")


def some_copy(image: Image, border: int, rng: np.random.Generator) -> Image:
    """Shifted up to 2.5 pixels, turned up to 6 degrees, zoomed by up to 8 %."""
    shift = rng.uniform(-2.5, 2.5, 2)
    return moved(image, (shift[0], shift[1]), rng.uniform(-6, 6), rng.uniform(0.93, 1.08), border)


def measure(images: Image, sheet: Path | None, n_false: int | None) -> None:
    """Print and write how many copies are found, and the pairs among distinct images."""
    rng = np.random.default_rng(SEED)
    twins = twin_groups(images)
    distinct = np.flatnonzero((twins == np.arange(len(images))) & ~is_constant(images))
    chosen = rng.choice(distinct, N_COPIED, replace=False)
    kinds: dict[str, dict[str, int]] = {}
    for name, change in CHANGES.items():
        copies = np.stack([change(image) for image in images[chosen]])
        kinds[name] = found_among(images, copies, chosen)
        print(f"{name:<34}{kinds[name]['twins']:>5}{kinds[name]['relatives']:>5}", flush=True)
    rows = rng.choice(distinct, N_DISTINCT, replace=False)
    groups = relatives(images[rows], twin_groups(images[rows])).groups
    pairs = [(rows[group], rows[k]) for k, group in enumerate(groups) if group != k]
    print(f"among {N_DISTINCT:,} images without twins: {len(pairs)} pairs")
    if sheet:
        draw(images, pairs, sheet)
    if n_false is not None:
        about: dict[str, Any] = {
            "data_set": "FER-2013",
            "images": N_COPIED,
            "found": kinds,
            "distinct_images": N_DISTINCT,
            "pairs": {"twins": 0, "relatives": len(pairs)},
            "false_pairs": {"twins": 0, "relatives": n_false},
            "limit": LIMIT,
            "twin_distance": TWIN_DISTANCE,
        }
        write(about)


def found_among(images: Image, copies: Image, originals: NDArray[np.int64]) -> dict[str, int]:
    """How many copies are in their original's group, all images and copies being compared."""
    together = np.concatenate([images, copies])
    twins = twin_groups(together)
    wide = relatives(together, twins).groups
    return {
        name: int((groups[len(images) :] == groups[originals]).sum())
        for name, groups in (("twins", twins), ("relatives", wide))
    }


def seconds(images: Image) -> None:
    """Print the best of five of twins alone, and of twins and relatives."""

    def best(work: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            started = time.perf_counter()
            work()
            times.append(time.perf_counter() - started)
        return min(times)

    alone = best(lambda: twin_groups(images))
    both = best(lambda: relatives(images, twin_groups(images)))
    print(f"{len(images):,} images: twins {alone:.2f} s, with relatives {both:.2f} s")
    about = json.loads(RECALL_FILE.read_text(encoding="utf-8"))
    times = {"images": len(images), "twins": round(alone, 2), "with_relatives": round(both, 2)}
    write(about | {"seconds": times})


def write(about: dict[str, Any]) -> None:
    """The figures, where `ferflow audit` reads them."""
    with atomic(RECALL_FILE) as part:
        part.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    print(f"written: {RECALL_FILE}")


def draw(images: Image, pairs: list[tuple[int, int]], path: Path) -> None:
    """Pairs side by side, eight to a line."""
    height, width = images.shape[1:]
    page = np.full((-(-len(pairs) // 8) or 1, height + 4, 8, 2 * width + 8), 255, np.uint8)
    for k, (first, second) in enumerate(pairs):
        page[k // 8, :height, k % 8, :width] = images[first]
        page[k // 8, :height, k % 8, width : 2 * width] = images[second]
    page = page.reshape(-1, 8 * (2 * width + 8))
    cv2.imwrite(str(path), cv2.resize(page, None, fx=2, fy=2))


if __name__ == "__main__":
    main()
