"""`ferflow export`: a trained network as an ONNX file, which runs without torch."""

import contextlib
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxscript import optimizer
from torch import Tensor, nn

from ferflow.core.errors import FerflowError
from ferflow.core.files import atomic
from ferflow.core.paths import PREPROCESSED
from ferflow.core.split import load_split
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import FER2013_LABELS
from ferflow.images.size import SIDE
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.recognition.onnx_model import INPUT, KEY, OUTPUT, OnnxModel

OPSET = 18  # of ONNX, 2022: what runtimes of the last years know
TOLERANCE = 1e-4  # of a probability, between torch and ONNX Runtime
_N_COMPARED = 256  # faces


def export(folder: Path, target: Path) -> tuple[float, str]:
    """Write the network of a model folder as an ONNX file: faces go in, probabilities come out.

    The file's input `faces` is uint8 (n, 48, 48), its output `probabilities` float32
    (n, n_classes); its metadata hold labels and lighting. The same network gives the same bytes.

    Returns the largest difference from torch, and of which faces it is. Raises FerflowError where
    the model is no network on pixels, or the file does not answer as torch does.
    """
    classifier = FaceClassifier(folder)
    content = to_onnx(classifier)
    with atomic(target) as part:
        part.write_bytes(content)
        faces, which = _faces()
        apart = float(np.abs(OnnxModel(part)(faces) - classifier(faces)).max())
        if apart > TOLERANCE:
            raise FerflowError(
                f"{target} is not written: ONNX Runtime's probabilities of {which} differ from "
                f"torch's by {apart:.1e}; at most {TOLERANCE:.0e} is allowed."
            )
    return apart, which


def to_onnx(classifier: FaceClassifier) -> bytes:
    """The bytes of the ONNX file of a network."""
    trained = classifier.classifier
    if trained.family != "network" or "features" in trained.meta or not trained.mask.all():
        raise FerflowError(
            "only networks on all pixels are exported (train.family network, features.method "
            f"pixels, selection.method none); this is a {trained.family}."
        )
    graph = _Graph(trained.model.network, trained.model.scale).eval()
    two = torch.zeros(2, SIDE, SIDE, dtype=torch.uint8)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            graph,
            (two,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("n")},),
            dynamo=True,
            optimize=False,  # batch norms stay by themselves: ONNX Runtime joins them as well
            verbose=False,
        )
    assert program is not None
    optimizer.inline(program.model)
    optimizer.fold_constants(program.model)
    optimizer.remove_unused_nodes(program.model)
    model = program.model_proto
    _store_in_16_bits(model)
    _forget_places(model)
    about = {"labels": classifier.labels, "lighting": trained.meta["lighting"]}
    onnx.helper.set_model_props(model, {KEY: json.dumps(about)})
    return bytes(model.SerializeToString(deterministic=True))


class _Graph(nn.Module):
    """A network with what is done to grey levels before it, and to its scores behind it."""

    def __init__(self, network: nn.Module, scale: Any) -> None:
        super().__init__()
        self.network, self.scale = network, scale

    def forward(self, faces: Tensor) -> Tensor:
        """Grey faces, uint8 (n, 48, 48) -> probabilities (n, n_classes)."""
        images = faces.unsqueeze(1).float() / 255
        return torch.softmax(self.network(self.scale(images)), dim=1)


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
    """Take out where in which files the graph was written down, and by which version of torch."""
    model.producer_name, model.producer_version = "ferflow", ""
    del model.metadata_props[:]
    graph = model.graph
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]


def _faces() -> tuple[NDArray[np.uint8], str]:
    """Faces to compare answers on: the last run's validation images, or else drawn ones."""
    file = PREPROCESSED / "val.safetensors"
    if file.exists() and (split := load_split(file)).x.shape[1:] == (SIDE, SIDE):
        return np.array(split.x[:_N_COMPARED]), f"{min(len(split), _N_COMPARED)} validation images"
    labels = [FER2013_LABELS[k % len(FER2013_LABELS)] for k in range(_N_COMPARED)]
    return draw_faces(labels, seed=0), f"{_N_COMPARED} drawn faces"
