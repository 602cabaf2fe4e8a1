"""The family `network`: fit, predict, save, load."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from tqdm import tqdm

from ferflow.artifacts import atomic, read_json, write_json
from ferflow.devices import pick_device, pick_dtype
from ferflow.errors import DataError, ParamError
from ferflow.fitting import CURVE_COLUMNS, Fitted, TrainingData
from ferflow.train.network.backbones import BackboneClassifier
from ferflow.train.network.batches import (
    Scale,
    channels_last,
    check_images,
    measure_scale,
    to_tensor,
)
from ferflow.train.network.checkpoint import checkpoint_folder, load_checkpoint, save_checkpoint
from ferflow.train.network.loop import Training, check_fit
from ferflow.train.network.params import Params, architecture, build_network, check_options

WEIGHTS, ABOUT = "network.safetensors", "network.json"
_PREDICTED_AT_ONCE = 256


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with what is needed to build it again and to feed it.

    side : pixels of the images that it takes. config : of a backbone from elsewhere, or None.
    """

    network: nn.Module
    architecture: str
    options: dict[str, Any]
    n_classes: int
    side: int
    scale: Scale
    config: dict[str, Any] | None = None


def fit(data: TrainingData, params: Params, seed: int) -> Fitted:
    """A network trained on images; the epoch is chosen on val, or is the last where val is None.

    A killed training goes on from its last finished epoch. Raises ParamError and DataError for
    what cannot be trained, and where the loss is no number.
    """
    side = check_images(data.train)
    check_fit(data, params)
    device = pick_device(params.device, "train.network.device")
    dtype = pick_dtype(params.precision, device)
    kind = f"{device.type} {str(dtype).removeprefix('torch.')}"
    folder = checkpoint_folder(data, params, seed, kind=kind)
    scale = measure_scale(data.train.x) if params.input == "standardised" else Scale()
    n_classes = len(data.train.labels)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(params.architecture, n_classes, params.options)
        training = Training(
            network, data, params, seed=seed, scale=scale, device=device, dtype=dtype
        )
        earlier = _resume(training, folder)
        try:
            _run(training, data, params, folder)
        except torch.OutOfMemoryError:
            raise ParamError(
                f"the GPU's memory does not hold batches of {params.batch_size}. "
                f"Try train.network.batch_size {max(2, params.batch_size // 2)}."
            ) from None
        network = training.restore_best().cpu().eval()
    model = TrainedNetwork(
        network,
        params.architecture,
        params.options,
        n_classes,
        side,
        scale,
        _config(network, params.architecture),
    )
    about = {
        "architecture": params.architecture,
        "n_parameters": sum(p.numel() for p in network.parameters()),
        "epochs": len(training.history),
        "epoch_chosen": int(training.best["epoch"]),
        "computed_on": kind,
    }
    curve = pd.DataFrame(training.history)[CURVE_COLUMNS]
    return Fitted(model, curve, about, earlier_seconds=earlier)


def _config(network: nn.Module, name: str) -> dict[str, Any] | None:
    """What an architecture needs beside its options to build its network again."""
    if not hasattr(architecture(name), "rebuild"):
        return None
    assert isinstance(network, BackboneClassifier)
    config: dict[str, Any] = network.backbone.config.to_diff_dict()
    return config


def _resume(training: Training, folder: Path | None) -> float:
    """Go on from a checkpoint if there is one; the seconds that its epochs had taken."""
    found = load_checkpoint(folder) if folder is not None else None
    if found is None:
        return 0.0
    training.restore(*found)
    print(f"going on after epoch {len(training.history)} ({folder})")
    return sum(row["seconds"] for row in training.history)


def _run(training: Training, data: TrainingData, params: Params, folder: Path | None) -> None:
    """All epochs that are left, a printed line and a checkpoint each; a bar on a terminal."""
    n = len(data.train)
    total, finished = params.epochs * n, len(training.history) * n
    print("epoch  learning rate  train loss  val loss  val accuracy  val macro F1")
    with tqdm(total=total, initial=finished, unit="image", unit_scale=True, disable=None) as bar:
        while not training.done:
            row = training.run_epoch(bar.update)
            if folder is not None:
                save_checkpoint(folder, *training.state())
            chosen = "  best" if training.best["epoch"] == row["epoch"] else ""
            tqdm.write(
                f"{row['epoch']:5d}  {row['learning_rate']:13.2e}  {row['train_loss']:10.4f}  "
                f"{row['val_loss']:8.4f}  {row['val_accuracy']:12.4f}  "
                f"{row['val_f1_macro']:12.4f}{chosen}"
            )


@torch.inference_mode()
def predict_proba(
    model: TrainedNetwork, x: NDArray[np.uint8], n_classes: int
) -> NDArray[np.float64]:
    """Probabilities (n, n_classes) of images, uint8 (n, side * side); float32 on any processor."""
    if x.shape[1] != model.side**2:
        raise DataError(
            f"the network takes {model.side}x{model.side} pixels; got rows of {x.shape[1]}."
        )
    p = np.zeros((len(x), n_classes))
    for start in range(0, len(x), _PREDICTED_AT_ONCE):
        images = to_tensor(x[start : start + _PREDICTED_AT_ONCE], torch.device("cpu"))
        scores = model.network(model.scale(images)).double()
        p[start : start + len(images)] = scores.softmax(dim=1).numpy()
    return p


def save(model: TrainedNetwork, folder: Path) -> None:
    """Write the weights, and beside them what preprocessing and building need."""
    tensors = {name: tensor.contiguous() for name, tensor in model.network.state_dict().items()}
    with atomic(folder / WEIGHTS) as part:
        save_file(tensors, part)
    about = {
        "architecture": model.architecture,
        "options": model.options,
        "n_classes": model.n_classes,
        "side": model.side,
        "scale": asdict(model.scale),
        "config": model.config,
    }
    write_json(folder / ABOUT, json.loads(json.dumps(about)))


def load(folder: Path) -> TrainedNetwork:
    """The network in a folder; DataError where a file is missing, damaged or of another kind."""
    about = read_json(folder / ABOUT)
    try:
        name, options, n_classes = about["architecture"], about["options"], int(about["n_classes"])
        side, scale = int(about["side"]), Scale(**about["scale"])
        if not (1 <= n_classes <= 1000 and math.isfinite(scale.mean) and scale.std > 0):
            raise ValueError("impossible numbers")
        network = _build_again(name, n_classes, options, about["config"])
        network.load_state_dict(load_file(folder / WEIGHTS))
    except FileNotFoundError:
        raise DataError(f"{folder / WEIGHTS} is not here. `dvc repro` makes it.") from None
    except (KeyError, TypeError, ValueError, RuntimeError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(f"{folder} holds no network that can be loaded: {reason}") from None
    network = channels_last(network).eval()
    return TrainedNetwork(network, name, options, n_classes, side, scale, about["config"])


def _build_again(
    name: str, n_classes: int, options: dict[str, Any], config: dict[str, Any] | None
) -> nn.Module:
    """The network without its trained weights; a pretrained backbone is not fetched again."""
    module = architecture(name)
    if config is not None:
        network: nn.Module = module.rebuild(n_classes, check_options(name, options), config)
        return network
    return build_network(name, n_classes, options)
