"""A policy's steps on whole batches, by kornia (Riba et al. 2020)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from kornia import augmentation, enhance
from torch import Tensor, nn

from ferflow.training.shared.policy import Step

_AFFINE = ("rotation", "shift", "zoom", "shear")
_ERASED = (0.02, 0.2)  # shares of the image (Zhong et al. 2020)


def make_augmentation(steps: Sequence[Step]) -> Callable[[Tensor], Tensor]:
    """What draws changed copies of images (n, 1, height, width), grey levels 0 to 1.

    Places that come from outside an image repeat its nearest edge pixel. The steps act in this
    order: flip, affine maps joined into one, brightness, contrast, erasing. Draws come from torch's
    stream.
    """
    amounts: dict[str, Any] = {step.name: step.amount for step in steps}
    layers: list[nn.Module] = []
    if "horizontal_flip" in amounts:
        layers.append(augmentation.RandomHorizontalFlip(p=0.5))
    if affine := {name: amounts[name] for name in _AFFINE if name in amounts}:
        layers.append(_affine(affine))
    # Not kornia's RandomBrightness and RandomContrast: the first adds, the second multiplies.
    for name, adjust in (
        ("brightness", enhance.adjust_brightness_accumulative),
        ("contrast", enhance.adjust_contrast_with_mean_subtraction),
    ):
        if name in amounts:
            layers.append(_Adjusting(adjust, *amounts[name]))
    if "erasing" in amounts:
        layers.append(_Erasing(amounts["erasing"]))
    return nn.Sequential(*layers)


def _affine(amounts: dict[str, float]) -> nn.Module:
    shift, zoom = amounts.get("shift", 0.0), amounts.get("zoom", 0.0)
    slope = torch.rad2deg(torch.atan(torch.tensor(amounts.get("shear", 0.0)))).item()
    affine: nn.Module = augmentation.RandomAffine(
        degrees=amounts.get("rotation", 0.0),
        translate=(shift, shift) if shift else None,
        scale=(1 - zoom, 1 + zoom) if zoom else None,
        shear=(-slope, slope) if slope else None,
        padding_mode="border",
        p=1.0,
    )
    return affine


class _Adjusting(nn.Module):
    """Grey levels adjusted by a factor, drawn for each image, and cut off at 0 and 1."""

    def __init__(self, adjust: Callable[[Tensor, Tensor], Tensor], low: float, high: float) -> None:
        super().__init__()
        self._adjust, self._low, self._high = adjust, low, high

    def forward(self, x: Tensor) -> Tensor:
        factors = torch.empty(len(x), device=x.device).uniform_(self._low, self._high)
        return self._adjust(x, factors)


class _Erasing(nn.Module):
    """A rectangle of noise in some of the images; the noise hides that a place was erased."""

    def __init__(self, chance: float) -> None:
        super().__init__()
        self._erase = augmentation.RandomErasing(p=chance, scale=_ERASED, value=0.0)

    def forward(self, x: Tensor) -> Tensor:
        kept: Tensor = self._erase(torch.ones_like(x))
        return torch.where(kept > 0, x, torch.rand_like(x))
