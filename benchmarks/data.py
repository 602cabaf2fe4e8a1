"""Seconds and peak memory of reading FER-2013, as it is and ten times as large.

usage: python -m benchmarks.data FER2013.zip [--times 10]

Each measurement is a process of its own. The larger sets are written beside each other into a
temporary folder; they repeat the images, which changes nothing for a reader.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from ferflow.core.params import pick_section, read_yaml
from ferflow.download.formats.fer_csv import COLUMNS
from ferflow.download.params import DataParams
from ferflow.download.sources import read_path
from ferflow.download.splitting import split_collection
from ferflow.images.size import SIDE

DEFAULTS = Path(__file__).parents[1] / "presets" / "defaults.yaml"
Numbers = dict[str, float]


def main() -> None:
    """Print the table, or, as a child, measure one thing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--measure", choices=["nothing", "read", "official", "fraction"])
    options = parser.parse_args()
    if options.measure:
        print(*measure(options.path, options.measure).values())
        return
    print(f"{'what':<34}{'images':>9}{'seconds':>9}{'peak MB':>9}{'images MB':>11}")
    with tempfile.TemporaryDirectory() as scratch:
        for times in (1, options.times):
            folder = Path(scratch)
            sets = {
                "zip": repeat_zip(options.path, folder / f"{times}.zip", times),
                "csv": write_csv(options.path, folder / f"{times}.csv", times),
            }
            for kind, path in sets.items():
                for what in ("read", "official", "fraction"):
                    show(f"{kind} x{times}: {what}", path, what)
                path.unlink()
        show("nothing but the imports", options.path, "nothing")


def show(title: str, path: Path, what: str) -> None:
    """Measure in a new process, whose peak memory is nobody else's, and print a line."""
    command = [sys.executable, "-m", "benchmarks.data", str(path), "--measure", what]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    n, seconds, peak = map(float, done.stdout.split()[-3:])
    print(f"{title:<34}{n:>9,.0f}{seconds:>9.1f}{peak:>9,.0f}{n * SIDE**2 / 1e6:>11,.0f}")


def measure(path: Path, what: str) -> Numbers:
    """Images, seconds and peak memory (MB) of reading a path and, if asked, of splitting it."""
    started, n = time.perf_counter(), 0
    if what != "nothing":
        collection = read_path(path)
        n = len(collection.rows)
        if what != "read":
            params = read_yaml(DEFAULTS)
            params["data"]["split"] = what
            split_collection(collection, pick_section(params, "data", DataParams), seed=0)
    return {"n": n, "seconds": time.perf_counter() - started, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """This process's peak memory (Linux); getrusage would count its parent's before the start."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


def repeat_zip(source: Path, target: Path, times: int) -> Path:
    """The pictures of a zip in FER-2013's layout so many times, under new numbers."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in (info.filename for info in old.infolist() if not info.is_dir()):
            stem, suffix = name.rsplit(".", 1)
            for i in range(times):
                new.writestr(f"{stem}{i:02d}.{suffix}" if times > 1 else name, old.read(name))
    return target


def write_csv(source: Path, target: Path, times: int) -> Path:
    """The images of a source as a CSV in FER-2013's layout so many times."""
    collection = read_path(source)
    with target.open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        for image, y, usage in zip(
            collection.rows.x, collection.rows.y, collection.usage, strict=True
        ):
            line = f"{y},{' '.join(map(str, image.ravel().tolist()))},{usage}\n"
            file.write(line * times)
    return target


if __name__ == "__main__":
    main()
