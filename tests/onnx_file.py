"""A tiny ONNX network, written by hand: the format's library is not among our packages.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto has the numbers of the fields.
"""

import numpy as np


def _field(number, content):
    """A protobuf field: a whole number, or bytes with their length."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    content = content.encode() if isinstance(content, str) else content
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _value(name, shape):
    dims = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def _node(kind, inputs, output):
    return b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind)


def linear_network(path, weights, channels, size, extra_output=False):
    """Write a network (1, channels, size, size) -> flattened @ weights, and return its path."""
    weights = np.asarray(weights, np.float32)
    tensor = b"".join(_field(1, side) for side in weights.shape) + _field(2, 1)
    tensor += _field(8, "w") + _field(9, weights.tobytes())
    outputs = [("points", (1, weights.shape[1]))]
    nodes = [_node("Flatten", ["x"], "flat"), _node("MatMul", ["flat", "w"], "points")]
    if extra_output:
        nodes.append(_node("Relu", ["points"], "more"))
        outputs.append(("more", (1, weights.shape[1])))
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, "g") + _field(5, tensor)
    graph += _field(11, _value("x", (1, channels, size, size)))
    graph += b"".join(_field(12, _value(*output)) for output in outputs)
    path.write_bytes(_field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13)))
    return path
