"""Tiny ONNX networks."""

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from ferflow.recognition.onnx_model import INPUT, KEY, OUTPUT

ABOUT = {"labels": ["a", "b"], "lighting": "none"}


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
