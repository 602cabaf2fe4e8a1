"""Checkpoints: after a kill, training goes on from the last finished epoch.

A checkpoint is one safetensors file, replaced as a whole after each epoch, in a folder named by a
fingerprint of everything that an epoch depends on; anything else starts from the beginning. A
training of more epochs than before goes on from there, too, if its schedule does not span them all.
Queued experiments that share a training share its folder: one of them trains, the others wait.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

import ferflow.training.architectures
import ferflow.training.shared
from ferflow.core.errors import DataError, one_line
from ferflow.core.files import atomic
from ferflow.core.locks import exclusive, lock_of
from ferflow.training.families.network import Params
from ferflow.training.families.network.data_parallel import Ranks
from ferflow.training.shared.fitting import TrainingData

# the modules that shape the weights
_SHAPING = (
    "averages",
    "backbones",
    "batches",
    "data_parallel",
    "drawn_images",
    "layers",
    "loop",
    "losses",
    "optimizers",
    "scores",
)
_SHAPING_SHARED = ("batch_augmentation", "draws")
_FILE = "checkpoint.safetensors"
_LOOK_EVERY = 0.2  # seconds
_KEPT = 3  # folders of other trainings, the newest


def checkpoint_folder(data: TrainingData, params: Params, seed: int, *, kind: str) -> Path | None:
    """Where this very training keeps its checkpoint, or None where nothing is kept.

    kind : what it computes on, such as 'cpu bfloat16'.
    """
    if data.scratch is None:
        return None
    folder = data.scratch / training_digest(data, params, seed, kind=kind)[:16]
    _delete_old(data.scratch, keep=folder)
    return folder


def training_digest(data: TrainingData, params: Params, seed: int, *, kind: str) -> str:
    """The sha256 of everything that an epoch depends on; `kind` as for `checkpoint_folder`."""
    code = [Path(__file__).parent / f"{name}.py" for name in _SHAPING]
    shared = Path(ferflow.training.shared.__path__[0])
    code += [shared / f"{name}.py" for name in _SHAPING_SHARED]
    code.append(Path(ferflow.training.architectures.__path__[0]) / f"{params.architecture}.py")
    digest = hashlib.sha256()
    about = [params.of_an_epoch, seed, kind, torch.__version__]
    digest.update(json.dumps(about, sort_keys=True).encode())
    for file in code:
        digest.update(file.read_bytes())
    digest.update(fingerprint(data).encode())
    return digest.hexdigest()


@contextmanager
def alone(folder: Path | None, ranks: Ranks) -> Iterator[None]:
    """Hold a checkpoint for the block's length; a line is printed where that has to be waited for.

    Who waited goes on from what the other has made, also where it was killed. Of several ranks the
    first holds it, and the others wait for that; they have no folder.
    """
    with ExitStack() as stack:

        def held() -> bool:
            try:
                if folder is not None:
                    stack.enter_context(exclusive(lock_of(folder), held=_HeldError()))
            except _HeldError:
                return False
            return True

        if not ranks.told(held):
            print(f"waiting: another process trains the same network ({folder})", flush=True)
            while not ranks.told(held):
                time.sleep(_LOOK_EVERY)
        yield


def fingerprint(data: TrainingData) -> str:
    """The sha256 of the rows, their classes and the classes' names."""
    digest = hashlib.sha256()
    for split in (data.train, data.val):
        if split is not None:
            digest.update(repr(split.labels).encode())
            digest.update(split.learnt.tobytes())
            for start in range(0, len(split), 4096):
                digest.update(split.x[start : start + 4096].tobytes())
    return digest.hexdigest()


def save_checkpoint(folder: Path, tensors: Mapping[str, Tensor], about: dict[str, Any]) -> None:
    """Replace the checkpoint."""
    with atomic(folder / _FILE) as part:
        packed = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(packed, part, metadata={"about": json.dumps(about)})


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """What was saved last, or None; DataError where the file is damaged."""
    file = folder / _FILE
    if not file.exists():
        return None
    try:
        with safe_open(file, "pt") as opened:
            about = json.loads(opened.metadata()["about"])
            return {name: opened.get_tensor(name) for name in opened.keys()}, about  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise damaged(folder, error) from None


def damaged(folder: Path, error: Exception) -> DataError:
    """What is said of a checkpoint that cannot be gone on from."""
    reason = one_line(error)
    return DataError(
        f"{folder / _FILE} is damaged ({reason}). Delete it and run the command again."
    )


def pack(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under names that begin with the prefix."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def unpack(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `pack`."""
    start = f"{prefix}/"
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Every tensor of the optimiser's state, by parameter and name."""
    state = optimizer.state_dict()["state"]
    return {f"{i}/{key}": value for i, entry in state.items() for key, value in entry.items()}


def restore_optimizer(
    optimizer: Optimizer, tensors: Mapping[str, Tensor], groups: list[dict[str, Any]]
) -> None:
    """Put back what `optimizer_tensors` gave, and the groups' settings.

    Each tensor gets its weights' memory layout: torch's fused steps pair values by their place in
    memory (findings/torch-fused-adam-pairs-by-memory.sh).
    """
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition("/")
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    for weights, entry in optimizer.state.items():
        for key, value in entry.items():
            if value.shape == weights.shape:
                entry[key] = torch.empty_like(weights).copy_(value)
            elif value.ndim:  # neither a weight's nor a counter
                raise ValueError(f"the optimiser's {key} is not of this network")


class _HeldError(Exception):
    """Another process trains into this folder."""


def _delete_old(scratch: Path, keep: Path) -> None:
    """Bound the disk: of other trainings' checkpoints the newest few stay, and those in use."""
    ages = {}
    for file in scratch.glob(f"*/{_FILE}"):
        with suppress(FileNotFoundError):  # another process has just deleted it
            ages[file.parent] = file.stat().st_mtime
    others = sorted(ages.keys() - {keep}, key=lambda folder: -ages[folder])
    for folder in others[_KEPT:]:
        with suppress(_HeldError), exclusive(lock_of(folder), held=_HeldError()):
            shutil.rmtree(folder, ignore_errors=True)  # with what a killed process left in it
