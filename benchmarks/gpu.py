"""Trains networks on a machine with a GPU that has torch, numpy, safetensors and OpenCV, no more.

    python -m benchmarks.gpu pack FOLDER [PRESET ...] [--set data.path=FILE]     # at home
    python -m benchmarks.gpu train FOLDER OUT [PRESET ...] [--minutes 8]         # over there
    ferflow use PRESET --set data.path=FILE && ferflow record --from OUT/PRESET  # at home again

`pack` runs the chain of each preset up to its features, and writes what the training needs: the
images of train and val once, as one picture without loss (59 MB for FER-2013; with --test those of
test, too), and for each preset its parameters and which images it sees. FOLDER holds faces: keep it
out of Git.

`train`, from the root of a checkout of the same commit, trains by the same modules as the chain,
presets in the order in which they are named. Each may take a minute and half as long again as at
200 steps a second; one that will not end by then, or within the minutes in all, is left out with a
line after its second epoch. It is run to its end or not at all. OUT/PRESET then holds weights,
probabilities and the run's history.
--compile NAME has torch compile that preset's network first: for trainings of many minutes.
"""

import argparse
import hashlib
import json
import math
import platform
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

# as they are run: ours, then the papers' from short to long
ORDER = (
    "best",
    "widekernel-modified",
    "allconv-modified",
    "allconv",
    "widekernel",
    "sepconv-five",
    "sepconv",
    "fernet",
    "littlevgg",
    "teacher",
)
_STEPS = 200  # a second, of any network; a training may take _SLACK times as long,
_SLACK = 1.5
_START = 60  # and seconds to begin
IMAGES = "images.png"
PER_ROW = 200  # images
# as ferflow/runs/elsewhere.py reads them
WEIGHTS, PROBABILITIES, RUN = "weights.safetensors", "probabilities.safetensors", "run.json"
_AT_ONCE = 512


def main() -> None:
    """Do what the first word says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words = parser.add_subparsers(dest="what", required=True)
    pack_words, train_words = words.add_parser("pack"), words.add_parser("train")
    for each in (pack_words, train_words):
        each.add_argument("folder", type=Path)
        if each is train_words:
            each.add_argument("out", type=Path)
        each.add_argument("presets", nargs="*", default=[], metavar="PRESET")
    pack_words.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    pack_words.add_argument("--test", action="store_true", help="the images of test, too")
    train_words.add_argument("--minutes", type=float, default=8, help="for all of them")
    train_words.add_argument("--compile", action="append", default=[], metavar="PRESET")
    options = parser.parse_args()
    if options.what == "pack":
        from benchmarks.gpu_pack import pack
        from ferflow.core.errors import FerflowError

        presets = options.presets or list(ORDER)
        try:
            pack(options.folder, presets, options.set, with_test=options.test)
        except FerflowError as error:
            sys.exit(f"error: {error}")
        return
    from benchmarks.gpu_stand_ins import install

    install()
    presets = packed(options.folder, options.presets)
    end = time.monotonic() + options.minutes * 60
    done = [p for p in presets if train(options.folder, options.out / p, p, end, options.compile)]
    if not done:
        sys.exit("error: no preset was trained; the reasons stand above")
    print(f"trained: {', '.join(done)}")


def packed(folder: Path, wanted: list[str]) -> list[str]:
    """The presets to train: those wanted, or all in the folder in `ORDER`."""
    there = {file.stem for file in folder.glob("*.json")}
    ordered = [preset for preset in ORDER if preset in there] + sorted(there - set(ORDER))
    absent = [preset for preset in wanted if preset not in there]
    if absent or not there:
        sys.exit(
            f"error: {', '.join(absent) or 'a preset'} is not packed in {folder}; packed there: "
            f"{', '.join(ordered) or 'none'}. Pack at home: python -m benchmarks.gpu pack"
        )
    return wanted or ordered


def train(folder: Path, out: Path, preset: str, end: float, compiled: list[str]) -> bool:
    """As `_train`; a training that fails is left out with a line, so that the others are run."""
    from ferflow.core.errors import FerflowError, one_line

    try:
        return _train(folder, out, preset, end, compiled)
    except (FerflowError, RuntimeError) as error:  # torch: memory is full, it cannot be compiled
        print(f"{preset}: left out, {one_line(error)}", flush=True)
        return False


def _train(folder: Path, out: Path, preset: str, end: float, compiled: list[str]) -> bool:
    """Train a preset and write what became of it; False where its time did not suffice.

    Raises DataError where the code or the images are not those of the job.
    """
    import torch

    from ferflow.core.errors import DataError
    from ferflow.training.families.network import Params
    from ferflow.training.families.network.checkpoint import fingerprint
    from ferflow.training.families.network.start import start_training

    started = time.monotonic()
    job = json.loads((folder / f"{preset}.json").read_text(encoding="utf-8"))
    check_code(job["code"])
    torch.backends.cudnn.benchmark = True
    splits, data = read_rows(folder, job)
    if fingerprint(data) != job["fingerprint"]:
        raise DataError("the images are not those that were packed. Pack them again.")
    params = Params.model_validate(job["network"])
    end = min(end, started + most_seconds(params.epochs, params.batch_size, len(data.train)))
    training = start_training(data, params, job["seed"])
    if preset in compiled:
        training.network.compile()
    print(f"{preset}: {len(data.train):,} images, {training.computed_on}", flush=True)
    while not training.done:
        row = training.run_epoch()
        print(f"  {row['epoch']:3d}  val accuracy {row['val_accuracy']:.4f}", flush=True)
        left = params.epochs - len(training.history)
        seconds = min(row["seconds"] for row in training.history) * left
        # the first epoch says little: libraries are loaded, ways of computing tried or compiled
        if time.monotonic() + (seconds if row["epoch"] > 1 else 0) > end:
            print(f"{preset}: left out, {seconds:.0f} s more are needed", flush=True)
            return False
    write(out, job, training, splits, time.monotonic() - started)
    return True


def most_seconds(epochs: int, batch_size: int, n_rows: int) -> float:
    """What a training may take."""
    return _START + _SLACK * epochs * math.ceil(n_rows / batch_size) / _STEPS


def check_code(code: dict[str, str]) -> None:
    """Raises DataError where the checkout is not the code that the job was packed with."""
    from ferflow.core.errors import DataError
    from ferflow.core.pipeline import dvc_md5

    if other := [path for path, md5 in code.items() if dvc_md5(Path(path)) != md5]:
        raise DataError(f"the code is not that of the job: {', '.join(other)}. Use its commit.")


def read_rows(folder: Path, job: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """The job's splits, images made as the chain makes them, and what the training is handed."""
    from ferflow.augment.copies import augment
    from ferflow.core.image_steps import COPIES, parse_steps
    from ferflow.core.split import Split
    from ferflow.images.lighting import correct_lighting
    from ferflow.training.shared.fitting import TrainingData

    side, splits = job["side"], {}
    sheet = cv2.imread(str(folder / IMAGES), cv2.IMREAD_GRAYSCALE)
    images = sheet.reshape(-1, side, PER_ROW, side).transpose(0, 2, 1, 3).reshape(-1, side, side)
    with np.load(folder / f"{job['preset']}.npz") as arrays:
        for name in job["splits"]:
            y, rows = arrays[f"{name}_y"], arrays[name]
            x = correct_lighting(images[rows], job["lighting"])
            names = arrays[f"{name}_source_id"]  # by which answers of teachers are found
            splits[name] = Split(x, y, names, np.full(len(y), ""), tuple(job["labels"]))
    steps = parse_steps(job["augment"]["copies"], COPIES)
    copies: Any = SimpleNamespace(copies=steps, fill_rare=job["augment"]["fill_rare"])
    splits["train"] = augment(splits["train"], copies, seed=job["seed"])
    flat = {
        k: Split(s.x.reshape(len(s), -1), s.y, s.source_id, s.transform, s.labels)
        for k, s in splits.items()
    }
    return flat, TrainingData(flat["train"], flat["val"])


def write(out: Path, job: dict[str, Any], training: Any, splits: dict[str, Any], s: float) -> None:
    """Write weights, probabilities of all splits but train, and the run's story."""
    import torch
    from safetensors.torch import save_file

    from ferflow.training.families.network.batches import Rows

    network, device = training.restore_best().eval(), next(training.network.parameters()).device
    torch.backends.cudnn.allow_tf32 = False  # answers in full float32, as at home
    answers = {}
    with torch.inference_mode():
        for name in [name for name in splits if name != "train"]:
            rows = Rows(splits[name].x, splits[name].y, device)
            parts = [
                network(training.scale(rows.batch(slice(k, k + _AT_ONCE))[0])).double().softmax(1)
                for k in range(0, len(rows), _AT_ONCE)
            ]
            answers[name] = torch.cat(parts).cpu()
    out.mkdir(parents=True, exist_ok=True)
    weights = {k: v.cpu().contiguous() for k, v in network.state_dict().items()}
    save_file(weights, out / WEIGHTS)
    save_file(answers, out / PROBABILITIES)
    cuda = device.type == "cuda"
    run = {key: job[key] for key in ("preset", "seed", "params", "fingerprint", "code")} | {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name() if cuda else f"cpu ({platform.machine()})",
        "computed_on": training.computed_on,
        "history": training.history,
        "best": training.best,
        "seconds": round(s, 3),
        "sha256": {
            name: hashlib.sha256((out / name).read_bytes()).hexdigest()
            for name in (WEIGHTS, PROBABILITIES)
        },
    }
    (out / RUN).write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    score = max(row["val_accuracy"] for row in training.history)
    each = run["seconds"] / len(training.history)
    print(f"{job['preset']}: {score:.4f} on val, {each:.1f} s an epoch, {out}", flush=True)


if __name__ == "__main__":
    main()
