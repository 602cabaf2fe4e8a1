"""Teachers: trained networks whose answers another one learns (Hinton, Vinyals and Dean 2015).

They see each image as the student does, with the same draws of augmentation and mixup (Beyer et al.
2022), so that their answers on the images that trained them are not simply the labels.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ferflow.core.errors import ParamError
from ferflow.core.hashing import check_sha256
from ferflow.core.params import from_root
from ferflow.training.families.network import Params
from ferflow.training.families.network.answers import with_answers
from ferflow.training.families.network.batches import channels_last
from ferflow.training.families.network.files import TrainedNetwork
from ferflow.training.shared.fitting import TrainingData

KEY = "train.network.teachers"


class Teachers:
    """Networks in eval mode on a device; all count the same."""

    def __init__(
        self,
        models: Sequence[TrainedNetwork],
        temperature: float,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._temperature, self._device, self._dtype = temperature, device, dtype
        self._networks = [channels_last(m.network.to(device)).eval() for m in models]
        self._scales = [model.scale for model in models]

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Mean probabilities, float32 (n, n_classes), of images (n, channels, side, side), 0 to 1.

        Each teacher's scores are divided by the temperature first.
        """
        answers = []
        for network, scale in zip(self._networks, self._scales, strict=True):
            on = self._dtype != torch.float32
            with torch.autocast(self._device.type, self._dtype, enabled=on):
                scores = network(scale(x))
            answers.append((scores.float() / self._temperature).softmax(dim=1))
        return torch.stack(answers).mean(dim=0)


def learnt_from(data: TrainingData, params: Params) -> TrainingData:
    """The data with the answers in files among `params.teachers` in its training rows' targets."""
    files = [from_root(name) for name in params.teachers if from_root(name).is_file()]
    if not files:
        return data
    if len(files) < len(params.teachers) or params.teachers_temperature != 1:
        raise ParamError(
            f"{KEY}: answers in files are at the temperature 1, and cannot be combined with "
            "folders. Name only files, with train.network.teachers_temperature: 1; or only folders."
        )
    for file, sha256 in zip(files, params.teachers_sha256, strict=True):
        check_sha256(file, sha256, KEY)
    rows = with_answers(data.train, files, params.teachers_share, KEY)
    return replace(data, train=rows)


def load_teachers(
    params: Params,
    labels: tuple[str, ...],
    shape: tuple[int, int],
    device: torch.device,
    dtype: torch.dtype,
) -> Teachers | None:
    """The networks that the parameters name as teachers; None where they name none.

    labels : the data's classes. shape : side in pixels and channels of its images.
    Raises ParamError where a folder is not the one that params.yaml was written for, or its model
    no network, of other classes or other images, or trained on more than the training images;
    DataError where it cannot be loaded.
    """
    if not params.teachers or from_root(params.teachers[0]).is_file():
        return None
    models = [
        _load(name, sha256, labels, shape)
        for name, sha256 in zip(params.teachers, params.teachers_sha256, strict=True)
    ]
    return Teachers(models, params.teachers_temperature, device, dtype)


def _load(
    name: str, sha256: str, labels: tuple[str, ...], shape: tuple[int, int]
) -> TrainedNetwork:
    from ferflow.training.shared.classifier import load_classifier  # it loads families, us too

    folder = from_root(name)
    check_sha256(folder, sha256, KEY)
    classifier = load_classifier(folder)
    model = classifier.model
    if not isinstance(model, TrainedNetwork):
        raise ParamError(f"{KEY}: {name} is a {classifier.family}. Legal: a network's folder.")
    if classifier.labels != labels:
        raise ParamError(
            f"{KEY}: {name} names {', '.join(classifier.labels)}; the data's classes are "
            f"{', '.join(labels)}. They must be the same, in the same order."
        )
    if (model.side, model.channels) != shape:
        theirs, ours = (
            f"{side} pixels and {n} channels" for side, n in ((model.side, model.channels), shape)
        )
        raise ParamError(f"{KEY}: {name} takes images of {theirs}; the data's have {ours}.")
    trained_on = classifier.meta.get("trained_on", ["train"])
    if trained_on != ["train"]:
        raise ParamError(
            f"{KEY}: {name} was trained on {' and '.join(trained_on)}; its answers would hand the "
            "labels of val to the student. Legal: a network trained with add_validation: false."
        )
    return model
