"""A network's training shared by ranks: each computes its rows' gradients, all take the same step.

A batch is that of one process: its rows are dealt to the ranks, and what is drawn for it is drawn
for the whole of it by each. So results are those of one process but for rounding, if batch norm,
where the network has it, takes its statistics of the whole batch.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from ferflow.core.errors import DataError, ParamError
from ferflow.training.families.network.layers import BiasedVariance
from ferflow.training.shared.draws import Part, drawn, empty_like

_FEWEST = 2  # rows: batch norm cannot learn from one


class Ranks:
    """The processes that train together; only this one, number 0 of 1, where there is no other."""

    def __init__(self) -> None:
        together = distributed.is_available() and distributed.is_initialized()
        self.n: int = distributed.get_world_size() if together else 1
        self.number: int = distributed.get_rank() if together else 0

    def part(self, n_rows: int) -> tuple[Part | None, float]:
        """The rows of a batch that are this rank's, and what its mean loss counts in the ranks'.

        None for all of them. In a batch of fewer than two rows for each rank some get rows that
        another has, and count 0.
        """
        if self.n == 1:
            return None, 1.0
        at_work = min(self.n, n_rows // _FEWEST)
        if self.number >= at_work:
            return Part(n_rows, slice(0, _FEWEST)), 0.0
        start, end = (n_rows * (self.number + k) // at_work for k in (0, 1))
        return Part(n_rows, slice(start, end)), self.n * (end - start) / n_rows

    def span(self, n_rows: int) -> tuple[int, int]:
        """First row and end of this rank's share of rows that are scored."""
        return n_rows * self.number // self.n, n_rows * (self.number + 1) // self.n

    def add(self, values: Tensor) -> Tensor:
        """The sum over the ranks, in place."""
        if self.n > 1:
            distributed.all_reduce(values)
        return values

    def told(self, make: Callable[[], Any]) -> Any:
        """What rank 0 makes, something that JSON holds; the others wait for it."""
        if self.n == 1:
            return make()
        text = json.dumps(make()) if self.number == 0 else ""
        return json.loads(self._sent(text.encode()))

    def told_tensors(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rank 0's tensors."""
        return tensors if self.n == 1 else load(self._sent(save(tensors) if tensors else b""))

    def check_same(self, about: Any) -> None:
        """DataError where this rank is about to train something else than rank 0."""
        if self.told(lambda: about) != json.loads(json.dumps(about)):
            raise DataError(
                f"rank {self.number} has another params.yaml, other code, other rows of train or "
                "val, another torch or another device than rank 0. All machines need the same."
            )

    def _sent(self, content: bytes) -> bytes:
        size = torch.tensor([len(content)])
        distributed.broadcast(size, 0)
        bytes_ = torch.zeros(int(size), dtype=torch.uint8)
        if self.number == 0:
            bytes_ = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        distributed.broadcast(bytes_, 0)
        return bytes_.numpy().tobytes()


class SharedNetwork:
    """A network that the ranks train: `learning` is it, giving gradients averaged over them.

    local : whether batch norm takes each rank's own rows' statistics.
    """

    def __init__(self, network: nn.Module, ranks: Ranks) -> None:
        self._ranks, self._network = ranks, network
        self.learning, self.local = network, False
        self._shared: list[Any] = []
        if ranks.n == 1:
            return
        device = next(network.parameters()).device
        if device.type == "cuda":
            _synchronise(network)
        self.local = bool(batch_norms(network)) and device.type != "cuda"
        _share_dropout(network)
        self._shared = [layer for layer in network.modules() if hasattr(layer, "part")]

    def start(self) -> None:
        """Have gradients averaged from here on; all ranks begin with rank 0's weights."""
        if self._ranks.n > 1:
            self.learning = DistributedDataParallel(
                self._network, forward_sync_buffers=False, static_graph=True
            )

    def take(self, part: Part | None) -> None:
        """To be called before each step: which of the batch's rows the network will be given."""
        for layer in self._shared:
            layer.part = part

    def average_statistics(self, networks: Iterable[nn.Module]) -> None:
        """Where batch norm is local, the ranks' mean running statistics for all of them."""
        if self.local:
            for buffer in (b for network in networks for b in network.buffers()):
                if buffer.is_floating_point():
                    buffer.copy_(self._ranks.add(buffer.clone()) / self._ranks.n)


def check_batch_norm(network: nn.Module, device: torch.device, allowed: bool) -> None:
    """ParamError where results would depend on the number of ranks; `allowed`: they may."""
    n = Ranks().n
    if n > 1 and device.type != "cuda" and batch_norms(network) and not allowed:
        raise ParamError(
            f"the network has batch norm. On processors each of the {n} processes would use the "
            "statistics of its own rows, so results would depend on their number. Legal: one "
            "process; a network without batch norm; GPUs; or compute.allow_local_batch_norm: true, "
            "which metrics/train.json then names."
        )


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """The layers that take a batch's statistics in training: not those that keep theirs."""
    network.train()
    return [
        layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.training
    ]


class _Dropout(nn.Module):
    """A dropout whose mask is drawn for the whole batch."""

    def __init__(self, whole: nn.Dropout) -> None:
        super().__init__()
        self.whole = whole
        self.part: Part | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        if not self.training or self.part is None:
            whole: Tensor = self.whole(x)
            return whole
        mask = drawn(lambda n: self.whole(empty_like(x.detach(), n).fill_(1)), len(x), self.part)
        return x * mask


class _SyncNorm(BiasedVariance, nn.SyncBatchNorm):
    """Keras' batch norm with the statistics of all ranks' rows."""

    part: Part | None = None

    def n_values(self, x: Tensor) -> int:
        """How many the whole batch has for a channel."""
        rows = len(x) if self.part is None else self.part.n
        return rows * (x.numel() // (len(x) * x.shape[1]))


def _share_dropout(network: nn.Module) -> None:
    for parent, name, layer in _layers(network):
        if isinstance(layer, nn.Dropout) and layer.p:
            setattr(parent, name, _Dropout(layer))


def _synchronise(network: nn.Module) -> None:
    taken = {id(layer) for layer in batch_norms(network)}
    for parent, name, layer in _layers(network):
        if isinstance(layer, _BatchNorm) and id(layer) in taken:
            kind = _SyncNorm if isinstance(layer, BiasedVariance) else nn.SyncBatchNorm
            sizes = layer.num_features, layer.eps, layer.momentum
            new = kind(*sizes, layer.affine, layer.track_running_stats)
            new.load_state_dict(layer.state_dict())
            setattr(parent, name, new.to(next(network.parameters()).device))


def _layers(network: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    """Every layer with its place."""
    found = [(parent, *item) for parent in network.modules() for item in parent.named_children()]
    yield from found
