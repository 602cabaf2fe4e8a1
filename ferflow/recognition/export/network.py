"""Networks as ONNX graphs: faces go in; probabilities come out, and where the network looked."""

from collections.abc import Sequence
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from ferflow.backbones.channels import planes
from ferflow.backbones.onnx_graph import to_graph
from ferflow.backbones.pretrained import map_features
from ferflow.core.face_shape import FaceShape
from ferflow.recognition.onnx_model import INPUT, MAP, OUTPUT
from ferflow.training.families.network.backbones import BackboneClassifier
from ferflow.training.families.network.files import TrainedNetwork
from ferflow.training.families.network.layers import AveragePool


def network_graph(model: TrainedNetwork) -> onnx.ModelProto:
    """The graph of a network on pixels; of one that ends in a mean over places with its maps."""
    shape = FaceShape(model.side, "grey" if model.channels == 1 else "rgb")
    return trace(_Network(model), [OUTPUT, MAP], shape)


def trace(module: nn.Module, outputs: Sequence[str], shape: FaceShape) -> onnx.ModelProto:
    """A module as an ONNX graph from any number of faces, uint8 (n, *shape.array).

    outputs : names for the tensors that it returns; it may return fewer.
    """
    two = torch.zeros(2, *shape.array, dtype=torch.uint8)
    return to_graph(module, two, INPUT, outputs)


class _Network(nn.Module):
    """A network with what is done to grey levels before it, and to its scores behind it."""

    def __init__(self, model: TrainedNetwork) -> None:
        super().__init__()
        self.network, self.scale = model.network, model.scale

    def forward(self, faces: Tensor) -> tuple[Tensor, ...]:
        """Faces -> probabilities (n, n_classes).

        And, if there are such maps, what each place adds to each class's score, (n, n_classes,
        height, width): class activation maps (Zhou et al., CVPR 2016).
        """
        images = planes(faces).float() / 255
        averaged: list[Tensor] = []
        hook, dense = _note_averaged(self.network, averaged)
        scores = self.network(self.scale(images))
        if hook is not None:
            hook.remove()
        probabilities = torch.softmax(scores, dim=1)
        if dense is None or not averaged or averaged[0].shape[1:3].numel() < 2:
            return (probabilities,)
        maps = averaged[0] @ dense.weight.T
        return probabilities, maps.permute(0, 3, 1, 2)


def _note_averaged(network: nn.Module, averaged: list[Tensor]) -> tuple[Any, nn.Linear | None]:
    """Have the maps (n, height, width, channel) that a network averages put into `averaged`.

    Returns what ends that, and the dense layer behind the mean; Nones where the network ends
    otherwise.
    """
    if isinstance(network, BackboneClassifier):

        def note_output(_: nn.Module, __: Any, output: Any) -> None:
            if (maps := map_features(output)).ndim == 4:  # not tokens
                averaged.append(maps)

        return network.backbone.register_forward_hook(note_output), network.head
    *_, pool, dense = network.children()
    if isinstance(pool, AveragePool) and isinstance(dense, nn.Linear):

        def note_input(_: nn.Module, inputs: tuple[Tensor]) -> None:
            averaged.append(inputs[0].permute(0, 2, 3, 1))

        return pool.register_forward_pre_hook(note_input), dense
    return None, None
