"""Mutated and random files against everything that reads files: a result or a FerflowError.

`tests/test_fuzz.py` tries a few of each reader; this runs until the time is up:

    python tests/fuzz.py --minutes 60
"""

import argparse
import io
import os
import resource
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from fuzz_inputs import ROOT, model_folder, params, scratch, strategies
from hypothesis import HealthCheck, Phase, given, seed, settings

from ferflow.claims.confusion import read_confusion, read_matrix
from ferflow.claims.decoder import decode, parse_figure
from ferflow.core.errors import FerflowError
from ferflow.core.masks import load_mask
from ferflow.core.params import flatten, read_yaml
from ferflow.core.split import load_split
from ferflow.download.pictures import decode as decode_picture
from ferflow.download.sources import read_path
from ferflow.recognition.onnx_model import OnnxModel
from ferflow.recognition.pictures import read_picture
from ferflow.recognition.predict import tame_libraries
from ferflow.recognition.video.reading import Video
from ferflow.records.compact import read_answers
from ferflow.records.record import read_record
from ferflow.records.resampling import SCORES
from ferflow.settings import presets
from ferflow.settings.check import check_params
from ferflow.settings.presets import load_preset, parse_setting
from ferflow.training.shared.classifier import load_classifier

MEMORY = 2 << 30  # bytes that a long run may take beyond what its imports take
MOST_FRAMES = 50  # of a video
SLOW = {"setting": 60, "preset": 60, "params text": 40, "model": 60}  # examples in a round


@contextmanager
def file_of(content: bytes, name: str) -> Any:
    path = scratch() / name
    path.write_bytes(content)
    yield path


def read_csv(content: bytes) -> None:
    with file_of(content, "fer2013.csv") as path:
        read_path(path)


def read_archive(content: bytes) -> None:
    with file_of(content, "data") as path:
        read_path(path)


def read_params(content: bytes) -> None:
    with file_of(content, "params.yaml") as path:
        params = read_yaml(path)
    flatten(params)
    check_params(params)


def check_tree(tree: Any) -> None:
    if isinstance(tree, dict):
        check_params(tree)


def read_preset(content: bytes) -> None:
    with inside(workplace()):
        Path("presets/hostile.yaml").write_bytes(content)
        put_in(load_preset("hostile").overlay)


def read_setting(text: str) -> None:
    key, value = parse_setting(text)
    put_in({key: value})


def put_in(settings: dict[str, Any]) -> None:
    """What `compose` does with settings, without the comments, which take most of its time."""
    tree = deepcopy(params())
    for key, value in settings.items():
        presets._set(tree, key, value)
    check_params(tree)


def read_confusion_matrix(content: bytes) -> None:
    with file_of(content, "matrix") as path:
        matrix = read_matrix(path)
    read_confusion(matrix)
    matrix.table()


def read_figure(text: str) -> None:
    decode(parse_figure(text))


def read_json_record(content: bytes) -> None:
    folder = scratch() / "p"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "seed-0.json").write_bytes(content)
    record = read_record(folder / "seed-0.json")
    for split in record.metrics:
        for score in SCORES:
            record.score(split, score)
    assert record.seconds is None or record.seconds == record.seconds


def read_parquet(content: bytes) -> None:
    with file_of(content, "answers.parquet") as path:
        read_answers(path)


def read_mask(content: bytes) -> None:
    with file_of(content, "mask.npy") as path:
        load_mask(path)


def read_split(content: bytes) -> None:
    with file_of(content, "split.safetensors") as path:
        split = load_split(path)
    split.class_counts()


def read_any_picture(content: bytes) -> None:
    for read in (read_picture, lambda data: decode_picture("picture", data)):
        try:
            read(content)
        except FerflowError:
            continue


def read_video(content: bytes) -> None:
    with file_of(content, "video.mp4") as path:
        video = Video(path)
    before = -1.0
    for seconds, pixels in islice(video, MOST_FRAMES):
        assert seconds > before and pixels.ndim == 3
        before = seconds
    video.check_end()


def read_model(files: dict[str, bytes]) -> None:
    folder = scratch() / "model"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(model_folder(), folder)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    load_classifier(folder)


def read_onnx(content: bytes) -> None:
    with file_of(content, "face.onnx") as path:
        OnnxModel(path, threads=1)


@contextmanager
def inside(folder: Path) -> Any:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@cache
def workplace() -> Path:
    folder = scratch() / "repository"
    shutil.copytree(ROOT / "presets", folder / "presets")
    return folder


READERS: dict[str, Callable[[Any], None]] = {
    "csv": read_csv,
    "zip": read_archive,
    "tar": read_archive,
    "params text": read_params,
    "params tree": check_tree,
    "preset": read_preset,
    "setting": read_setting,
    "matrix": read_confusion_matrix,
    "figure": read_figure,
    "record": read_json_record,
    "parquet": read_parquet,
    "mask": read_mask,
    "split": read_split,
    "picture": read_any_picture,
    "video": read_video,
    "model": read_model,
    "onnx": read_onnx,
}


def holds(reader: str, given_to_it: Any) -> None:
    """The property: a result, or a FerflowError that can be printed."""
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on damaged pictures
            READERS[reader](given_to_it)
    except FerflowError as error:
        assert str(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    everything = {k: v for k, v in strategies().items() if not options.only or k in options.only}
    for strategy in everything.values():
        strategy.validate()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    counts = dict.fromkeys(everything, 0)
    failures = dict.fromkeys(everything, 0)
    tame_libraries()
    started, number = time.monotonic(), int(time.time()) * 1000
    end = started + options.minutes * 60
    while time.monotonic() < end:
        for name in everything:
            number += 1
            if time.monotonic() < end:
                run_once(name, everything[name], number, counts, failures)
        minutes = (time.monotonic() - started) / 60
        print(f"{minutes:.1f} min, {sum(counts.values()):,} examples", flush=True)
    shutil.rmtree(scratch(), ignore_errors=True)
    for name, n in counts.items():
        print(f"{name:<12}{n:>10,} examples{failures[name]:>6} rounds that failed")
    sys.exit(any(failures.values()))


def run_once(
    name: str,
    strategy: Any,
    number: int,
    counts: dict[str, int],
    failures: dict[str, int],
) -> None:
    """A round of examples; what fails is printed, smallest first, and the run goes on."""

    @seed(number)
    @settings(
        max_examples=SLOW.get(name, 200),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        print_blob=False,
    )
    @given(strategy)
    def round_of(value: Any) -> None:
        counts[name] += 1
        holds(name, value)

    try:
        round_of()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        failures[name] += 1
        print(f"--- {name}, seed {number}", flush=True)
        traceback.print_exception(error, limit=-6)


if __name__ == "__main__":
    main()
