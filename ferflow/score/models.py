"""Models of anybody's making, as functions from grey faces to FER-2013's seven probabilities."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferflow.backbones.onnx_session import open_session
from ferflow.core.errors import DataError, one_line
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.images.decode import resize_face
from ferflow.recognition.onnx_model import KEY, OnnxModel
from ferflow.recognition.recognizer import ABOUT
from ferflow.score.stated import CHANNELS, Faces, Preparation, Stated, columns_of, labels_in, settle

_AT_ONCE = 64  # images
_TOLERANCE = 1e-3  # of a row's sum, above which outputs are scores
_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}
_TYPES |= {"tensor(uint8)": np.uint8}

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A model that can be asked.

    run : faces, uint8 (n, 48, 48), n up to `at_once` -> float64 (n, 7) in FER-2013's order, its own
    outputs. notes : how images are prepared and what the outputs are, in words. example : its input
    for one face, or None where its own code prepares it. network : torch's, where it is one.
    """

    run: Callable[[Faces], Numbers]
    notes: tuple[str, ...]
    at_once: int = _AT_ONCE
    example: NDArray[Any] | None = None
    network: Any = None


def open_model(path: Path, stated: Stated, threads: int = 0) -> Model:
    """The model in an ONNX file, in a folder of `transformers`, or in one that `train` wrote.

    threads : on which ONNX Runtime computes; 0 for all cores. Raises DataError where there is no
    model that can be loaded, ParamError where what is stated does not fit it or is not enough.
    """
    if path.is_file():
        session = open_session(path, threads)
        if KEY in session.get_modelmeta().custom_metadata_map:
            return _own(OnnxModel(path, threads), stated, path)
        return _onnx(session, stated, path)
    if (path / ABOUT).is_file():
        from ferflow.recognition.face_classifier import FaceClassifier

        return _own(FaceClassifier(path), stated, path)
    if (path / "config.json").is_file():
        from ferflow.score.published import open_published

        return open_published(path, stated)
    what = "has no config.json" if path.is_dir() else "does not exist"
    raise DataError(
        f"{path} {what}. Legal for --model: an ONNX file, a folder of transformers (config.json, "
        "model.safetensors), or a folder that the stage `train` wrote."
    )


def probabilities(outputs: Numbers) -> tuple[Numbers, str]:
    """Outputs (n, 7) as probabilities, and what was done: softmax, where they are scores.

    Raises DataError if one is NaN or infinite.
    """
    if not np.isfinite(outputs).all():
        raise DataError("the model's answers contain NaN or infinity.")
    sums = outputs.sum(axis=1)
    if (outputs >= 0).all() and (sums <= 1 + _TOLERANCE).all() and sums.all():
        if (np.abs(sums - 1) <= _TOLERANCE).all():
            return outputs / sums[:, None], "its outputs are probabilities"
        return outputs / sums[:, None], "its outputs were divided by their sum over the classes"
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True), "its outputs are scores: softmax was taken"


def _own(model: Any, stated: Stated, path: Path) -> Model:
    """A model of ours: it knows its labels and the shape of its faces."""
    stated.refuse(f"{path} says itself what it takes and what it answers")
    columns = columns_of(None, model.labels, len(model.labels), str(path))

    def run(faces: Faces) -> Numbers:
        shaped = np.stack([resize_face(face, model.shape) for face in faces])
        return np.asarray(model(shaped)[:, columns], np.float64)

    example = np.zeros((1, *model.shape.array), np.uint8)
    network = getattr(getattr(getattr(model, "classifier", None), "model", None), "network", None)
    note = f"faces are {model.shape}, labels in the order {', '.join(model.labels)}: by the file"
    return Model(run, (note,), example=example, network=network)


def _onnx(session: Any, stated: Stated, path: Path) -> Model:
    if len(inputs := session.get_inputs()) != 1:
        names = ", ".join(i.name for i in inputs)
        raise DataError(f"{path} has {len(inputs)} inputs ({names}); expected one, of images.")
    name, kind = inputs[0].name, _TYPES.get(inputs[0].type)
    if kind is None:
        raise DataError(f"{path} takes {inputs[0].type}. Legal: {', '.join(_TYPES)}.")
    n, found = _shape_of(inputs[0].shape, path)
    if kind is np.uint8:
        found["scale"] = "0-255"
    prepare = settle(stated, found, str(path))
    output, width = _output_of(session, prepare, name, kind, n, path)
    own = labels_in(session.get_modelmeta().custom_metadata_map)
    columns = columns_of(stated.labels, own, width, str(path))

    def run(faces: Faces) -> Numbers:
        answer = _ask(session, output, name, prepare(faces).astype(kind), path)
        return np.asarray(answer.reshape(len(faces), width)[:, columns], np.float64)

    whose = "as stated" if stated.labels is not None else "by the file's metadata"
    notes = (f"images are {prepare}", f"labels are {whose}", f"the output is '{output}'")
    example = prepare(np.zeros((1, 48, 48), np.uint8)).astype(kind)
    return Model(run, notes, at_once=n or _AT_ONCE, example=example)


def _shape_of(shape: list[Any], path: Path) -> tuple[int | None, dict[str, str | int]]:
    """How many images a file takes at a time (None: any), and what its input's shape tells."""
    if len(shape) != 4:
        raise DataError(f"{path} takes an input of shape {shape}; expected four axes, of images.")
    n, *sides = (side if isinstance(side, int) else None for side in shape)
    if n not in (None, 1):
        raise DataError(f"{path} takes just {n} images at a time; expected 1 or any number.")
    names = {number: name for name, number in CHANNELS.items()}
    ends = {"nchw": sides[0] in names, "nhwc": sides[2] in names}
    found: dict[str, str | int] = {}
    if sum(ends.values()) == 1:
        layout = "nchw" if ends["nchw"] else "nhwc"
        found["layout"] = layout
        height, width = sides[1:] if layout == "nchw" else sides[:2]
        found["channels"] = names[sides[0] if layout == "nchw" else sides[2]]  # type: ignore[index]
        if height != width and None not in (height, width):
            raise DataError(f"{path} takes images of {height}x{width}; expected a square.")
        if (side := height or width) is not None:
            found["size"] = side
    elif None not in sides:
        raise DataError(f"{path} takes an input of shape {shape}; expected 1 or 3 channels.")
    return n, found


def _output_of(
    session: Any, prepare: Preparation, name: str, kind: Any, n: int | None, path: Path
) -> tuple[str, int]:
    """The one output that answers with seven numbers or more, and how many those are."""
    faces = np.zeros((n or 2, 48, 48), np.uint8)
    wide = {}
    for output in session.get_outputs():
        answer = _ask(session, output.name, name, prepare(faces).astype(kind), path)
        if answer.shape[:1] == faces.shape[:1] and answer.size == len(faces) * max(
            answer.shape[1:]
        ):
            wide[output.name] = answer.size // len(faces)
    wide = {output: width for output, width in wide.items() if width >= len(FER2013_LABELS)}
    if len(wide) != 1:
        what = "no output" if not wide else f"{len(wide)} outputs ({', '.join(wide)})"
        raise DataError(
            f"{path} has {what} with seven numbers or more an image; expected one output, of "
            "classes."
        )
    return next(iter(wide.items()))


def _ask(session: Any, output: str, name: str, x: NDArray[Any], path: Path) -> NDArray[Any]:
    try:
        return np.asarray(session.run([output], {name: x})[0])
    except Exception as error:  # onnxruntime's errors have no base but Exception
        reason = one_line(error)
        raise DataError(f"{path} does not take an input of shape {x.shape}: {reason}") from None
