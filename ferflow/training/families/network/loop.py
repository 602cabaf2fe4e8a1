"""The training loop, one for all architectures."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ferflow.core.errors import DataError
from ferflow.training.families.network import Params
from ferflow.training.families.network.averages import make_average, update_average
from ferflow.training.families.network.batches import (
    Rows,
    Scale,
    channels_last,
    is_apart,
    n_batches,
    shuffled_batches,
)
from ferflow.training.families.network.checkpoint import (
    optimizer_tensors,
    pack,
    restore_optimizer,
    unpack,
)
from ferflow.training.families.network.data_parallel import Ranks, SharedNetwork
from ferflow.training.families.network.drawn_images import DrawnImages
from ferflow.training.families.network.losses import Loss
from ferflow.training.families.network.optimizers import Schedule, make_optimizer
from ferflow.training.families.network.scores import accuracy, f1_macro
from ferflow.training.families.network.teachers import Teachers
from ferflow.training.shared.batch_augmentation import make_augmentation
from ferflow.training.shared.fitting import TrainingData

Row = dict[str, float]
_VALIDATED_AT_ONCE = 512  # images, which keep a GPU busy


class Training:
    """A network in training, all of whose state can be taken out and put back.

    Several ranks each have one; they call the same methods, and come to the same state.

    history : a row for each finished epoch. best : the monitored score so far, more is better,
    and its epoch, 1 being the first; the weights of that epoch are kept. computed_on : the device
    and the precision, such as 'cpu bfloat16'. scale : what is done to grey levels first.
    """

    def __init__(
        self,
        network: nn.Module,
        data: TrainingData,
        params: Params,
        *,
        seed: int,
        scale: Scale,
        device: torch.device,
        dtype: torch.dtype,
        teachers: Teachers | None = None,
    ) -> None:
        self._teachers = teachers
        self._params, self._seed, self.scale = params, seed, scale
        self._device, self._dtype = device, dtype
        self.computed_on = f"{device.type} {str(dtype).removeprefix('torch.')}"
        self._train = Rows(data.train.x, data.train.learnt, device)
        self._val = None if data.val is None else Rows(data.val.x, data.val.y, device)
        self._ranks = Ranks()
        self.network = channels_last(network.to(device))
        self._shared = SharedNetwork(self.network, self._ranks)
        self._ema = make_average(self.network, params.ema_decay)
        self._optimizer = make_optimizer(self.network, params)
        steps = n_batches(len(data.train), params.batch_size)
        self._schedule = Schedule(self._optimizer, params, steps)
        self._loss = Loss(params, data.train.y, len(data.train.labels), device)
        self._images = DrawnImages(self._train, make_augmentation(params.policy), scale)
        self._shared.start()
        self.history: list[Row] = []
        self.best: dict[str, float] = {"score": -math.inf, "epoch": 0}
        self._best_weights: dict[str, Tensor] = {}

    @property
    def done(self) -> bool:
        """Whether all epochs are run, or the monitored score has not improved for `patience`."""
        patience = self._params.patience
        stale = len(self.history) - self.best["epoch"]
        return len(self.history) >= self._params.epochs or (
            patience is not None and stale >= patience
        )

    def run_epoch(self, on_batch: Callable[[int], object] = lambda _: None) -> Row:
        """Train for an epoch, validate, keep the weights if they are the best; returns the row.

        on_batch : called with the number of images after each batch. All of an epoch's draws
        follow from the seed and the epoch's number, so that none of them need to be saved. On a
        GPU nothing is waited for until the last batch: a loss that is no number comes out then.
        """
        epoch = len(self.history) + 1
        generator = np.random.default_rng([self._seed, epoch])
        torch.manual_seed(int(generator.integers(2**63)))
        started, rate = time.perf_counter(), self._optimizer.param_groups[0]["lr"]
        total = torch.zeros((), dtype=torch.float64, device=self._device)
        self.network.train()
        n, size = len(self._train), self._params.batch_size
        seen = 0
        for rows in shuffled_batches(n, size, generator, self._device):
            total += self._step(rows)
            seen += len(rows)
            if self._ranks.n == 1 and not is_apart(self._device) and not total.isfinite():
                break
            on_batch(len(rows))
        row: Row = {
            "epoch": epoch,
            "learning_rate": rate,
            "train_loss": float(self._ranks.add(total)) / seen,
        }
        if math.isfinite(row["train_loss"]):
            self._shared.average_statistics(dict.fromkeys([self.network, self.trained]))
            row |= self._validate()
        row, sound = self._ranks.told(lambda: (row, self._sound(row)))
        if not sound:
            raise DataError(self._diverged(epoch))
        self._keep_if_best(row)
        self._schedule.after_epoch(self._score(row))
        about = {"seconds": time.perf_counter() - started}
        if self._ranks.n > 1:
            about |= {"ranks": self._ranks.n, "local_batch_norm": self._shared.local}
        self.history.append(row | about)
        return row

    def _step(self, rows: Any) -> Tensor:
        """One step of the optimiser on a batch; the sum of its images' losses, float64.

        Of several ranks each gives that of its own images.
        """
        part, weight = self._ranks.part(len(rows))
        self._shared.take(part)
        if self._params.mixup:
            x, y, other, share = self._images.mixed(rows, part, self._params.mixup)
            scores = self._scores(x, self._shared.learning)
            loss = self._loss.mixed(scores, y, other, share)
        else:
            x, y = self._images.plain(rows, part)
            scores = self._scores(x, self._shared.learning)
            loss = self._loss(scores, y)
        if self._teachers is not None:
            taught = self._loss.taught(scores, self._teachers(self.scale.undo(x)))
            loss = loss.lerp(taught, self._params.teachers_share)
        self._optimizer.zero_grad(set_to_none=True)
        (loss * weight if part else loss).backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._schedule.after_step()
        if self._ema is not None:
            update_average(self._ema, self.network)
        return loss.detach().double() * (len(y) if weight else 0)

    def _scores(self, x: Tensor, network: nn.Module) -> Tensor:
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            scores: Tensor = network(x)
        return scores.float()

    @torch.inference_mode()
    def _validate(self) -> Row:
        """Loss (plain cross-entropy), accuracy and macro F1 on val, NaN where there is none."""
        val = self._val
        if val is None:
            return dict.fromkeys(("val_loss", "val_accuracy", "val_f1_macro"), math.nan)
        network = self.trained.eval()
        all_scores = torch.zeros(len(val), len(self._loss.weights), device=self._device)
        start, end = self._ranks.span(len(val))
        for first in range(start, end, _VALIDATED_AT_ONCE):
            rows = slice(first, min(first + _VALIDATED_AT_ONCE, end))
            all_scores[rows] = self._scores(self.scale(val.batch(rows)[0]), network)
        scores, y = self._ranks.add(all_scores).cpu(), val.y.cpu()
        named = scores.argmax(dim=1).numpy()
        return {
            "val_loss": float(functional.cross_entropy(scores, y)),
            "val_accuracy": accuracy(y.numpy(), named),
            "val_f1_macro": f1_macro(y.numpy(), named),
        }

    @property
    def trained(self) -> nn.Module:
        """The network that is validated and kept: the moving average where there is one."""
        return self.network if self._ema is None else self._ema.module

    def restore_best(self) -> nn.Module:
        """The network with the weights of the best epoch."""
        self.trained.load_state_dict(self._best_weights)
        return self.trained

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that the next epoch depends on: tensors, and what JSON can hold."""
        tensors = pack("network", self.network.state_dict())
        tensors |= pack("optimizer", optimizer_tensors(self._optimizer))
        tensors |= pack("best", self._best_weights)
        if self._ema is not None:
            tensors |= pack("ema", self._ema.state_dict())
        about = {
            "history": self.history,
            "best": self.best,
            "groups": self._optimizer.state_dict()["param_groups"],
            "schedule": self._schedule.torch.state_dict(),
            "computed_on": self.computed_on,
            "threads": torch.get_num_threads(),
        }
        return tensors, about

    def restore(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Go on from a state."""
        self.network.load_state_dict(unpack("network", tensors))
        restore_optimizer(self._optimizer, unpack("optimizer", tensors), about["groups"])
        self._schedule.torch.load_state_dict(about["schedule"])
        best, ours = unpack("best", tensors), self.trained.state_dict()
        if {k: v.shape for k, v in best.items()} != {k: v.shape for k, v in ours.items()}:
            raise ValueError("its best weights are not of this network")
        self._best_weights = best
        if self._ema is not None:
            self._ema.load_state_dict(unpack("ema", tensors))
        self.history, self.best = about["history"], {k: about["best"][k] for k in self.best}
        self.computed_on = about["computed_on"]

    def _score(self, row: Row) -> float:
        """The monitored score, more is better; without val the latest epoch is the best."""
        if self._val is None:
            return float(row["epoch"])
        name = f"val_{self._params.monitor}"
        return -row[name] if self._params.monitor == "loss" else row[name]

    def _keep_if_best(self, row: Row) -> None:
        score = self._score(row)
        if score > self.best["score"] + self._params.min_delta or not self._best_weights:
            self.best = {"score": score, "epoch": row["epoch"]}
            self._best_weights = {k: v.clone() for k, v in self.trained.state_dict().items()}

    def _sound(self, row: Row) -> bool:
        """Whether all losses were numbers, and the last step, after which none is looked at."""
        watched = ["train_loss"] if self._val is None else ["train_loss", "val_loss"]
        scored = all(math.isfinite(row.get(name, math.nan)) for name in watched)
        return scored and all(bool(t.isfinite().all()) for t in self.trained.state_dict().values())

    def _diverged(self, epoch: int) -> str:
        rate = self._optimizer.param_groups[0]["lr"]
        kept = f"Epoch {epoch - 1}'s weights are kept in the checkpoint" if epoch > 1 else ""
        return (
            f"the loss became NaN or infinite in epoch {epoch}. The learning rate, {rate:.3g}, is "
            f"probably too high. Lower train.network.learning_rate. {kept}".rstrip()
        )
