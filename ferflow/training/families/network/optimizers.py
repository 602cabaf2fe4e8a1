"""Optimisers and learning-rate schedules: torch's code with Keras' meaning where they differ."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler

from ferflow.training.families.network import Params

# Keras' defaults
_ADAM_EPSILON = 1e-7
_PLATEAU_FACTOR = 0.1
_PLATEAU_MIN_DELTA = 1e-4


def make_optimizer(network: nn.Module, params: Params) -> Optimizer:
    """The optimiser that `train.network.optimizer` names.

    Weight decay acts on weights alone, not on biases and batch norms; SGD has Nesterov's momentum.
    Steps are Keras' but for two things that no preset of a paper has: Adam's weight decay, and
    SGD's momentum under a changing rate, where Keras' still holds steps of the earlier rates.
    """
    trained = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": params.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    rate = params.learning_rate
    if params.optimizer == "sgd":
        nesterov = params.momentum > 0
        return torch.optim.SGD(groups, rate, momentum=params.momentum, nesterov=nesterov)
    kind = torch.optim.Adam if params.optimizer == "adam" else torch.optim.AdamW
    optimizer = kind([group | {"n_steps": 0} for group in groups], rate, fused=True)
    optimizer.register_step_pre_hook(_place_epsilon)
    return optimizer


def _place_epsilon(optimizer: Optimizer, *_: Any) -> None:
    """A hook: Adam's next step with its epsilon where Keras adds it.

    Keras adds it to the square root of the running mean of squares, torch after that was divided
    by sqrt(1 - beta2^t): so torch is given an epsilon that is divided, too. In the first step it
    is 32 times as large, after a thousand steps 1.26 times.
    """
    for group in optimizer.param_groups:
        group["n_steps"] += 1
        group["eps"] = _ADAM_EPSILON / math.sqrt(1 - group["betas"][1] ** group["n_steps"])


class Schedule:
    """The learning rate over the steps of a training.

    constant; plateau (times 0.1 when the monitored score has not improved by 0.0001 for
    `schedule_epochs`, as Keras' ReduceLROnPlateau); cosine (to 0 over all epochs); warm_restarts
    (cosine over `schedule_epochs`, then twice as long, and so on: Loshchilov and Hutter 2017);
    one_cycle (up over 30 % of the steps, then down: Smith and Topin 2018).
    """

    def __init__(self, optimizer: Optimizer, params: Params, steps_per_epoch: int) -> None:
        self._each_epoch = params.schedule == "plateau"
        n_steps = steps_per_epoch * params.epochs
        kinds: dict[str, Callable[[], lr_scheduler.LRScheduler]] = {
            "constant": lambda: lr_scheduler.ConstantLR(optimizer, factor=1.0),
            "plateau": lambda: lr_scheduler.ReduceLROnPlateau(
                optimizer,
                "max",
                factor=_PLATEAU_FACTOR,
                patience=params.schedule_epochs - 1,
                threshold=_PLATEAU_MIN_DELTA,
                threshold_mode="abs",
                eps=0.0,
            ),
            "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, n_steps),
            "warm_restarts": lambda: lr_scheduler.CosineAnnealingWarmRestarts(
                optimizer, params.schedule_epochs * steps_per_epoch, T_mult=2
            ),
            "one_cycle": lambda: lr_scheduler.OneCycleLR(
                optimizer, params.learning_rate, total_steps=n_steps, cycle_momentum=False
            ),
        }
        self.torch = kinds[params.schedule]()

    def after_step(self) -> None:
        """To be called after every step of the optimiser."""
        if not self._each_epoch:
            self.torch.step()

    def after_epoch(self, score: float) -> None:
        """To be called with the monitored score, more is better, after every epoch."""
        if isinstance(self.torch, lr_scheduler.ReduceLROnPlateau):
            self.torch.step(score)
