"""A frozen, pretrained image network as feature extractor."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ferflow.backbones.channels import planes, to_channels
from ferflow.backbones.devices import pick_device, pick_dtype
from ferflow.backbones.pretrained import load_pretrained, map_features
from ferflow.core.face_shape import FaceShape
from ferflow.features.extraction import Extractor
from ferflow.features.params import FeaturesParams


def make(params: FeaturesParams, face: FaceShape) -> Extractor:
    """The network named by `features.backbone`: a model of the hub or a local folder.

    Feature shape: (height, width, channel) with pooling 'flatten', (channel,) with 'avg', for
    networks with maps; (token, channel) and (channel,) for vision transformers.
    Raises ParamError where the device is not there or the local folder is not the one that
    params.yaml was written for, DataError where the network cannot be loaded.
    """
    device = pick_device(params.device, "features.device")
    loaded = load_pretrained(params.backbone, params.backbone_sha256, "features.backbone")
    network = loaded.network.to(device, memory_format=torch.channels_last)
    mean, std = loaded.mean.to(device), loaded.std.to(device)
    dtype = pick_dtype(params.precision, device)

    @torch.inference_mode()
    def extract(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        x = planes(torch.from_numpy(np.array(images)).to(device)).float()  # (n, channel, ...)
        if x.shape[-1] != params.input_size:
            x = functional.interpolate(x, (params.input_size,) * 2, mode="bilinear")
        x = (to_channels(x, len(mean)) / 255 - mean) / std
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            maps = map_features(network(pixel_values=x)).float()
        pooled = maps.flatten(1, -2).mean(dim=1) if params.pooling == "avg" else maps.contiguous()
        return pooled.cpu().numpy()

    shape = extract(np.zeros((1, *face.array), np.uint8)).shape[1:]
    return Extractor(extract, tuple(shape), params.batch_size)
