"""Seconds and peak memory on FER-2013, as it is and many times as large.

    python -m benchmarks.data FER2013.zip [--times 1 10]

measures reading it, as a zip and as a CSV (a zip of more than 200,000 pictures is not read).

    python -m benchmarks.data FER2013.zip --stages preprocess audit extract_features \\
        [--times 1 10 30] [--older CLONE] [--repeats 3] [--change noise]

runs stages and prints their seconds, whether they wrote the same files, and the same for the build
in another clone, which runs before each of them.

Each measurement is a process of its own, with its peak private memory (RssAnon: what is mapped
from files does not count). The larger sets are written into a temporary folder, one after the
other; thirty times FER-2013 is 9 GB as a CSV. They repeat the images, with `--change noise` each
time with other noise, so that they are near twins and not exact ones.
"""

import argparse
import json
import shutil
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import watch
from ferflow.core.hashing import sha256_of
from ferflow.core.params import PARAMS_FILE, pick_section, read_yaml
from ferflow.core.split import SPLITS, Split, split_writer
from ferflow.download.formats.fer_csv import COLUMNS
from ferflow.download.params import DataParams
from ferflow.download.sources import read_path
from ferflow.download.splitting import split_collection
from ferflow.images.size import SIDE

ROOT = Path(__file__).parents[1]
DEFAULTS = ROOT / "presets" / "defaults.yaml"
N_IMAGES = 35_887
RAW = [f"../raw/{name}.safetensors" for name in SPLITS]
STAGES = {
    "preprocess": ["-m", "stages.preprocess", "../raw", "data/out", "data/preprocess.json"],
    "audit": ["-m", "ferflow", "audit", "../fer2013.csv"],
    "extract_features": ["-m", "stages.extract_features", *RAW, "data/out"],
}


def main() -> None:
    """Print the table, or, as a child, measure one thing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=[])
    parser.add_argument("--older", type=Path, metavar="CLONE")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--change", choices=["none", "noise"], default="none")
    parser.add_argument("--measure", choices=["nothing", "read", "official", "fraction"])
    options = parser.parse_args()
    if options.measure:
        read(options.path, options.measure)
        return
    if options.stages:
        compare_stages(options)
        return
    print(f"{'what':<34}{'images':>10}{'seconds':>9}{'private MB':>12}{'images MB':>11}")
    with tempfile.TemporaryDirectory() as scratch:
        for times in options.times:
            folder = Path(scratch)
            sets = {
                "zip": repeat_zip(options.path, folder / f"{times}.zip", times),
                "csv": write_csv(options.path, folder / f"{times}.csv", times),
            }
            for kind, path in sets.items():
                for what in ("read", "official", "fraction"):
                    show(f"{kind} x{times}: {what}", times * N_IMAGES, path, what)
                path.unlink()
        show("nothing but the imports", 0, options.path, "nothing")


def show(title: str, n: int, path: Path, what: str) -> None:
    """Measure in a new process, whose memory is nobody else's, and print a line."""
    words = ["-m", "benchmarks.data", str(path.resolve()), "--measure", what]
    started = time.perf_counter()
    _, own = watch(words, ROOT, ROOT)
    seconds = time.perf_counter() - started
    print(f"{title:<34}{n:>10,}{seconds:>9.1f}{own:>12,.0f}{n * SIDE**2 / 1e6:>11,.0f}", flush=True)


def read(path: Path, what: str) -> None:
    """Read a path and, if asked, split it."""
    if what == "nothing":
        return
    collection = read_path(path)
    if what != "read":
        params = read_yaml(DEFAULTS)
        params["data"]["split"] = what
        split_collection(collection, pick_section(params, "data", DataParams), seed=0)


def repeat_zip(source: Path, target: Path, times: int) -> Path:
    """The pictures of a zip in FER-2013's layout so many times, under new numbers."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in (info.filename for info in old.infolist() if not info.is_dir()):
            stem, suffix = name.rsplit(".", 1)
            for i in range(times):
                new.writestr(f"{stem}{i:02d}.{suffix}" if times > 1 else name, old.read(name))
    return target


def write_csv(source: Path, target: Path, times: int, change: str = "none") -> Path:
    """The images of a source as a CSV in FER-2013's layout so many times."""
    collection = read_path(source)
    with target.open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        for number in range(times):
            images = changed(collection.rows.x, change, number)
            for image, y, usage in zip(images, collection.rows.y, collection.usage, strict=True):
                file.write(f"{y},{' '.join(map(str, image.ravel().tolist()))},{usage}\n")
    return target


def write_splits(source: Path, folder: Path, times: int, change: str) -> None:
    """The images of a source so many times, as `download` leaves them."""
    params = read_yaml(DEFAULTS)
    params["data"]["split"] = "official"
    chosen = pick_section(params, "data", DataParams)
    for name, split in split_collection(read_path(source), chosen, seed=0).items():
        rows = Split.join([split.take(slice(None), x=split.x[:, :0, 0])] * times)
        places = np.repeat(np.arange(times), len(split)).astype(np.str_)
        rows = replace(rows, source_id=np.char.add(np.char.add(rows.source_id, "_"), places))
        file = folder / f"{name}.safetensors"
        with split_writer(file, rows, split.x.shape[1:], split.x.dtype) as x:
            for number in range(times):
                part = slice(number * len(split), (number + 1) * len(split))
                x[part] = changed(split.x, change, number)


def changed(images: NDArray[np.uint8], change: str, number: int) -> NDArray[np.uint8]:
    """The images as they come the first time, and the other times with noise if that is wanted."""
    if change == "none" or number == 0:
        return images
    noise = np.random.default_rng(number).integers(-4, 5, images.shape, dtype=np.int16)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def compare_stages(options: argparse.Namespace) -> None:
    """Print a line for each number of times, stage, build and repeat."""
    print(f"{'stage':<24}{'build':<8}{'images':>10}{'seconds':>9}{'private MB':>12}  files")
    builds = {"older": options.older} if options.older else {}
    for times in options.times:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            if set(options.stages) - {"audit"}:
                write_splits(options.path, folder / "raw", times, options.change)
            if "audit" in options.stages:
                write_csv(options.path, folder / "fer2013.csv", times, options.change)
            for stage in options.stages:
                for _ in range(options.repeats):
                    made = {}
                    for name, build in (builds | {"this": ROOT}).items():
                        seconds, own, made[name] = run_stage(stage, folder, build)
                        same = "the same" if len(set(made.values())) < len(made) else made[name][:8]
                        line = f"{f'{stage} x{times}':<24}{name:<8}{times * N_IMAGES:>10,}"
                        print(f"{line}{seconds:>9.1f}{own:>12,.0f}  {same}", flush=True)


def run_stage(stage: str, folder: Path, build: Path) -> tuple[float, float, str]:
    """Seconds, peak private memory (MB) and a fingerprint of what a build's stage wrote."""
    place = folder / "place"
    place.mkdir()
    for name in ("dvc.yaml", "presets"):
        (place / name).symlink_to(build.resolve() / name)
    params = read_yaml(build / "presets" / "defaults.yaml")
    params["data"]["split"] = "official"
    params["features"]["method"] = "hog"
    (place / PARAMS_FILE).write_text(json.dumps(params))  # JSON is YAML
    started = time.perf_counter()
    _, own = watch(STAGES[stage], place, build.resolve())
    seconds = time.perf_counter() - started
    fingerprint = sha256_of(place / "data")
    shutil.rmtree(place)
    return seconds, own, fingerprint


if __name__ == "__main__":
    main()
