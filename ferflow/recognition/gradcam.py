"""What spoke for a class in a network in torch: Grad-CAM (Selvaraju et al., ICCV 2017)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ferflow.core.masks import select_columns
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.training.shared.family import family_module


def maps_of(
    classifier: FaceClassifier, faces: NDArray[np.uint8], classes: Sequence[int]
) -> NDArray[np.float32] | None:
    """Maps (n, height, width) of what spoke for and against a class on each face.

    None for a classifier that is not a network, or has no convolutions. A family of networks
    offers `as_network(model, x)`: the torch module, which gives class scores, and the input that it
    makes of the selected features x (n, d).
    """
    family = cast(Any, family_module(classifier.classifier.family))
    if not hasattr(family, "as_network"):
        return None
    x = select_columns(classifier.features(faces), classifier.classifier.mask)
    network, batch = family.as_network(classifier.classifier.model, x)
    return grad_cam(network, batch, classes)


def grad_cam(
    network: nn.Module, batch: Tensor, classes: Sequence[int]
) -> NDArray[np.float32] | None:
    """Grad-CAM maps (n, height, width), before its ReLU, of a network of scores (n, n_classes).

    The maps are those of the last layer with the resolution of the last convolution, which
    takes in the normalisation and the activation behind it. None if nothing has two places.
    """
    network.eval()
    with torch.enable_grad(), _record_maps(network) as recorded:
        scores = network(batch.detach().clone().requires_grad_())
        maps = _last_maps(recorded)
        if maps is None:
            return None
        chosen = scores[torch.arange(len(classes)), torch.as_tensor(classes)]
        (gradient,) = torch.autograd.grad(chosen.sum(), maps)
    weights = gradient.float().mean(dim=(2, 3), keepdim=True)  # (n, channel, 1, 1)
    spoke: NDArray[np.float32] = (weights * maps.float()).sum(dim=1).detach().cpu().numpy()
    return spoke


@contextmanager
def _record_maps(network: nn.Module) -> Iterator[list[tuple[nn.Module, Tensor]]]:
    """Collects (layer, output) of the layers with maps of several places, in order of running."""
    recorded: list[tuple[nn.Module, Tensor]] = []

    def note(layer: nn.Module, _: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2:].numel() > 1:
            recorded.append((layer, output))

    layers = [layer for layer in network.modules() if not list(layer.children())]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def _last_maps(recorded: list[tuple[nn.Module, Tensor]]) -> Tensor | None:
    convolved = [maps for layer, maps in recorded if isinstance(layer, nn.Conv2d)]
    if not convolved:
        return None
    resolution = convolved[-1].shape[2:]
    return [maps for _, maps in recorded if maps.shape[2:] == resolution][-1]
