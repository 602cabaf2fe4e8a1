"""The exponential moving average of a network's weights, and of batch norm's statistics."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def make_average(network: nn.Module, decay: float | None) -> AveragedModel | None:
    """The average at its beginning; None for none. decay : per step, 0 to 1."""
    if decay is None:
        return None
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=average, use_buffers=True)


@torch.no_grad()
def update_average(ema: AveragedModel, network: nn.Module) -> None:
    """As `update_parameters`, which brings the number of steps to a GPU at every one."""
    assert ema.multi_avg_fn is not None
    steps = int(ema.n_averaged)  # it lies on the processor
    ours, theirs = ([*m.parameters(), *m.buffers()] for m in (ema.module, network))
    for dtype in {tensor.dtype for tensor in ours}:
        kept = [k for k, tensor in enumerate(ours) if tensor.dtype == dtype]
        mine, new = ([tensors[k] for k in kept] for tensors in (ours, theirs))
        if steps:
            ema.multi_avg_fn(mine, new, steps)
        else:
            torch._foreach_copy_(mine, new)
    ema.n_averaged += 1
