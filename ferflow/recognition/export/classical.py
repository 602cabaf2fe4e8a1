"""Scikit-learn's classifiers as ONNX graphs: on grey levels, or on a backbone's features."""

import warnings
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import compose, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from torch import Tensor, nn
from torch.nn import functional

from ferflow.backbones.channels import planes, to_channels
from ferflow.backbones.onnx_graph import OPSET
from ferflow.backbones.pretrained import features_of, load_pretrained
from ferflow.core.face_shape import noted_shape
from ferflow.features.params import FeaturesParams
from ferflow.recognition.export.network import trace
from ferflow.recognition.onnx_model import OUTPUT
from ferflow.training.shared.classifier import Classifier

# Not among them: nearest neighbours, whose distances skl2onnx does not weigh by
# (findings/skl2onnx-weighs-neighbours-alike.sh) and whose file would hold the training rows, and
# hist_gradient_boosting (findings/skl2onnx-stops-at-gradient-boosting.sh).
FAMILIES = ("random_forest", "extra_trees", "logistic_regression", "svm")
METHODS = ("pixels", "backbone")

_COLUMNS, _PREFIX = "columns", "classifier/"
_ML_OPSET = 3  # of ONNX's operators for classical models


def classical_graph(classifier: Classifier) -> onnx.ModelProto:
    """The graph of a classifier of FAMILIES on features by METHODS."""
    module = _Columns(classifier.meta.get("features"), classifier.mask)
    columns = trace(module, [_COLUMNS], noted_shape(classifier.meta))
    behind = _classifier_graph(classifier)
    # skl2onnx lists ONNX's own operators twice for trees
    versions = {found.domain: found.version for found in behind.opset_import}
    del behind.opset_import[:]
    behind.opset_import.extend(helper.make_opsetid(*item) for item in versions.items())
    behind.ir_version = columns.ir_version
    return compose.merge_models(columns, behind, [(_COLUMNS, _PREFIX + _COLUMNS)], outputs=[OUTPUT])


class _Columns(nn.Module):
    """The columns of the features that a classifier sees, as `extract_features` makes them."""

    columns: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, features: dict[str, Any] | None, mask: NDArray[np.bool_]) -> None:
        super().__init__()
        self.params = FeaturesParams.model_validate(features) if features else None
        if self.params:
            name, sha256 = self.params.backbone, self.params.backbone_sha256
            loaded = load_pretrained(
                name,
                sha256,
                "features.backbone",
                size=self.params.input_size,
                size_key="features.input_size",
            )
            self.network = loaded.network
            self.register_buffer("mean", loaded.mean)
            self.register_buffer("std", loaded.std)
        self.register_buffer("columns", torch.from_numpy(np.flatnonzero(mask)))

    def forward(self, faces: Tensor) -> tuple[Tensor]:
        """Faces -> (n, columns)."""
        features = faces.float() if self.params is None else self._maps(faces, self.params)
        return (features.flatten(1)[:, self.columns],)

    def _maps(self, faces: Tensor, params: FeaturesParams) -> Tensor:
        x = planes(faces).float()
        if params.input_size != x.shape[-1]:
            x = functional.interpolate(x, (params.input_size,) * 2, mode="bilinear")
        x = (to_channels(x, len(self.mean)) / 255 - self.mean) / self.std
        return features_of(self.network, x, params.pooling)


def _classifier_graph(classifier: Classifier) -> onnx.ModelProto:
    """From columns, float32 (n, columns), to probabilities (n, n_classes)."""
    is_svm = classifier.family == "svm"
    model = classifier.model.pipeline if is_svm else classifier.model
    options = {id(model): {"zipmap": False}}
    if is_svm:
        options[id(model[-1])] = {"raw_scores": True}  # given to the pipeline it is not heard
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of what it reads in scikit-learn's SVC
        made = to_onnx(
            model,
            initial_types=[(_COLUMNS, FloatTensorType([None, int(classifier.mask.sum())]))],
            options=options,
            target_opset={"": OPSET, "ai.onnx.ml": _ML_OPSET},
        )
    made = compose.add_prefix(made, _PREFIX)  # among its names is the file's output
    graph, (label, answer) = made.graph, made.graph.output
    own = answer.name
    if is_svm:
        # of two classes the scores are the decision value and its negative, ours half of them
        half = 2 if len(model.classes_) == 2 else 1
        temperature = np.array(half * classifier.model.temperature, np.float32)
        graph.initializer.append(numpy_helper.from_array(temperature, "temperature"))
        graph.node.append(helper.make_node("Div", [own, "temperature"], ["scores"]))
        graph.node.append(helper.make_node("Softmax", ["scores"], ["own"], axis=1))
        own = "own"
    # into label order; a class that had no training rows gets 0
    places = np.eye(len(classifier.labels), dtype=np.float32)[model.classes_]
    graph.initializer.append(numpy_helper.from_array(places, "places"))
    graph.node.append(helper.make_node("MatMul", [own, "places"], [OUTPUT]))
    graph.output.remove(label)
    answer.name = OUTPUT
    return made
