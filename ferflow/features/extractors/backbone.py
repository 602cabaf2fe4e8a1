"""A frozen, pretrained image network as feature extractor."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ferflow.backbones.channels import planes, to_channels
from ferflow.backbones.devices import pick_device, pick_dtype
from ferflow.backbones.engine import N_COMPARED, NoEngineError, onnx_answer
from ferflow.backbones.pretrained import features_of, load_pretrained
from ferflow.core.face_shape import FaceShape
from ferflow.features.extraction import Extractor
from ferflow.features.params import FeaturesParams

_AT_ONCE = 64  # images: ONNX Runtime is fastest while their maps fit the processor's cache


def make(params: FeaturesParams, face: FaceShape) -> Extractor:
    """The network named by `features.backbone`: a model of the hub or a local folder.

    Feature shape: (height, width, channel) with pooling 'flatten', (channel,) with 'avg', for
    networks with maps; (token, channel) and (channel,) for vision transformers.
    Raises ParamError if the device is not there or the local folder is not the one that
    params.yaml was written for, DataError if the network cannot be loaded.
    """
    device = pick_device(params.device, "features.device")
    loaded = load_pretrained(
        params.backbone,
        params.backbone_sha256,
        "features.backbone",
        size=params.input_size,
        size_key="features.input_size",
    )
    frozen = loaded.network.to(device, memory_format=torch.channels_last)
    network = _Features(frozen, params.pooling)
    mean, std = loaded.mean.to(device), loaded.std.to(device)
    dtype = pick_dtype(params.precision, device)

    def prepare(images: NDArray[np.uint8]) -> Tensor:
        x = planes(torch.from_numpy(np.array(images)).to(device)).float()  # (n, channel, ...)
        if x.shape[-1] != params.input_size:
            x = functional.interpolate(x, (params.input_size,) * 2, mode="bilinear")
        return (to_channels(x, len(mean)) / 255 - mean) / std

    @torch.inference_mode()
    def by_torch(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        x = prepare(images).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            features: Tensor = network(x)[0]
        return features.cpu().numpy()

    kind = f"torch, {str(dtype).removeprefix('torch.')} on {device.type}"
    shape = tuple(by_torch(np.zeros((1, *face.array), np.uint8)).shape[1:])
    in_full = device.type == "cpu" and dtype == torch.float32
    faster = _by_onnx(network, prepare, shape, params.batch_size) if in_full else None
    return Extractor(by_torch, shape, params.batch_size, kind, faster)


class _Features(nn.Module):
    """From an input of the network, (n, channel, height, width), to the features (n, ...)."""

    def __init__(self, network: Any, pooling: str) -> None:
        super().__init__()
        self.network, self.pooling = network, pooling

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (features_of(self.network, x, self.pooling).float().contiguous(),)


def _by_onnx(
    network: nn.Module,
    prepare: Callable[[NDArray[np.uint8]], Tensor],
    shape: tuple[int, ...],
    batch_size: int,
) -> Callable[[NDArray[np.uint8]], Extractor | None]:
    """What makes the extractor through ONNX Runtime, if it agrees with torch on some images."""

    def faster(images: NDArray[np.uint8]) -> Extractor | None:
        try:
            answer, words = onnx_answer(network, prepare(images[:N_COMPARED]))
        except NoEngineError as reason:
            print(f"features.backbone: computed by torch; {reason}")
            return None

        def extract(images: NDArray[np.uint8]) -> NDArray[np.float32]:
            starts = range(0, len(images), _AT_ONCE)
            return np.concatenate([answer(prepare(images[i : i + _AT_ONCE])) for i in starts])

        print(f"features.backbone: computed by ONNX Runtime, {words}")
        return Extractor(extract, shape, batch_size, "ONNX Runtime, float32")

    return faster
