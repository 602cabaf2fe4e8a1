"""A policy's steps on whole batches, by kornia (Riba et al. 2020)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from kornia import augmentation, enhance
from torch import Tensor, nn

from ferflow.core.image_steps import Step

_AFFINE = ("rotation_degrees", "shift_share", "zoom_share", "stretch_share", "shear_degrees")
_PADDING = {"edge": "border", "reflect": "reflection"}
_ERASED = (0.02, 0.2)  # shares of the image (Zhong et al. 2020)


def make_augmentation(steps: Sequence[Step]) -> Callable[[Tensor], Tensor]:
    """What draws changed copies of images (n, 1, height, width), grey levels 0 to 1.

    The steps act in this order: flip, affine maps joined into one, brightness (after the grey
    levels are stretched), contrast, erasing. Draws come from torch's stream.
    """
    amounts: dict[str, Any] = {step.name: step.amount for step in steps}
    layers: list[nn.Module] = []
    if "horizontal_flip" in amounts:
        layers.append(augmentation.RandomHorizontalFlip(p=0.5))
    if any(name in amounts for name in _AFFINE):
        layers.append(_affine(amounts))
    if "stretch_levels" in amounts:
        layers.append(_Stretching())
    # Not kornia's RandomBrightness and RandomContrast: the first adds, the second multiplies.
    for name, adjust in (
        ("brightness_factors", enhance.adjust_brightness_accumulative),
        ("contrast_factors", enhance.adjust_contrast_with_mean_subtraction),
    ):
        if name in amounts:
            layers.append(_Adjusting(adjust, *amounts[name]))
    if "erasing_chance" in amounts:
        layers.append(_Erasing(amounts["erasing_chance"]))
    return nn.Sequential(*layers)


def generator_maps(
    degrees: Tensor, shift: Tensor, shear: Tensor, stretch: Tensor, size: tuple[int, int]
) -> Tensor:
    """From a place in the copy to the place in the image that it shows, (n, 2, 3), x before y.

    As `ImageDataGenerator` joins them: from the copy's place, the stretch, the shear, the shift,
    the rotation, about the image's true centre.

    degrees, shear : (n,) in degrees. shift : (n, 2) in pixels. stretch : (n, 2), above 1 shrinks.
    size : height and width.
    """
    angle, slant = torch.deg2rad(degrees), torch.deg2rad(shear)
    zero = torch.zeros_like(angle)
    turned = _square(angle.cos(), -angle.sin(), angle.sin(), angle.cos())
    sheared = _square(zero + 1, -slant.sin(), zero, slant.cos())
    linear = turned @ sheared @ torch.diag_embed(stretch)
    centre = torch.tensor([(size[1] - 1) / 2, (size[0] - 1) / 2]).to(linear)
    offset = centre - linear @ centre + (turned @ shift[:, :, None])[:, :, 0]
    return torch.cat([linear, offset[:, :, None]], dim=2)


def _square(xx: Tensor, xy: Tensor, yx: Tensor, yy: Tensor) -> Tensor:
    return torch.stack([xx, xy, yx, yy], dim=1).reshape(-1, 2, 2)


def _affine(amounts: dict[str, Any]) -> nn.Module:
    shift, shear = amounts.get("shift_share", 0.0), amounts.get("shear_degrees", 0.0)
    stretched = "stretch_share" in amounts
    share = amounts.get("stretch_share" if stretched else "zoom_share", 0.0)
    bounds = (1 - share, 1 + share) * (2 if stretched else 1)  # of each axis, or of both
    affine: nn.Module = (_GeneratorAffine if stretched else augmentation.RandomAffine)(
        degrees=amounts.get("rotation_degrees", 0.0),
        translate=(shift, shift) if shift else None,
        scale=bounds if share else None,
        shear=(-shear, shear) if shear else None,
        padding_mode=_PADDING[amounts.get("fill", "edge")],
        p=1.0,
    )
    return affine


class _GeneratorAffine(augmentation.RandomAffine):  # type: ignore[misc]
    """kornia's draws, joined as Keras' ImageDataGenerator joins them (`generator_maps`).

    kornia stretches the image before it turns it, along the face's own axes.
    """

    def compute_transformation(
        self,
        input: Tensor,
        params: dict[str, Tensor],
        flags: dict[str, Any],  # noqa: ARG002
    ) -> Tensor:
        """The maps from the image to the copy, (n, 3, 3), that kornia inverts."""
        names = ("angle", "translations", "shear_x", "scale")
        angle, shift, shear, stretch = (params[name].to(input) for name in names)
        size = (input.shape[-2], input.shape[-1])
        maps = generator_maps(angle, shift, shear, stretch, size)
        last = torch.tensor([0.0, 0.0, 1.0]).to(maps).expand(len(maps), 1, 3)
        inverse: Tensor = torch.linalg.inv(torch.cat([maps, last], dim=1))
        return inverse


class _Stretching(nn.Module):
    """Each image's grey levels stretched to 0..1; an image of one level becomes black."""

    def forward(self, x: Tensor) -> Tensor:
        low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
        return (x - low) / (high - low).clamp(min=torch.finfo(x.dtype).tiny)


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
