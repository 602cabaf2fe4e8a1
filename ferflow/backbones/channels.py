"""Grey and colour faces as tensors, in the channels that a network takes."""

import torch
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601, as OpenCV's grey


def planes(faces: Tensor) -> Tensor:
    """Faces (n, height, width) or RGB (n, height, width, 3) with their channels before the rows."""
    return faces.unsqueeze(1) if faces.ndim == 3 else faces.permute(0, 3, 1, 2)


def to_channels(x: Tensor, n_channels: int) -> Tensor:
    """Images (n, 1 or 3, height, width) with that number of channels.

    Grey levels are repeated; of colours the luma is taken where one channel is wanted.
    """
    if x.shape[1] == 1 or n_channels == x.shape[1]:
        return x.expand(-1, n_channels, -1, -1)
    luma = torch.tensor(_LUMA, dtype=x.dtype, device=x.device)
    return (x * luma[:, None, None]).sum(dim=1, keepdim=True).expand(-1, n_channels, -1, -1)
