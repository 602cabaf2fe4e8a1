"""`finetune`: a pretrained image network of `transformers`, trained further end to end."""

from typing import TYPE_CHECKING

from pydantic import Field

from ferflow.core.params import Record
from ferflow.training.families.network import Share

if TYPE_CHECKING:  # torch takes a second; only who builds a network needs it
    from torch import nn


class Options(Record):
    """backbone : a model of the Hugging Face hub, or a local folder in the format of
    `transformers`, whose fingerprint backbone_sha256 `ferflow use` writes.
    input_size : pixels to which faces are scaled.
    dropout : before the dense layer.
    keep_statistics : whether batch norm keeps the means and variances of the pretraining. It must
    where they were folded into the convolutions (all of them 0 and 1): normalised by a batch
    these lose their scale, and after shifts of -4 and less nothing passes the last ReLU."""

    backbone: str = "google/mobilenet_v2_1.0_224"
    backbone_sha256: str | None = None
    input_size: int = Field(96, ge=16, le=512)
    dropout: Share = 0.2
    keep_statistics: bool = True


def build(n_classes: int, options: Options, channels: int = 1) -> "nn.Module":
    """From images (n, channels, height, width), 0 to 1, to class scores (n, n_classes).

    Raises ParamError and DataError for what is not an image backbone.
    """
    from ferflow.backbones.pretrained import load_pretrained
    from ferflow.training.families.network.backbones import BackboneClassifier

    del channels  # the backbone has its own
    loaded = load_pretrained(
        options.backbone,
        options.backbone_sha256,
        "train.network.options.backbone",
        size=options.input_size,
        size_key="train.network.options.input_size",
    )
    return BackboneClassifier(
        loaded.network,
        n_classes,
        input_size=options.input_size,
        dropout=options.dropout,
        mean=loaded.mean,
        std=loaded.std,
        keep_statistics=options.keep_statistics,
    )
