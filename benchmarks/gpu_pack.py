"""`python -m benchmarks.gpu pack`: what a training on another machine needs, in one folder."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.gpu import IMAGES, PER_ROW
from ferflow.core.errors import FerflowError
from ferflow.core.files import atomic, write_json
from ferflow.core.paths import PREPROCESSED, RAW
from ferflow.core.split import SPLITS, Split, load_split
from ferflow.records.record_run import public_params
from ferflow.runs.elsewhere import read_training_data, training_code
from ferflow.runs.jobs import kept_params, reproduce_jobs, write_params
from ferflow.runs.repro import repro
from ferflow.settings.presets import parse_setting
from ferflow.training.families.network.checkpoint import fingerprint


def pack(folder: Path, presets: list[str], settings: list[str], *, with_test: bool) -> None:
    """Run the presets' chains up to their features and write FOLDER; params.yaml is put back.

    Raises FerflowError where a preset trains no network on pixels, or presets differ in images.
    """
    names = SPLITS if with_test else SPLITS[:2]
    jobs = reproduce_jobs(presets, [parse_setting(text) for text in settings])
    images: NDArray[np.uint8] | None = None
    with kept_params():
        for job in jobs:
            _check(job.name, job.params)
            write_params(job.text)
            repro("select_features", failed=f"{job.name}: `dvc repro` failed, see above.")
            raw = {name: load_split(RAW / f"{name}.safetensors") for name in names}
            found = np.concatenate([split.x for split in raw.values()])
            if images is None:
                images = found
            elif not np.array_equal(images, found):
                raise FerflowError(
                    f"{job.name} has other images than {jobs[0].name}. Pack it apart."
                )
            write_job(folder, job.params, raw)
            print(f"{job.name}: packed", flush=True)
    assert images is not None
    write_images(folder / IMAGES, images)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {len(images):,} images, {size / 1e6:.1f} MB")


def _check(name: str, params: dict[str, Any]) -> None:
    if (colour := params["data"]["colour"]) != "grey":
        raise FerflowError(f"{name} has data.colour {colour}; grey images alone can be packed.")
    used = (params["train"]["family"], params["features"]["method"], params["balance"]["method"])
    if used != ("network", "pixels", "none") or params["train"]["add_validation"]:
        raise FerflowError(f"{name} trains no network on the pixels of train alone.")
    if params["train"]["network"]["architecture"] == "finetune":
        raise FerflowError(f"{name} needs pretrained weights, which do not go along.")


def write_job(folder: Path, params: dict[str, Any], raw: dict[str, Split]) -> None:
    """Two files: which images each split has, and everything else."""
    arrays, start = {}, 0
    for name, split in raw.items():
        kept = load_split(PREPROCESSED / f"{name}.safetensors")
        place = {word: start + k for k, word in enumerate(split.source_id)}
        arrays[name] = np.array([place[word] for word in kept.source_id], np.int32)
        arrays[f"{name}_y"], arrays[f"{name}_source_id"] = kept.y, kept.source_id.astype(str)
        start += len(split)
    data = read_training_data()
    job = {
        "preset": params["preset"],
        "seed": params["seed"],
        "params": public_params(params),
        "network": params["train"]["network"],
        "lighting": params["preprocess"]["lighting"],
        "augment": params["augment"],
        "labels": data.train.labels,
        "splits": list(raw),
        "side": raw["train"].x.shape[1],
        "fingerprint": fingerprint(data),
        "code": training_code(),
    }
    write_json(folder / f"{params['preset']}.json", job)
    with atomic(folder / f"{params['preset']}.npz") as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def write_images(path: Path, images: NDArray[np.uint8]) -> None:
    """Images (n, side, side) as one grey picture, so many in a row; the last row is filled up."""
    n, side = -(-len(images) // PER_ROW), images.shape[1]
    full = np.zeros((n * PER_ROW, side, side), np.uint8)
    full[: len(images)] = images
    sheet = full.reshape(n, PER_ROW, side, side).transpose(0, 2, 1, 3)
    done, content = cv2.imencode(".png", sheet.reshape(n * side, PER_ROW * side))
    assert done
    with atomic(path) as part:
        part.write_bytes(content.tobytes())
