"""A policy's steps on whole batches, drawn and computed where the batch lies.

Affine maps and their sampling follow kornia (Riba et al. 2020) to the last bit on the processor,
random stream included; on a GPU nothing waits for it, or is fetched from it.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ferflow.core.image_steps import Step
from ferflow.training.shared.draws import Part, between, chosen, drawn, empty_like
from ferflow.training.shared.policy import AFFINE

_PADDING = {"edge": "border", "reflect": "reflection"}
_ERASED = (0.02, 0.2)  # shares of the image, and height by width (Zhong et al. 2020)
_ASPECTS = (0.3, 3.3)

Size = tuple[int, int]  # height and width in pixels


class Augmentation(nn.Sequential):
    """Steps one after the other."""

    def forward(self, x: Tensor, part: Part | None = None) -> Tensor:
        """Changed copies of images x (n, channels, height, width); part : which of a batch's x is,
        where it is not the whole batch."""
        for step in self:
            x = step(x, part)
        return x


def make_augmentation(steps: Sequence[Step]) -> Augmentation:
    """What draws changed copies of images (n, 1, height, width), grey levels 0 to 1.

    The steps act in this order: flip, affine maps joined into one, brightness (after the grey
    levels are stretched), contrast, erasing. Draws come from torch's stream.
    """
    amounts: dict[str, Any] = {step.name: step.amount for step in steps}
    layers: list[nn.Module] = []
    if "horizontal_flip" in amounts:
        layers.append(_Flip())
    if any(name in amounts for name in AFFINE):
        layers.append(_Affine(amounts))
    if "stretch_levels" in amounts:
        layers.append(_Stretching())
    if "brightness_factors" in amounts:
        layers.append(_Brightness(*amounts["brightness_factors"]))
    if "contrast_factors" in amounts:
        layers.append(_Contrast(*amounts["contrast_factors"]))
    if "erasing_chance" in amounts:
        layers.append(_Erasing(amounts["erasing_chance"]))
    return Augmentation(*layers)


def generator_maps(
    degrees: Tensor, shift: Tensor, shear: Tensor, stretch: Tensor, size: Size
) -> Tensor:
    """From a place in the copy to the place in the image that it shows, (n, 2, 3), x before y.

    As `ImageDataGenerator` joins them: from the copy's place, the stretch, the shear, the shift,
    the rotation, about the image's true centre.

    degrees, shear : (n,) in degrees. shift : (n, 2) in pixels. stretch : (n, 2), above 1 shrinks.
    """
    angle, slant = torch.deg2rad(degrees), torch.deg2rad(shear)
    zero = torch.zeros_like(angle)
    turned = _square(angle.cos(), -angle.sin(), angle.sin(), angle.cos())
    sheared = _square(zero + 1, -slant.sin(), zero, slant.cos())
    linear = turned @ sheared @ torch.diag_embed(stretch)
    centre = _constant(_centre(size), linear.dtype, linear.device)
    offset = centre - linear @ centre + (turned @ shift[:, :, None])[:, :, 0]
    return torch.cat([linear, offset[:, :, None]], dim=2)


def layer_maps(degrees: Tensor, shift: Tensor, shear: Tensor, zoom: Tensor, size: Size) -> Tensor:
    """From a place in the image to its place in the copy, (n, 2, 3), x before y.

    The shear, the zoom (above 1 enlarges), the rotation about the image's centre, then the shift.
    Arguments as in `generator_maps`.
    """
    x, y = _centre(size)
    there = _constant(((1, 0, x), (0, 1, y), (0, 0, 1)), zoom.dtype, zoom.device)
    back = _constant(((1, 0, -x), (0, 1, -y), (0, 0, 1)), zoom.dtype, zoom.device)
    angle, slope = -degrees * (math.pi / 180), torch.tan(shear * (math.pi / 180))
    turned = _homogeneous(
        functional.pad(_square(angle.cos(), angle.sin(), -angle.sin(), angle.cos()), (0, 1))
    )
    zoomed = torch.diag_embed(functional.pad(zoom, (0, 1), value=1.0))
    joined = (there @ turned @ zoomed @ back)[:, :2]
    joined[:, :, 2] += shift
    one, zero = torch.ones_like(slope), torch.zeros_like(slope)
    sheared = torch.stack([one, -slope, slope * y, zero, one, zero], dim=1).view(-1, 2, 3)
    return (_homogeneous(joined) @ _homogeneous(sheared))[:, :2]


def _centre(size: Size) -> tuple[float, float]:
    """x and y."""
    return (size[1] - 1) / 2, (size[0] - 1) / 2


def _square(xx: Tensor, xy: Tensor, yx: Tensor, yy: Tensor) -> Tensor:
    return torch.stack([xx, xy, yx, yy], dim=1).reshape(-1, 2, 2)


@cache
def _constant(values: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """A tensor that is brought to the device once: each time, the host would wait for a GPU."""
    return torch.tensor(values, dtype=dtype, device=device)


def _homogeneous(maps: Tensor) -> Tensor:
    """(n, 2, 3) with the row 0, 0, 1."""
    last = _constant((0.0, 0.0, 1.0), maps.dtype, maps.device).expand(len(maps), 1, 3)
    return torch.cat([maps, last], dim=1)


def _inverse(maps: Tensor) -> Tensor:
    """Of (n, 3, 3), by its columns' cross products: small kernels, and no check to wait for."""
    a, b, c = maps.unbind(dim=2)
    rows = [torch.linalg.cross(*pair, dim=-1) for pair in ((b, c), (c, a), (a, b))]
    inverse: Tensor = torch.stack(rows, dim=1) / (a * rows[0]).sum(-1)[:, None, None]
    return inverse


def _resample(x: Tensor, maps: Tensor, padding: str) -> Tensor:
    """Images moved by maps (n, 3, 3) from a place in the image to its place in the copy."""
    height, width = x.shape[-2:]
    to_unit = _constant(
        (
            (2 / width, 0, (1 - width) / width),
            (0, 2 / height, (1 - height) / height),
            (0, 0, 1),
        ),
        x.dtype,
        x.device,
    )[None]
    m = _inverse(to_unit @ (maps @ _inverse(to_unit)))
    xs, ys = (
        torch.linspace(-1 + 1 / n, 1 - 1 / n, n, device=x.device, dtype=x.dtype)
        for n in (width, height)
    )
    m = m[:, :2, :, None, None]
    grid = m[:, :, 0] * xs[None, None, None, :] + m[:, :, 1] * ys[None, None, :, None] + m[:, :, 2]
    return functional.grid_sample(
        x, grid.permute(0, 2, 3, 1), "bilinear", padding, align_corners=False
    )


class _Flip(nn.Module):
    """The mirror image of half of the images."""

    def forward(self, x: Tensor, part: Part | None = None) -> Tensor:
        return torch.where(chosen(x, part, 0.5), x.flip(-1), x)


class _Affine(nn.Module):
    """Rotation, shift, shear and zoom or stretch, joined into one map for each image."""

    def __init__(self, amounts: dict[str, Any]) -> None:
        super().__init__()
        self._amounts = amounts
        self._padding = _PADDING[amounts.get("fill", "edge")]

    def draw(self, x: Tensor, part: Part | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What `generator_maps` takes: degrees, shift, shear, and stretch or zoom."""
        degrees = self._amounts.get("rotation_degrees", 0.0)
        degrees = between(x, part, -degrees, degrees)
        none = torch.zeros_like(degrees)
        size = none + 1
        factors = torch.stack([size, size], dim=1)
        if share := self._amounts.get("stretch_share"):
            factors = torch.stack([between(x, part, 1 - share, 1 + share) for _ in "xy"], dim=1)
        elif share := self._amounts.get("zoom_share"):
            factors = between(x, part, 1 - share, 1 + share)[:, None].repeat(1, 2)
        shift = torch.stack([none, none], dim=1)
        if share := self._amounts.get("shift_share"):
            sides = (x.shape[-1], x.shape[-2])
            shift = torch.stack([between(x, part, -share, share) * side for side in sides], dim=1)
        shear = none
        if most := self._amounts.get("shear_degrees"):
            shear = between(x, part, -most, most)
            between(x, part, 0, 0)  # kornia draws upright shears, too
        return degrees, shift, shear, factors

    def forward(self, x: Tensor, part: Part | None = None) -> Tensor:
        size = (x.shape[-2], x.shape[-1])
        if "stretch_share" in self._amounts:
            maps = _homogeneous(generator_maps(*self.draw(x, part), size))
            return _resample(x, torch.linalg.inv_ex(maps).inverse, self._padding)
        return _resample(x, _homogeneous(layer_maps(*self.draw(x, part), size)), self._padding)


class _Stretching(nn.Module):
    """Each image's grey levels stretched to 0..1; an image of one level becomes black."""

    def forward(self, x: Tensor, part: Part | None = None) -> Tensor:
        del part  # nothing is drawn
        low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
        return (x - low) / (high - low).clamp(min=torch.finfo(x.dtype).tiny)


class _Brightness(nn.Module):
    """Grey levels times a factor, drawn for each image, and cut off at 0 and 1."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self._low, self._high = low, high

    def forward(self, x: Tensor, part: Part | None = None) -> Tensor:
        factors = drawn(
            lambda n: torch.empty(n, device=x.device).uniform_(self._low, self._high), len(x), part
        )
        return self._adjusted(x, factors[:, None, None, None]).clamp(0, 1)

    def _adjusted(self, x: Tensor, factors: Tensor) -> Tensor:
        return x * factors


class _Contrast(_Brightness):
    """As `_Brightness`, about the image's mean."""

    def _adjusted(self, x: Tensor, factors: Tensor) -> Tensor:
        return x * factors + x.mean((1, 2, 3), keepdim=True) * (1 - factors)


class _Erasing(nn.Module):
    """A rectangle of noise in some of the images; the noise hides that a place was erased."""

    def __init__(self, chance: float) -> None:
        super().__init__()
        self._chance = chance

    def forward(self, x: Tensor, part: Part | None = None) -> Tensor:
        height, width = x.shape[-2:]
        picked = chosen(x, part, self._chance)
        area = between(x, part, *_ERASED) * (height * width)
        wide, tall = between(x, part, _ASPECTS[0], 1), between(x, part, 1, _ASPECTS[1])
        is_wide = between(x, part, 0, 1)
        aspect = torch.where(is_wide.round().bool(), wide, tall)
        heights = (area * aspect).pow(0.5).round().clamp(1, height)
        widths = (area / aspect).pow(0.5).round().clamp(1, width)
        lefts = (between(x, part, 0, 1) * (width - widths + 1)).floor()
        tops = (between(x, part, 0, 1) * (height - heights + 1)).floor()
        erased = picked & _span(tops, heights, height)[:, None, :, None]
        erased = erased & _span(lefts, widths, width)[:, None, None, :]
        noise = drawn(
            lambda n: torch.rand_like(x if part is None else empty_like(x, n)), len(x), part
        )
        return torch.where(erased, noise, x)


def _span(first: Tensor, length: Tensor, n: int) -> Tensor:
    """Which of n places lie in a span, bool (images, n)."""
    places = torch.arange(n, device=first.device)
    return (places >= first[:, None]) & (places < (first + length)[:, None])
