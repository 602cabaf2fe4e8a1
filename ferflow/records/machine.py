"""Where a run was made: packages, processor, memory, graphics card."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ferflow.core.system import usable_cores

PACKAGES = (
    "dvc",
    "imbalanced-learn",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pandas",
    "scikit-learn",
    "scipy",
    "skops",
    "torch",
    "transformers",
)


def versions() -> dict[str, str]:
    """Python's and the packages' versions; a package that is not there is left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def hardware(params: dict[str, Any] | None = None) -> dict[str, str | int | float]:
    """Processor, the cores that this process may use, memory in GB (10**9), operating system.

    And the graphics card, where the parameters of a run are given and ran on it.
    """
    import psutil

    about: dict[str, str | int | float] = {
        "cpu": _cpu(),
        "cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.system(),
    }
    if params is not None and (gpu := _gpu(params)):
        about["gpu"] = gpu
    return about


def _gpu(params: dict[str, Any]) -> str | None:
    """CUDA's card, if a section that was in use may compute on it and there is one."""
    features, train = params["features"], params["train"]
    used = [train[train["family"]]] + [features] * (features["method"] == "backbone")
    if not {section.get("device") for section in used} & {"auto", "cuda"}:
        return None
    import torch

    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else None


def _cpu() -> str:
    """The processor's name as Linux knows it, or its family elsewhere."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
