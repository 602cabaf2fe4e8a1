"""Losses: cross-entropy and focal, with class weights, label smoothing and mixed labels."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ferflow.training.families.network import Params


class Loss:
    """Mean loss of a batch.

    Cross-entropy's mean is weighted, as in Keras: the sum of the images' weighted losses is
    divided by the number of images. Focal loss: Lin et al. 2017, equation 5.
    """

    def __init__(
        self, params: "Params", y: NDArray[np.int64], n_classes: int, device: torch.device
    ) -> None:
        """y : the training rows' classes, for balanced weights n / (classes present * count)."""
        self._params = params
        weights = torch.ones(n_classes)
        if params.class_weight == "balanced":
            present, counts = np.unique(y, return_counts=True)
            found = len(y) / (len(present) * counts.astype(np.float64))
            weights[torch.from_numpy(present)] = torch.from_numpy(found).float()
        self.weights = weights.to(device)

    def __call__(self, scores: Tensor, y: Tensor) -> Tensor:
        """scores : float32 (n, n_classes). y : classes (n,), or shares of them (n, n_classes).

        With shares both losses and the weights are the means over an image's classes by its shares.
        """
        soft = y.ndim == 2
        if self._params.loss == "focal":
            log_p = functional.log_softmax(scores, 1)
            each = -((1 - log_p.exp()) ** self._params.focal_gamma) * log_p
            losses = (each * y).sum(1) if soft else each.gather(1, y[:, None])[:, 0]
        else:
            losses = functional.cross_entropy(
                scores, y, reduction="none", label_smoothing=self._params.label_smoothing
            )
        return (losses * (y @ self.weights if soft else self.weights[y])).mean()

    def taught(self, scores: Tensor, p: Tensor) -> Tensor:
        """Cross-entropy with teachers' probabilities p (n, n_classes) at the temperature T.

        T**2 keeps its gradients' size (Hinton et al. 2015, section 2).
        """
        t = self._params.teachers_temperature
        return functional.cross_entropy(scores / t, p) * t**2

    def mixed(self, scores: Tensor, y: Tensor, other: Tensor, share: float) -> Tensor:
        """The loss of images mixed of two (Zhang et al. 2018): share of y, the rest of other."""
        return share * self(scores, y) + (1 - share) * self(scores, other)


def draw_mix(n: int, alpha: float, device: torch.device) -> tuple[float, Tensor]:
    """The first images' share in n mixed ones, and which image each is mixed with, int64 (n,).

    The share is drawn from Beta(alpha, alpha), once a batch.
    """
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    return share, torch.randperm(n, device=device)
