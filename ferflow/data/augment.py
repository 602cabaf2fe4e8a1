"""Materialised augmentation: changed copies of training images, as rows of their own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from ferflow.artifacts import Split
from ferflow.params import Record

_COPIES: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "horizontal_flip": lambda images: images[:, :, ::-1],
}


class AugmentParams(Record):
    """The section `augment`."""

    copies: list[Literal["horizontal_flip"]]

    @field_validator("copies")
    @classmethod
    def _each_once(cls, copies: list[str]) -> list[str]:
        if len(set(copies)) < len(copies):
            raise ValueError(f"each copy may be named once; got {copies}.")
        return copies


def augment(split: Split, params: AugmentParams) -> Split:
    """The images followed by a changed copy of each, for every entry of `copies`.

    A copy keeps its source_id, so that it can be kept on its image's side of any later split,
    and says in `transform` what was done.
    """
    parts = [split]
    for name in params.copies:
        transform = np.full(len(split), name)
        parts.append(replace(split, x=_COPIES[name](split.x), transform=transform))
    return replace(
        split,
        x=np.concatenate([part.x for part in parts]),
        y=np.concatenate([part.y for part in parts]),
        source_id=np.concatenate([part.source_id for part in parts]),
        transform=np.concatenate([part.transform for part in parts]),
        group=np.concatenate([part.group for part in parts]),
    )
