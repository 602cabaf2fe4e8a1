"""A tiny ONNX network."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


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
