"""A training at its beginning: its network, where it computes, and what cannot be trained."""

from dataclasses import astuple

import torch

from ferflow.backbones.devices import pick_device, pick_dtype
from ferflow.core.errors import ParamError
from ferflow.training.families.network import Params, build_network, check_side
from ferflow.training.families.network.batches import Scale, check_images, measure_scale
from ferflow.training.families.network.data_parallel import Ranks, check_batch_norm
from ferflow.training.families.network.loop import Training
from ferflow.training.families.network.teachers import learnt_from, load_teachers
from ferflow.training.shared.fitting import TrainingData


def start_training(data: TrainingData, params: Params, seed: int) -> Training:
    """The training that `fit` runs, before its first epoch; torch's stream is set to the seed.

    Raises ParamError and DataError for what cannot be trained.
    """
    side, channels = check_images(data.train)
    check_side(params.architecture, side)
    check_fit(data, params)
    device = pick_device(params.device, "train.network.device")
    scale = Scale()
    if params.input == "standardised":
        scale = Scale(*Ranks().told(lambda: astuple(measure_scale(data.train.x))))
    data = learnt_from(data, params)
    dtype, labels = pick_dtype(params.precision, device), data.train.labels
    teachers = load_teachers(params, labels, (side, channels), device, dtype)
    torch.manual_seed(seed)
    network = build_network(params.architecture, len(labels), params.options, channels)
    check_batch_norm(network, device, data.local_batch_norm)
    return Training(
        network,
        data,
        params,
        seed=seed,
        scale=scale,
        device=device,
        dtype=dtype,
        teachers=teachers,
    )


def check_fit(data: TrainingData, params: Params) -> None:
    """Refuse what cannot be trained; ParamError names the parameter."""
    if params.batch_size > len(data.train):
        raise ParamError(
            f"train.network.batch_size must be at most the number of training rows "
            f"({len(data.train):,}); got {params.batch_size:,}."
        )
    if data.val is None and (params.patience is not None or params.schedule == "plateau"):
        raise ParamError(
            "with train.add_validation nothing is left to watch: set train.network.patience to "
            "null and train.network.schedule to another than plateau."
        )
