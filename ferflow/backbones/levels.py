"""What a network's image processor does to grey levels, joined into a mean and a deviation."""

from typing import Any

import torch
import transformers
from torch import Tensor

from ferflow.backbones.files import read_part
from ferflow.core.errors import DataError, one_line

# keys of preprocessor_config.json that say what becomes of a grey level
_LEVELS = (
    "do_rescale",
    "rescale_factor",
    "rescale_offset",
    "do_normalize",
    "image_mean",
    "image_std",
    "include_top",
)


def normalisation(name: str, channels: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (channels, 1, 1) that the network expects of values from 0 to 1.

    What its image processor does to grey levels, joined into the two. Without a
    preprocessor_config.json they are 0.5: inputs from -1 to 1.
    """
    levels = {"image_mean": [0.5] * channels, "image_std": [0.5] * channels} | _levels(name)
    try:
        scale = 255 * float(levels["rescale_factor"]) if levels["do_rescale"] else 255.0
        offset = -1.0 if levels["rescale_offset"] else 0.0
        given = [levels["image_mean"], levels["image_std"]]
        if not levels["do_normalize"]:
            given = [[0.0] * channels, [1.0] * channels]
        mean, std = torch.tensor(given, dtype=torch.float64)
        if levels["include_top"]:  # EfficientNet's: divided once more
            mean, std = mean, std * torch.tensor(levels["image_std"], dtype=torch.float64)
        constants = torch.stack([(mean - offset) / scale, std / scale]).float()
    except (TypeError, ValueError, OverflowError, RuntimeError, ZeroDivisionError) as error:
        reason = one_line(error)
        raise DataError(
            f"preprocessor_config.json of {name} has no normalisation constants: {reason}"
        ) from None
    if constants.ndim != 2 or not constants.isfinite().all() or constants[1].min() <= 0:
        raise DataError(
            f"preprocessor_config.json of {name} has impossible normalisation constants."
        )
    return constants[0][:, None, None], constants[1][:, None, None]


def _levels(name: str) -> dict[str, Any]:
    """What a network's files say of _LEVELS, with the defaults of the processor that they name."""
    usual = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}
    usual |= {"rescale_offset": False, "include_top": False}
    file = read_part(name, "preprocessor_config.json")
    said = {key: file[key] for key in _LEVELS if file.get(key) is not None}
    if not {"image_processor_type", "feature_extractor_type"} & file.keys():
        return usual | said
    try:
        processor = image_processor(name)
    except Exception:  # one for torchvision alone, or none of transformers' own: the file counts
        return usual | said
    own = {key: getattr(processor, key) for key in _LEVELS if hasattr(processor, key)}
    own = {key: value for key, value in own.items() if value is not None or key == "do_normalize"}
    return usual | own | said


def image_processor(name: str) -> Any:
    """The image processor of a network; raises what transformers raises, any Exception."""
    return transformers.AutoImageProcessor.from_pretrained(
        name, backend="pil", trust_remote_code=False
    )
