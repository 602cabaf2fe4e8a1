"""Test-time augmentation: the mean of a classifier's answers to several views of an image."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import ParamError
from ferflow.core.image_steps import Step
from ferflow.core.progress import progress
from ferflow.training.shared.classifier import Classifier

Images = NDArray[np.uint8]

_MARGIN = 1 / 12  # of the side: ten-crop's windows are 44x44 of 48x48
_IMAGES_AT_ONCE = 2048


def tta_proba(
    classifier: Classifier, images: Images, method: str, *, policy: list[Step], n: int, seed: int
) -> NDArray[np.float64]:
    """Mean probabilities (k, n_classes) over the views of images (k, height, width), or RGB.

    method : 'flip', the image and its mirror image; 'ten_crop', four corners and the centre,
    scaled back up, and their mirror images (Krizhevsky et al. 2012); 'draws', n draws of a policy.
    Raises ParamError if the classifier takes something else than images.
    """
    if "features" in classifier.meta:
        raise ParamError(
            f"evaluate.tta '{method}' changes images, but this classifier takes "
            f"{classifier.meta['features']['method']} features. Set evaluate.tta to none."
        )
    parts = []
    starts = range(0, len(images), _IMAGES_AT_ONCE)
    for start in progress(starts, f"evaluate.tta {method}", unit="batch"):
        part = np.asarray(images[start : start + _IMAGES_AT_ONCE])
        chosen = _views(part, method, policy, n, seed + start)
        answers = [classifier.predict_proba(view) for view in chosen]
        parts.append(np.mean(answers, axis=0))
    return np.concatenate(parts)


def _views(images: Images, method: str, policy: list[Step], n: int, seed: int) -> Iterator[Images]:
    match method:
        case "flip":
            yield images
            yield _mirrored(images)
        case "ten_crop":
            for crop in _crops(images):
                yield crop
                yield _mirrored(crop)
        case _:
            yield from _drawn(images, policy, n, seed)


def _mirrored(images: Images) -> Images:
    return np.ascontiguousarray(images[:, :, ::-1])


def _crops(images: Images) -> Iterator[Images]:
    height, width = images.shape[1:3]
    margin = round(_MARGIN * width)
    half = margin // 2
    for top, left in ((0, 0), (0, margin), (margin, 0), (margin, margin), (half, half)):
        window = images[:, top : top + height - margin, left : left + width - margin]
        yield np.stack([cv2.resize(image, (width, height)) for image in window])


def _drawn(images: Images, policy: list[Step], n: int, seed: int) -> Iterator[Images]:
    import torch

    from ferflow.training.shared.batch_augmentation import make_augmentation

    augment = make_augmentation(policy)
    grey = images.ndim == 3
    x = torch.from_numpy(images)
    x = (x[:, None] if grey else x.permute(0, 3, 1, 2)).float() / 255
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        for _ in range(n):
            drawn = (augment(x) * 255).round().clamp(0, 255)
            drawn = drawn[:, 0] if grey else drawn.permute(0, 2, 3, 1)
            yield drawn.to(torch.uint8).contiguous().numpy()
