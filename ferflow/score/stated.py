"""What a user states of a model: how images are prepared for it, and what its outputs are."""

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import ParamError
from ferflow.core.params import nearest
from ferflow.fer2013.labels import FER2013_LABELS, common_spelling

CHANNELS = {"grey": 1, "rgb": 3}
SCALES = ("0-1", "-1-1", "0-255", "imagenet")
LAYOUTS = ("nchw", "nhwc")
MIN_SIZE, MAX_SIZE = 8, 1024  # pixels each way
LEFT_OUT = "-"  # in --labels, an output that is not one of FER-2013's classes
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet, red, green, blue; 0 to 1
_STD = np.array([0.229, 0.224, 0.225], np.float32)
_LABEL_KEYS = (
    "labels",
    "classes",
    "class_names",
    "names",
    "id2label",
)  # of an ONNX file's metadata
_MAX_WORD = 10_000  # characters of such an entry

Faces = NDArray[np.uint8]


@dataclass(frozen=True)
class Stated:
    """The options of `ferflow score --model`; None where the user left one out.

    size : pixels each way. channels, scale, layout : of CHANNELS, SCALES, LAYOUTS. labels : the
    classes in the order of the outputs, with commas. ParamError for any other value.
    """

    size: int | None = None
    channels: str | None = None
    scale: str | None = None
    layout: str | None = None
    labels: str | None = None

    def __post_init__(self) -> None:
        for option, legal in (("channels", CHANNELS), ("scale", SCALES), ("layout", LAYOUTS)):
            value = getattr(self, option)
            if value is not None and value not in legal:
                raise ParamError(
                    f"--{option} must be one of {', '.join(legal)}; got '{value}'."
                    f"{nearest(value, legal)}"
                )
        if self.size is not None and not MIN_SIZE <= self.size <= MAX_SIZE:
            raise ParamError(f"--input-size must be {MIN_SIZE} to {MAX_SIZE}; got {self.size}.")

    def refuse(self, why: str, *but: str) -> None:
        """ParamError where an option was given other than `but`."""
        given = [f.name for f in fields(self) if getattr(self, f.name) is not None]
        if odd := [name for name in given if name not in but]:
            raise ParamError(f"{_option(odd[0])} is not needed: {why}. Leave it out.")


@dataclass(frozen=True)
class Preparation:
    """How grey 48x48 faces become a model's input. size : pixels each way."""

    size: int
    channels: str
    scale: str
    layout: str

    def __str__(self) -> str:
        return f"{self.channels} {self.size}x{self.size}, {self.scale}, {self.layout}"

    def __call__(self, faces: Faces) -> NDArray[np.float32]:
        """Faces, uint8 (n, height, width), as float32 (n, c, size, size) or (n, size, size, c).

        Enlarging is bilinear and shrinking averages; both give whole grey levels. Grey levels are
        repeated where three channels are wanted.
        """
        import cv2  # a file of answers is scored without it

        shrinks = faces.shape[1] > self.size
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        if faces.shape[1] != self.size:
            side = (self.size, self.size)
            faces = np.stack([cv2.resize(face, side, interpolation=method) for face in faces])
        x = np.repeat(faces[..., None].astype(np.float32), CHANNELS[self.channels], axis=3)
        if self.scale != "0-255":
            x /= 255
        if self.scale == "-1-1":
            x = x * 2 - 1
        elif self.scale == "imagenet":
            grey = self.channels == "grey"
            mean, std = (_MEAN.mean(), _STD.mean()) if grey else (_MEAN, _STD)
            x = ((x - mean) / std).astype(np.float32)
        return np.ascontiguousarray(x if self.layout == "nhwc" else x.transpose(0, 3, 1, 2))


def settle(stated: Stated, found: Mapping[str, str | int], whose: str) -> Preparation:
    """What is stated and what was found in the model, as one.

    found : size, channels, layout, as far as the model tells them. whose : the model, in words.
    ParamError where both say different things, or neither says anything.
    """
    legal = {"size": f"{MIN_SIZE} to {MAX_SIZE}", "channels": ", ".join(CHANNELS)}
    legal |= {"scale": ", ".join(SCALES), "layout": ", ".join(LAYOUTS)}
    values = {}
    for name, words in legal.items():
        said, seen = getattr(stated, name), found.get(name)
        if said is not None and seen is not None and said != seen:
            raise ParamError(f"{_option(name)} {said}: {whose} takes {seen}. Leave the option out.")
        if said is None and seen is None:
            raise ParamError(f"{whose} does not say its {name}. Set {_option(name)}: {words}.")
        values[name] = str(seen if said is None else said)
    size = int(values.pop("size"))
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise ParamError(f"{whose} takes images of {size} pixels; legal: {legal['size']}.")
    return Preparation(size, **values)


def columns_of(stated: str | None, own: Sequence[str], n: int, whose: str) -> NDArray[np.int64]:
    """(7,) the output that stands for each of FER-2013's classes, in its order.

    stated : --labels. own : the model's own labels, none where it has none. n : its outputs.
    ParamError where the labels are not known, are not n, or a class has no output or two.
    """
    legal = f"Legal: {', '.join(FER2013_LABELS)}, in common spellings; {LEFT_OUT} for an output "
    legal += "that is none of them."
    words = [word.strip() for word in stated.split(",")] if stated is not None else list(own)
    source = "--labels" if stated is not None else f"the labels of {whose}"
    if not words:
        raise ParamError(
            f"{whose} does not say what its {n} outputs are. Name them in their order: --labels "
            f"A,B,... {legal}"
        )
    if len(words) != n:
        raise ParamError(f"{source}: {len(words)} labels for {n} outputs. {legal}")
    classes = [None if word == LEFT_OUT else common_spelling(word) for word in words]
    for word, name in zip(words, classes, strict=True):
        if name is None and word != LEFT_OUT:
            raise ParamError(
                f"{source}: '{word[:40]}' is not a class of FER-2013."
                f"{nearest(word, FER2013_LABELS)} {legal}"
                + ("" if stated is not None else " Name all in their order: --labels.")
            )
    for name in FER2013_LABELS:
        if classes.count(name) != 1:
            what = "no output stands" if name not in classes else "two outputs stand"
            raise ParamError(f"{source}: {what} for {name}; got {', '.join(words)}. {legal}")
    return np.array([classes.index(name) for name in FER2013_LABELS])


def labels_in(metadata: Mapping[str, str]) -> list[str]:
    """The labels that an ONNX file's metadata hold, in the order of its outputs; none if none do.

    A list or a mapping from number to name, as JSON or as Python writes it, or words with commas.
    """
    for key in _LABEL_KEYS:
        if key in metadata:
            return _read_labels(metadata[key])
    return []


def _read_labels(text: str) -> list[str]:
    if len(text) > _MAX_WORD:
        return []
    found: object = text.split(",")
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
            break
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    if isinstance(found, dict):
        numbered = {str(key): value for key, value in found.items()}
        found = [numbered.get(str(k)) for k in range(len(numbered))]
    if not isinstance(found, list | tuple):
        return []
    return [word.strip() if isinstance(word, str) else repr(word) for word in found]


def _option(name: str) -> str:
    return "--input-size" if name == "size" else f"--{name}"
