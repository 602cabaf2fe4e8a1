"""Data sets of Kaggle by kagglehub: pinned, within a time limit, whole or not at all."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ferflow.core.errors import DataError, one_line
from ferflow.core.locks import exclusive

# data set -> its version; both hold FER-2013's images, one of them all of them twice
VERSIONS = {"msambare/fer2013": 1, "jonathanoheix/face-expression-recognition-dataset": 1}

N_IMAGES = 35_887  # a download of fewer files is not whole
TIME_LIMIT = 900  # seconds; both are below 130 MB. Against a silent server kagglehub never ends.

_WORKER = Path(__file__).with_name("kaggle_worker.py")


def fetch(name: str, folder: Path, time_limit: float = TIME_LIMIT) -> Path:
    """The folder with the files of a Kaggle data set, below `folder`; downloaded only once.

    kagglehub downloads into a scratch folder, which gets its name when it is whole. Raises
    DataError that says how to fetch the data by hand where Kaggle does not deliver.
    """
    version = VERSIONS[name]
    target = folder / f"{name.replace('/', '--')}-{version}"
    with exclusive(folder / "lock"):  # one download at a time
        for left_behind in folder.glob("part-*"):
            shutil.rmtree(left_behind, ignore_errors=True)
        if target.is_dir():
            return target
        print(f"fetching {name}, version {version}, from Kaggle", flush=True)
        with tempfile.TemporaryDirectory(prefix="part-", dir=folder) as scratch:
            found = _download(f"{name}/versions/{version}", Path(scratch), time_limit)
            n_files = sum(path.is_file() for path in found.rglob("*"))
            if n_files < N_IMAGES:
                raise _failure(name, f"{n_files:,} files came instead of {N_IMAGES:,}")
            found.rename(target)
    return target


def _download(handle: str, scratch: Path, time_limit: float) -> Path:
    """Let kagglehub fetch a pinned data set into `scratch`."""
    name, answer = handle.partition("/versions/")[0], scratch / "answer.json"
    # the two switches keep kagglehub from answering with a read-only folder of a notebook service
    environment = os.environ | {
        "KAGGLEHUB_CACHE": str(scratch / "cache"),
        "DISABLE_KAGGLE_CACHE": "true",
        "DISABLE_COLAB_CACHE": "true",
    }
    # -P: the worker's folder holds our modules, which would hide others of the same name
    command = [sys.executable, "-P", str(_WORKER), handle, str(answer)]
    try:
        subprocess.run(command, env=environment, timeout=time_limit, check=False)
        said = json.loads(answer.read_text(encoding="utf-8"))
    except subprocess.TimeoutExpired:
        raise _failure(name, f"no end after {time_limit:g} seconds") from None
    except (FileNotFoundError, ValueError):
        raise _failure(name, "the download was cut off") from None
    if "folder" not in said:
        raise _failure(name, one_line(said["error"]))
    folder = Path(said["folder"])
    if not folder.is_relative_to(scratch) or not folder.is_dir():
        raise _failure(name, f"kagglehub put it into {folder}")
    return folder


def _failure(name: str, reason: str) -> DataError:
    return DataError(
        f"Kaggle did not deliver {name} ({reason}). Or download the zip yourself from "
        f"https://www.kaggle.com/datasets/{name} and run: "
        "ferflow use PRESET --set data.source=path --set data.path=ZIP"
    )
