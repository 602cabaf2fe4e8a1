"""Where torch computes, and how precisely."""

import torch

from ferflow.core.errors import ParamError


def pick_device(name: str, key: str) -> torch.device:
    """The device that 'auto', 'cpu' or 'cuda' means; ParamError names the parameter `key`."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ParamError(f"{key} is 'cuda', and torch sees no CUDA device. Legal: cpu, auto.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def pick_dtype(precision: str, device: torch.device) -> torch.dtype:
    """float32 or bfloat16; 'auto' is bfloat16 where the processor computes with it."""
    if precision == "auto":
        if device.type == "cuda":
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            fast = bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
        precision = "bfloat16" if fast else "float32"
    return torch.bfloat16 if precision == "bfloat16" else torch.float32
