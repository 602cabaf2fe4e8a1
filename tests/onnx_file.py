"""Tiny ONNX networks."""

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from ferflow.recognition.onnx_model import INPUT, KEY, OUTPUT

ABOUT = {"labels": ["a", "b"], "lighting": "none"}
LEVELS = np.arange(7) * 30 + 30  # grey level -> class, for `network`
ORDER = (6, 3, 4, 0, 2, 5, 1)  # of its outputs


def linear_network(path, weights, channels, size, extra_output=False):
    """Write a network (1, channels, size, size) -> flattened @ weights, and return its path."""
    weights = np.asarray(weights, np.float32)
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["points"]),
    ]
    if extra_output:
        nodes.append(helper.make_node("Relu", ["points"], ["more"]))
    outputs = ["points", "more"] if extra_output else ["points"]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, size, size])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, weights.shape[1]])
            for name in outputs
        ],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    return path


def write(
    path,
    nodes,
    about=ABOUT,
    initializers=(),
    opsets=(("", 18),),
    faces=TensorProto.UINT8,
    n="n",
    outputs=(OUTPUT,),
):
    """A file with these nodes from `faces` (n, 48, 48) to `probabilities`."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(INPUT, faces, [n, 48, 48])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*o) for o in opsets])
    model.ir_version = 10
    if about is not None:
        props = {KEY: about if isinstance(about, str) else json.dumps(about)}
        helper.set_model_props(model, props)
    path.write_bytes(model.SerializeToString())
    return path


def halves(columns=2, value=0.5):
    """Nodes that answer every face with the same numbers."""
    row = helper.make_tensor("row", TensorProto.FLOAT, [1, columns], [value] * columns)
    shape = helper.make_tensor("start", TensorProto.INT64, [1], [0])
    end = helper.make_tensor("end", TensorProto.INT64, [1], [1])
    one = helper.make_tensor("columns", TensorProto.INT64, [1], [columns])
    nodes = [
        helper.make_node("Shape", [INPUT], ["shape"]),
        helper.make_node("Slice", ["shape", "start", "end"], ["n"]),
        helper.make_node("Concat", ["n", "columns"], ["size"], axis=0),
        helper.make_node("Expand", ["row", "size"], [OUTPUT]),
    ]
    return nodes, [row, shape, end, one]


def network(
    path,
    shape=("n", 1, 8, 8),
    labels=None,
    scores=True,
    maximum=1.0,
    outputs=7,
    external=False,
    more=(),
):
    """A file that names the class whose level the picture's mean is nearest to, in ORDER."""
    axes = range(1, len(shape))
    levels = (LEVELS[list(ORDER)] / 255 * maximum).astype(np.float32)[None, :outputs]
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean4"], keepdims=1),
        helper.make_node("Reshape", ["mean4", "flat"], ["mean"]),
        helper.make_node("Sub", ["mean", "levels"], ["off"]),
        helper.make_node("Abs", ["off"], ["far"]),
        helper.make_node("MatMul", ["far", "w"], ["near"]),
        helper.make_node("Identity" if scores else "Softmax", ["near"], ["y"]),
        *more,
    ]
    w = numpy_helper.from_array(-200 / np.float32(maximum) * np.eye(outputs, dtype=np.float32), "w")
    if external:
        w = TensorProto(name="w", data_type=1, dims=[7, 7], data_location=TensorProto.EXTERNAL)
        w.external_data.add(key="location", value=external)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.array(axes, np.int64), "axes"),
            numpy_helper.from_array(np.array([-1, 1]), "flat"),
            numpy_helper.from_array(levels, "levels"),
            w,
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    if labels is not None:
        helper.set_model_props(model, labels)
    path.write_bytes(model.SerializeToString())
    return path
