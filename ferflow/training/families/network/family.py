"""The family `network`: fit and predict."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from ferflow.backbones.devices import pick_dtype
from ferflow.core.errors import DataError, ParamError
from ferflow.core.face_shape import GREY_48, row_shape
from ferflow.training.families.network import Params
from ferflow.training.families.network.batches import check_images, to_tensor
from ferflow.training.families.network.checkpoint import (
    alone,
    checkpoint_folder,
    damaged,
    load_checkpoint,
    save_checkpoint,
    training_digest,
)
from ferflow.training.families.network.data_parallel import Ranks
from ferflow.training.families.network.files import TrainedNetwork
from ferflow.training.families.network.files import load_network as load
from ferflow.training.families.network.files import save_network as save
from ferflow.training.families.network.loop import Training
from ferflow.training.families.network.start import start_training
from ferflow.training.shared.fitting import CURVE_COLUMNS, Fitted, TrainingData

USES_VAL = True  # to choose the epoch

__all__ = ["Params", "as_network", "faster", "fit", "load", "predict_proba", "save"]

# Images: their maps stay below the 32 MB from which glibc asks the kernel for new pages every time
_PREDICTED_AT_ONCE = 64  # images, on the processor
_PIXELS_AT_ONCE = _PREDICTED_AT_ONCE * GREY_48.size**2


def fit(data: TrainingData, params: Params, seed: int) -> Fitted:
    """A network trained on images; the epoch is chosen on val, or is the last where val is None.

    A killed training goes on from its last finished epoch. Raises ParamError and DataError for
    what cannot be trained, and where the loss is no number.
    """
    side, channels = check_images(data.train)
    with torch.random.fork_rng():
        training, ranks = start_training(data, params, seed), Ranks()
        _check_same(ranks, data, params, seed, training.computed_on)
        folder = None
        if ranks.number == 0:
            folder = checkpoint_folder(data, params, seed, kind=training.computed_on)
        try:
            with alone(folder, ranks):
                earlier = _resume(training, folder, params.epochs, ranks)
                _run(training, data, params, folder)
        except torch.OutOfMemoryError:
            raise ParamError(_too_large(params.batch_size)) from None
        network = training.restore_best().cpu().eval()
    model = TrainedNetwork(
        network,
        params.architecture,
        params.options,
        len(data.train.labels),
        side,
        training.scale,
        channels,
    )
    about = {
        "architecture": params.architecture,
        "n_parameters": sum(p.numel() for p in network.parameters()),
        "epochs": len(training.history),
        "epoch_chosen": int(training.best["epoch"]),
        "computed_on": training.computed_on,
    }
    if (n_ranks := max(row.get("ranks", 1) for row in training.history)) > 1:
        about["ranks"] = n_ranks  # the most of any epoch
        about["local_batch_norm"] = any(row.get("local_batch_norm") for row in training.history)
    curve = pd.DataFrame(training.history)[CURVE_COLUMNS]
    return Fitted(model, curve, about, earlier_seconds=earlier)


def _check_same(ranks: Ranks, data: TrainingData, params: Params, seed: int, kind: str) -> None:
    """DataError where this rank would train something else than rank 0, or by other code."""
    if ranks.n > 1:
        ranks.check_same([params.model_dump(), training_digest(data, params, seed, kind=kind)])


def _resume(training: Training, folder: Path | None, epochs: int, ranks: Ranks) -> float:
    """Go on from rank 0's checkpoint if there is one; the seconds that its epochs had taken."""
    found = _found(folder, epochs) if folder is not None else None
    about = ranks.told(lambda: found and found[1])
    if about is None:
        return 0.0
    tensors = ranks.told_tensors(found[0] if found else {})
    try:
        training.restore(tensors, about)
        seconds = float(sum(row["seconds"] for row in training.history))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise damaged(folder or Path(), error) from None
    print(f"going on after epoch {len(training.history)} ({folder})")
    return seconds


def _found(folder: Path, epochs: int) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """A checkpoint that can be gone on from.

    One of more epochs than are asked for no longer has the weights of the earlier ones. One
    process goes on from what one process made with as many threads, so that the result is the
    same; what several ranks make, and made, is the same but for rounding.
    """
    found = load_checkpoint(folder)
    if found is None:
        return None
    about = found[1]
    try:
        one = Ranks().n == 1 and not any("ranks" in row for row in about["history"])
        if len(about["history"]) > epochs:
            return None
    except (KeyError, TypeError) as error:
        raise damaged(folder, error) from None
    return None if one and about.get("threads") != torch.get_num_threads() else found


def _run(training: Training, data: TrainingData, params: Params, folder: Path | None) -> None:
    """All epochs that are left, a printed line and a checkpoint each; a bar on a terminal."""
    n = len(data.train)
    total, finished = params.epochs * n, len(training.history) * n
    print("epoch  learning rate  train loss  val loss  val accuracy  val macro F1", flush=True)
    with tqdm(total=total, initial=finished, unit="image", unit_scale=True, disable=None) as bar:
        while not training.done:
            row = training.run_epoch(bar.update)
            if folder is not None:
                save_checkpoint(folder, *training.state())
            chosen = "  best" if training.best["epoch"] == row["epoch"] else ""
            with tqdm.external_write_mode():
                print(_line(row, chosen), flush=True)


def _too_large(batch_size: int) -> str:
    cure = (
        f"Try train.network.batch_size {batch_size // 2}."
        if batch_size >= 4  # batch norm needs two images
        else "Take a smaller network, or set train.network.device to cpu."
    )
    return f"the GPU's memory does not hold batches of {batch_size}. {cure}"


def _line(row: dict[str, float], remark: str) -> str:
    return (
        f"{row['epoch']:5d}  {row['learning_rate']:13.2e}  {row['train_loss']:10.4f}  "
        f"{row['val_loss']:8.4f}  {row['val_accuracy']:12.4f}  {row['val_f1_macro']:12.4f}{remark}"
    )


@torch.inference_mode()
def predict_proba(
    model: TrainedNetwork, x: NDArray[np.uint8], n_classes: int
) -> NDArray[np.float64]:
    """Probabilities (n, n_classes) of images, uint8 (n, side * side * channels); on the processor.

    In float32, unless the model was made `faster`.
    """
    if row_shape(x.shape[1]) != (model.side, model.channels):
        colours = "in colours" if model.channels > 1 else "of grey levels"
        raise DataError(
            f"the network takes {model.side}x{model.side} pixels {colours}; "
            f"got rows of {x.shape[1]}."
        )
    p = np.zeros((len(x), n_classes))
    step = min(_PREDICTED_AT_ONCE, max(1, _PIXELS_AT_ONCE // model.side**2))
    for start in range(0, len(x), step):
        images = to_tensor(x[start : start + step])
        with torch.autocast("cpu", model.dtype, enabled=model.dtype != torch.float32):
            scores = model.network(model.scale(images))
        p[start : start + len(images)] = scores.double().softmax(dim=1).numpy()
    return p


def faster(model: TrainedNetwork) -> TrainedNetwork:
    """The model computing in bfloat16, where the processor has instructions for it."""
    return replace(model, dtype=pick_dtype("auto", torch.device("cpu")))


def as_network(model: TrainedNetwork, x: NDArray[np.uint8]) -> tuple[nn.Module, Tensor]:
    """The torch module, which gives class scores, and its input for images (n, d)."""
    return model.network, model.scale(to_tensor(x))
