"""Faces a second in batches, and frames a second of a video with one face.

usage: python -m benchmarks.predict [--model FOLDER] [--seconds 5]

Everything is drawn, so nothing is needed. Faces are 48x48 pixels, cut out already; the video has
640x480 pixels, and each frame goes the whole way: found, cut out, named. Decoding the video is
part of it, writing is not. Each figure is the best of three goes, on as many cores as there are.
The seconds that the processor spent tell a busy machine from a slow one: with 2 cores to itself,
2 ms of them are 1,000 a second, if both always have work.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.recognition.inputs import Input
from ferflow.recognition.predict import predict
from ferflow.recognition.recognizer import Recognizer
from ferflow.recognition.results import Result

N_FACES, N_FRAMES, GOES = 2048, 150, 3
BATCHES = (1, 16, 64, 256, 1024)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    recognizer = Recognizer(options.model) if options.model else Recognizer.bundled()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    faces = draw_faces(FER2013_LABELS * (N_FACES // len(FER2013_LABELS)), seed=0)
    for size in BATCHES:
        some = faces if size > 1 else faces[:200]

        def classify(some: np.ndarray = some, size: int = size) -> int:
            for start in range(0, len(some), size):
                recognizer.classifier(some[start : start + size])
            return len(some)

        report(f"faces in batches of {size}", *fastest(classify))
    with tempfile.TemporaryDirectory() as folder:
        path = write_video(Path(folder) / "clip.avi", faces)
        found: list[Result] = []

        def watch() -> int:
            found.clear()
            predict([Input(str(path), path)], recognizer, found.append)
            return len(found)

        report("frames of 640x480", *fastest(watch))
        n_named = sum(bool(result.faces) for result in found)
        print(f"of {len(found)} frames {n_named} with a face found")


def report(what: str, rate: float, cost: float) -> None:
    """Print a row."""
    print(f"{what:<24}{rate:>8,.0f} a second{1000 * cost:>8.2f} ms of the processor each")


def fastest(work: Callable[[], int]) -> tuple[float, float]:
    """Things a second that `work`, which returns how many it did, does at best.

    And the processor's seconds for one of them, at best.
    """
    rates, costs = [], []
    for _ in range(GOES):
        started, spent = time.perf_counter(), time.process_time()
        n_done = work()
        costs.append((time.process_time() - spent) / n_done)
        rates.append(n_done / (time.perf_counter() - started))
    return max(rates), min(costs)


def write_video(path: Path, faces: np.ndarray) -> Path:
    """A video in which drawn faces follow each other across a noisy ground."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 480))
    noise = np.random.default_rng(0).integers(90, 130, (480, 640), dtype=np.uint8)
    for number in range(N_FRAMES):
        frame = noise.copy()
        x = 100 + 2 * number
        frame[140:340, x : x + 200] = cv2.resize(faces[number // 30], (200, 200))
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


if __name__ == "__main__":
    main()
