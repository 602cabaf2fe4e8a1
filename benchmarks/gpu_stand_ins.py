"""What `benchmarks/gpu.py` puts in the place of packages that the usual GPU image lacks.

The training's own modules run as they are. Of pydantic only what holds values is here: `pack`
checked them at home. Of transformers only the residual network of the architecture `resnet`;
tests/test_gpu.py compares both with the real ones. YAML is not read there, and no bars are shown.
"""

import inspect
import sys
from contextlib import nullcontext
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

_NEEDED = object()  # the default of a key that has none


def install() -> None:
    """Put them in place; to be called before anything of ferflow is imported."""
    modules: dict[str, dict[str, Any]] = {
        "pydantic": {
            "BaseModel": BaseModel,
            "ConfigDict": dict,
            "Field": lambda default=_NEEDED, **_: default,
            "ValidationError": ValueError,
            "field_validator": _as_it_is,
            "model_validator": _as_it_is,
        },
        "pydantic_core": {"ErrorDetails": dict},
        "ferflow.core.progress": {"progress_bytes": lambda *_: nullcontext(lambda _: None)},
        "ferflow.core.yaml_text": {"parse_yaml": None},
        "transformers": {
            "AutoModel": None,
            "ResNetConfig": ResNetConfig,
            "ResNetModel": ResNetModel,
        },
        "transformers.utils": {"cached_file": None, "logging": None},
    }
    for name, content in modules.items():
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(content)


def _as_it_is(*_: Any, **__: Any) -> Any:
    """A decorator that leaves a check out."""
    return lambda function: function


class BaseModel:
    """A record of checked values."""

    model_fields: dict[str, Any] = {}  # noqa: RUF012  (pydantic's own name)

    def __init_subclass__(cls) -> None:
        cls.model_fields = cls.model_fields | inspect.get_annotations(cls)

    @classmethod
    def model_validate(cls, values: dict[str, Any]) -> Any:
        """The record with these values, and the defaults of those that are not named."""
        record = cls.__new__(cls)
        for name in cls.model_fields:
            value = values.get(name, getattr(cls, name, _NEEDED))
            if value is _NEEDED:
                raise ValueError(f"{name} is missing")
            setattr(record, name, value)
        return record


class ResNetConfig(SimpleNamespace):
    """num_channels, embedding_size, hidden_sizes, depths; layer_type is 'basic'."""


class ResNetModel(nn.Module):
    """The residual network of `transformers`, of basic layers, with its names of weights."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.embedding_size, *config.hidden_sizes]
        self.embedder = nn.ModuleDict(
            {"embedder": _Convolution(config.num_channels, widths[0], 7, 2)}
        )
        self.encoder = nn.ModuleDict(
            {
                "stages": nn.ModuleList(
                    _Stage(before, after, 2 if k else 1, depth)
                    for k, (before, after, depth) in enumerate(
                        zip(widths, widths[1:], config.depths, strict=False)
                    )
                )
            }
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight)  # it draws twice
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pixel_values: Tensor) -> SimpleNamespace:
        """Images (n, channels, height, width) to `last_hidden_state`, the last map."""
        x = self.embedder["embedder"](pixel_values)
        x = nn.functional.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        for stage in self.encoder["stages"]:
            x = stage(x)
        return SimpleNamespace(last_hidden_state=x)


class _Convolution(nn.Module):
    def __init__(self, before: int, after: int, kernel: int, stride: int, act: bool = True) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
        self.normalization = nn.BatchNorm2d(after)
        self.activation = nn.ReLU() if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = self.activation(self.normalization(self.convolution(x)))
        return scaled


class _Layer(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else _Convolution(before, after, 1, stride, act=False)
        self.layer = nn.Sequential(
            _Convolution(before, after, 3, stride), _Convolution(after, after, 3, 1, act=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.layer(x) + self.shortcut(x))


class _Stage(nn.Module):
    def __init__(self, before: int, after: int, stride: int, depth: int) -> None:
        super().__init__()
        first = _Layer(before, after, stride)
        self.layers = nn.Sequential(first, *(_Layer(after, after, 1) for _ in range(depth - 1)))

    def forward(self, x: Tensor) -> Tensor:
        last: Tensor = self.layers(x)
        return last
