"""`ferflow export`: a trained classifier as an ONNX file, which runs without the workflow."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from ferflow.core.errors import FerflowError
from ferflow.core.face_shape import FaceShape
from ferflow.core.files import atomic
from ferflow.core.paths import PREPROCESSED
from ferflow.core.split import load_split
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.images.faces import faces_of
from ferflow.recognition.export.classical import FAMILIES, METHODS, classical_graph
from ferflow.recognition.export.network import network_graph
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.recognition.onnx_model import KEY, OnnxModel
from ferflow.training.shared.classifier import Classifier

TOLERANCE = 1e-4  # of a probability, between the classifier and its file
# Of faces that may be further apart, where decisions have steps: a row on a tree's threshold, or
# between the two sides of a pair of classes, may go the other way by the last bit of a feature.
STEPS = 0.01
_N_COMPARED = 256  # faces


@dataclass(frozen=True)
class Compared:
    """How far a file's probabilities are from those of the classifier that it was made of.

    faces : which were compared, in words. apart : the largest difference. n_apart : faces that
    differ by more than TOLERANCE. n_renamed : those that get another label.
    """

    faces: str
    apart: float
    n_apart: int
    n_renamed: int

    def __str__(self) -> str:
        if not self.n_apart:
            return f"of {self.faces} its probabilities are the classifier's within {self.apart:.1e}"
        return (
            f"of {self.faces} {self.n_apart} differ from the classifier's by more than "
            f"{TOLERANCE:.0e}, by {self.apart:.1e} at most; {self.n_renamed} get another label"
        )


def export(folder: Path, target: Path) -> Compared:
    """Write the classifier of a model folder as an ONNX file: faces go in, probabilities come out.

    The file's input `faces` is uint8 (n, size, size), or (n, size, size, 3), RGB; its output
    `probabilities` float32 (n, n_classes). A network that ends in a mean over places has a second
    output `map`, float32 (n, n_classes, height, width): what each place adds to the score of each
    class. The metadata hold labels and lighting. The same classifier gives the same bytes.

    Raises FerflowError if the model does not convert, or the file does not answer as it does.
    """
    classifier = FaceClassifier(folder)
    content = to_onnx(classifier.classifier)
    with atomic(target) as part:
        part.write_bytes(content)
        compared = _compare(classifier, OnnxModel(part))
        allowed = 0.0 if classifier.classifier.family == "network" else STEPS * _N_COMPARED
        if compared.n_apart > allowed:
            raise FerflowError(
                f"{target} is not written: {compared}; at most {allowed:.0f} are allowed."
            )
    return compared


def to_onnx(classifier: Classifier) -> bytes:
    """The bytes of the ONNX file of a classifier."""
    model = _graph_of(classifier)
    _store_in_16_bits(model)
    about = {"labels": classifier.labels, "lighting": classifier.meta["lighting"]}
    return finish(model, json.dumps(about))


def finish(model: onnx.ModelProto, about: str) -> bytes:
    """The bytes of a model with `about` as its only metadata: what OnnxModel reads of it."""
    _forget_places(model)
    onnx.helper.set_model_props(model, {KEY: about})
    return bytes(model.SerializeToString(deterministic=True))


def _graph_of(classifier: Classifier) -> onnx.ModelProto:
    family = classifier.family
    method = classifier.meta.get("features", {"method": "pixels"})["method"]
    if family == "network" and method == "pixels" and classifier.mask.all():
        return network_graph(classifier.model)
    if family in FAMILIES and method in METHODS:
        return classical_graph(classifier)
    raise FerflowError(
        f"a {family} on {method} cannot be exported to ONNX. Legal: a network; "
        f"{', '.join(FAMILIES)} on {' or '.join(METHODS)}. Use the folder itself, with the "
        "workflow installed."
    )


def _store_in_16_bits(model: onnx.ModelProto) -> None:
    """Halve the weights that 16 bits hold exactly, as the bundled network's."""
    casts = []
    for weights in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        half = values.astype(np.float16) if values.dtype == np.float32 else None
        if half is not None and values.size > 1 and np.array_equal(half.astype(np.float32), values):
            name = weights.name
            weights.CopyFrom(onnx.numpy_helper.from_array(half, f"{name} in 16 bits"))
            to = onnx.TensorProto.FLOAT
            casts.append(onnx.helper.make_node("Cast", [weights.name], [name], to=to))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _forget_places(model: onnx.ModelProto) -> None:
    """Take out where in which files the graph was written down, and by which version of what."""
    model.producer_name, model.producer_version, model.domain = "ferflow", "", ""
    del model.metadata_props[:]
    graph = model.graph
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]


def _compare(classifier: FaceClassifier, model: OnnxModel) -> Compared:
    faces, which = _faces(classifier.shape)
    ours, theirs = classifier(faces), model(faces)
    apart = np.abs(theirs - ours).max(axis=1)
    renamed = theirs.argmax(axis=1) != ours.argmax(axis=1)
    return Compared(which, float(apart.max()), int((apart > TOLERANCE).sum()), int(renamed.sum()))


def _faces(shape: FaceShape) -> tuple[NDArray[np.uint8], str]:
    """Faces to compare answers on: the last run's validation images, or else drawn ones."""
    file = PREPROCESSED / "val.safetensors"
    if file.exists() and (split := load_split(file)).x.shape[1:] == shape.array:
        return np.array(split.x[:_N_COMPARED]), f"{min(len(split), _N_COMPARED)} validation images"
    labels = [FER2013_LABELS[k % len(FER2013_LABELS)] for k in range(_N_COMPARED)]
    return faces_of(draw_faces(labels, seed=0), shape)[:], f"{_N_COMPARED} drawn faces"
