"""`ferflow record --from`: a network trained on another machine, as a run of the chain here.

What `benchmarks/gpu.py` wrote there becomes the checkpoint of a training that has ended, from
which the stage `train` continues: so `evaluate` and the record are made as of any run. The record
names the torch and the device that trained.
"""

import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import DataError, FerflowError, one_line
from ferflow.core.files import read_json
from ferflow.core.hashing import sha256_of
from ferflow.core.masks import load_mask, select_columns
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.core.paths import SCRATCH
from ferflow.core.pipeline import Pipeline, dvc_md5
from ferflow.core.split import Split, load_split
from ferflow.records.record import RunRecord, check_name
from ferflow.records.record_run import public_params, record_run
from ferflow.runs.repro import repro
from ferflow.training.shared.fitting import CURVE_COLUMNS, TrainingData
from ferflow.training.shared.params import load_family

WEIGHTS, PROBABILITIES, RUN = "weights.safetensors", "probabilities.safetensors", "run.json"
TOLERANCE = 2e-3  # the largest difference of a probability on val, in float32 here and there
_ROWS = ("data/balanced/train.safetensors", "data/features/val.safetensors")
_MASK = "data/selected/mask.npy"
_KEYS: dict[str, Any] = {  # of run.json, with their types
    "preset": str,
    "seed": int,
    "params": dict,
    "fingerprint": str,
    "code": dict,
    "torch": str,
    "python": str,
    "device": str,
    "computed_on": str,
    "history": list,
    "best": dict,
    "seconds": (int, float),
    "sha256": dict,
}


def record_from(folder: Path, name: str | None = None) -> RunRecord:
    """Store a network trained elsewhere, evaluated here, as the run of the present params.yaml.

    Raises FerflowError if a file is missing or damaged, if the folder is of other parameters,
    other code or other rows, if the training had not ended, or where the network's answers here
    are not those from there.
    """
    if name is not None:
        check_name(name)
    run = _read(folder)
    _check_params(run)
    _check_code(run)
    failed = "`dvc repro` failed, see above; nothing is recorded."
    repro("select_features", failed=failed)
    with _planted(folder, run):
        # by force: a training here of the same parameters would count as this one
        repro("--force", "--single-item", "train", failed=failed)
        repro("evaluate", failed=failed)
    gpu = {"gpu": run["device"]} if run["computed_on"].startswith("cuda") else {}
    return record_run(name, trained_on={"torch": run["torch"], **gpu})


def read_training_data(scratch: Path | None = None) -> TrainingData:
    """What the stage `train` is handed in the last run; DataError if that is not here."""
    mask = load_mask(Path(_MASK))
    splits: list[Split] = [load_split(Path(path)) for path in _ROWS]
    train, val = (replace(split, x=select_columns(split.x, mask)) for split in splits)
    return TrainingData(train, val, scratch)


def training_code() -> dict[str, str]:
    """Path -> md5 of the code of the stage `train`, with the present params.yaml."""
    deps = Pipeline().stages["train"]["deps"]
    return {path: dvc_md5(Path(path)) for path in deps if path.startswith(("ferflow/", "stages/"))}


def _read(folder: Path) -> dict[str, Any]:
    """What `run.json` says, after the files beside it were found to be those that it names."""
    if not (folder / RUN).is_file():
        raise DataError(
            f"{folder / RUN} is not here. Name the folder of one preset that `python -m "
            "benchmarks.gpu train` wrote."
        )
    run = read_json(folder / RUN)
    if not _is_run(run):
        raise DataError(f"{folder / RUN} is not what `python -m benchmarks.gpu train` writes.")
    for file in (WEIGHTS, PROBABILITIES):
        if not (folder / file).is_file():
            raise DataError(f"{folder / file} is not here. Fetch the whole folder again.")
        if sha256_of(folder / file) != run["sha256"].get(file):
            raise DataError(f"{folder / file} is not what {RUN} names. Fetch the folder again.")
    return dict(run)


def _is_run(run: Any) -> bool:
    if not isinstance(run, dict) or not all(isinstance(run.get(k), t) for k, t in _KEYS.items()):
        return False
    columns = {*CURVE_COLUMNS, "seconds"}
    rows = [row for row in run["history"] if isinstance(row, dict) and columns <= row.keys()]
    numbers = [row[name] for row in rows for name in columns]
    numbers += [run["best"].get(name) for name in ("score", "epoch")]
    return len(rows) == len(run["history"]) and all(
        isinstance(number, int | float) and math.isfinite(number) for number in numbers
    )


def _check_params(run: dict[str, Any]) -> None:
    now = public_params(read_yaml(PARAMS_FILE))
    absent = "nothing"
    for key in sorted(now.keys() | run["params"].keys()):
        here, there = now.get(key, absent), run["params"].get(key, absent)
        if here != there:
            raise FerflowError(
                f"{key} is {here!r} in {PARAMS_FILE}, and the network was trained with {there!r}. "
                f"First: ferflow use {run['preset']}, with the settings that were packed."
            )


def _check_code(run: dict[str, Any]) -> None:
    here = training_code()
    other = [path for path in here if run["code"].get(path) != here[path]]
    if other or here.keys() != run["code"].keys():
        raise FerflowError(
            f"the network was trained with other code ({', '.join(other) or 'more'}). "
            "Check out the commit that was packed, or train again."
        )


@contextmanager
def _planted(folder: Path, run: dict[str, Any]) -> Iterator[None]:
    """With the ended training's checkpoint in place; one of a training here is put back then.

    It has no optimiser's state, so training must not continue from it.
    """
    from ferflow.training.families.network.checkpoint import save_checkpoint

    target, state = _ended(folder, run)
    own = target.with_name(f"{target.name}.own")
    if own.exists():  # an earlier command was killed
        _put_back(own, target)
    if target.exists():
        target.rename(own)
    try:
        save_checkpoint(target, *state)
        yield
    finally:
        _put_back(own, target)


def _put_back(own: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    if own.exists():
        own.rename(target)


def _ended(folder: Path, run: dict[str, Any]) -> tuple[Path, tuple[Any, Any]]:
    """Where the checkpoint of the training belongs, and its state, after it was found to fit."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from ferflow.training.families.network.checkpoint import checkpoint_folder, fingerprint
    from ferflow.training.families.network.start import start_training

    data = read_training_data(Path(SCRATCH) / "training")
    if fingerprint(data) != run["fingerprint"]:
        raise DataError(
            f"the network was trained on other images than those of {PARAMS_FILE}. Use the same "
            "data: ferflow use PRESET --set data.path=FILE_OR_FOLDER"
        )
    params: Any = load_family()[1]
    seed = int(read_yaml(PARAMS_FILE)["seed"])
    with torch.random.fork_rng():
        training = start_training(data, params, seed)
    target = checkpoint_folder(data, params, seed, kind=training.computed_on)
    assert target is not None
    try:
        weights = load_file(folder / WEIGHTS)
        there = load_file(folder / PROBABILITIES)["val"].numpy()
        tensors, about = training.state()
        tensors |= {
            f"{part}/{key}": value for part in ("network", "best") for key, value in weights.items()
        }
        tensors |= {
            f"ema/module.{key}": value
            for key, value in weights.items()
            if "ema/n_averaged" in tensors
        }
        about |= {"history": run["history"], "best": run["best"]}
        about["computed_on"] = f"{run['computed_on']}, {run['device']}, torch {run['torch']}"
        training.restore(tensors, about)
        network = training.restore_best().cpu().eval()
        ended = training.done
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = one_line(error)
        raise DataError(f"{folder} has no network with these parameters: {reason}") from None
    if not ended:
        raise DataError(
            f"{folder}: the training is unfinished: it stopped after {len(run['history'])} epochs."
        )
    _check_answers(_answers(network, training.scale, data), there)
    return target, training.state()


def _answers(network: Any, scale: Any, data: TrainingData) -> NDArray[np.float64]:
    from ferflow.training.families.network.family import predict_proba
    from ferflow.training.families.network.files import TrainedNetwork

    assert data.val is not None
    n = len(data.val.labels)
    side = math.isqrt(data.val.x.shape[1])
    return predict_proba(TrainedNetwork(network, "", {}, n, side, scale), data.val.x, n)


def _check_answers(here: NDArray[np.float64], there: NDArray[np.float64]) -> None:
    if here.shape != there.shape or not np.isfinite(there).all():
        raise DataError(f"the probabilities are of shape {there.shape}; val has {here.shape}.")
    apart = float(np.abs(here - there).max())
    if apart > TOLERANCE:
        raise DataError(
            f"the network's answers differ here: a probability on val by {apart:.3g}, "
            f"more than {TOLERANCE:g}. Nothing is recorded."
        )
