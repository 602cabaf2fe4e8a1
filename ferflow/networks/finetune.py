"""`finetune`: a pretrained image network of `transformers`, trained further end to end."""

from typing import Any

import torch
from pydantic import Field
from torch import nn
from transformers import AutoConfig, AutoModel

from ferflow.params import Record
from ferflow.pretrained import load_pretrained
from ferflow.train.network.backbones import BackboneClassifier
from ferflow.train.network.options import Share


class Options(Record):
    """backbone : a model of the Hugging Face hub, or a local folder in the format of
    `transformers`, whose fingerprint backbone_sha256 `ferflow use` writes.
    input_size : pixels to which faces are scaled. dropout : before the dense layer."""

    backbone: str = "google/mobilenet_v2_1.0_224"
    backbone_sha256: str | None = None
    input_size: int = Field(96, ge=16, le=512)
    dropout: Share = 0.2


def build(n_classes: int, options: Options) -> nn.Module:
    """From grey images (n, 1, height, width), 0 to 1, to class scores (n, n_classes)."""
    key = "train.network.options.backbone"
    loaded = load_pretrained(options.backbone, options.backbone_sha256, key)
    return _with_head(loaded.network, n_classes, options, loaded.mean, loaded.std)


def rebuild(n_classes: int, options: Options, config: dict[str, Any]) -> nn.Module:
    """The same network from its configuration, for weights that were trained; needs no folder."""
    kind = config["model_type"]
    rest = {key: value for key, value in config.items() if key != "model_type"}
    backbone = AutoModel.from_config(AutoConfig.for_model(kind, **rest))
    channels = getattr(backbone.config, "num_channels", 3)
    blank = torch.zeros(channels, 1, 1)
    return _with_head(backbone, n_classes, options, blank, blank + 1)


def _with_head(
    backbone: Any, n_classes: int, options: Options, mean: torch.Tensor, std: torch.Tensor
) -> nn.Module:
    return BackboneClassifier(
        backbone,
        n_classes,
        input_size=options.input_size,
        dropout=options.dropout,
        mean=mean,
        std=std,
    )
