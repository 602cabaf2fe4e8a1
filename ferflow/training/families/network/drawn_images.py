"""The images of a batch as a network learns them: augmented, scaled and, perhaps, mixed of two."""

from typing import Any

import torch
from torch import Tensor

from ferflow.training.families.network.batches import Rows, Scale
from ferflow.training.families.network.losses import draw_mix
from ferflow.training.shared.batch_augmentation import Augmentation
from ferflow.training.shared.draws import Part, again, state_of


class DrawnImages:
    """Images of training rows. In its methods `rows` are a batch's places among them, int64 (n,);
    part : which of these are wanted, None for all."""

    def __init__(self, train: Rows, augment: Augmentation, scale: Scale) -> None:
        self._train, self._augment, self._scale = train, augment, scale

    @torch.no_grad()
    def plain(self, rows: Any, part: Part | None) -> tuple[Tensor, Tensor]:
        """Images (n, channels, side, side) and their classes, as in `Rows`."""
        x, y = self._train.batch(rows if part is None else rows[part.rows])
        return self._scale(self._augment(x, part)), y

    @torch.no_grad()
    def mixed(
        self, rows: Any, part: Part | None, alpha: float
    ) -> tuple[Tensor, Tensor, Tensor, float]:
        """Images mixed of two, the classes of both, and the first's share, as `draw_mix` draws.

        The second images of a part are changed by the same draws as where they are first ones.
        """
        device = self._train.y.device
        before = [] if part is None else state_of(device)
        x, y = self.plain(rows, part)
        share, order = draw_mix(len(rows), alpha, device)
        if part is None:
            return share * x + (1 - share) * x[order], y, y[order], share
        with again(before, device):
            theirs, other = self.plain(rows, Part(part.n, order[part.rows]))
        return share * x + (1 - share) * theirs, y, other, share
