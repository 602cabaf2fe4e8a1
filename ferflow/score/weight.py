"""What a model weighs: numbers in it, bytes on the disk, multiply-adds an image, faces a second."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ferflow.score.models import Model
from ferflow.score.stated import Faces

BATCHES = (1, 64)
_SECONDS = 2.0  # of measuring, for each size of a batch
_LEAST = 3  # batches that are timed
_FOLDER = (".safetensors", ".onnx", ".skops", ".npy")  # files that hold weights


@dataclass(frozen=True)
class Weight:
    """parameters : numbers in it, None where they are not counted. bytes : of its file, or of the
    files with weights in its folder. multiply_adds : of one image, in convolutions, dense layers
    and products of matrices with weights; None where they are not counted.
    faces_per_second : images at a time -> speed on one thread from grey 48x48 to probabilities;
    a number of images that it does not take at a time is left out.
    """

    parameters: int | None
    bytes: int
    multiply_adds: int | None
    faces_per_second: dict[int, float]

    def __str__(self) -> str:
        words = [] if self.parameters is None else [f"{self.parameters:,} parameters"]
        words.append(f"{self.bytes:,} bytes")
        if self.multiply_adds is not None:
            words.append(f"{self.multiply_adds / 1e6:,.3g} M multiply-adds")
        speeds = [
            f"{v:,.0f} faces a second in batches of {n}" for n, v in self.faces_per_second.items()
        ]
        return "; ".join([*words, f"one thread: {', '.join(speeds)}"])


def weigh(path: Path, model: Model, faces: Faces) -> Weight:
    """What a model weighs; it should compute on one thread. faces : to measure its speed with."""
    files = [path]
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.suffix in _FOLDER]
    parameters: int | None = None
    multiply_adds: int | None = None
    if model.network is not None:
        parameters, multiply_adds = _of_network(model)
    elif path.is_file():
        parameters, multiply_adds = _of_file(path, model)
    speeds = {n: faces_per_second(model, faces, n) for n in BATCHES if n <= model.at_once}
    size = sum(file.stat().st_size for file in files)
    return Weight(parameters, size, multiply_adds, speeds)


def faces_per_second(model: Model, faces: Faces, n: int) -> float:
    """n over the median of the processor's time for a batch of n, after one that is not timed.

    The processor's time, of all threads, is that of the clock where nothing else runs.
    """
    batch, times = np.resize(faces, (n, *faces.shape[1:])), list[float]()
    with _one_thread():
        model.run(batch)
        while len(times) < _LEAST or sum(times) < _SECONDS:
            start = time.process_time()
            model.run(batch)
            times.append(time.process_time() - start)
    return n / median(times)


@contextmanager
def _one_thread() -> Iterator[None]:
    """torch on one thread, where it is in use."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _of_network(model: Model) -> tuple[int, int]:
    from ferflow.settings.measure_network import multiply_adds

    parameters = sum(p.numel() for p in model.network.parameters())
    return parameters, multiply_adds(model.network, _tensor(model.example))


def _tensor(example: Any) -> Any:
    """The input of torch's network: of our own faces, grey levels from 0 to 1."""
    import torch

    x = torch.from_numpy(example).float()
    if example.dtype != np.uint8:
        return x
    return x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2)


def _of_file(path: Path, model: Model) -> tuple[int, int | None]:
    """(parameters, multiply-adds or None) of an ONNX file that ONNX Runtime has run."""
    import onnx
    from onnx import shape_inference

    graph_file = onnx.load_model_from_string(path.read_bytes())
    graph = graph_file.graph
    numeric = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE}
    numeric |= {onnx.TensorProto.BFLOAT16, onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    parameters = sum(prod(t.dims) for t in graph.initializer if t.data_type in numeric)
    assert model.example is not None  # an ONNX file's always is
    dims = graph.input[0].type.tensor_type.shape.dim
    for dim, length in zip(dims, np.shape(model.example), strict=True):
        dim.dim_value = length
    del graph.value_info[:]  # they may name any number of images
    inferred = shape_inference.infer_shapes(graph_file, data_prop=True).graph
    shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    for value in (*inferred.value_info, *inferred.output, *inferred.input):
        tensor = value.type.tensor_type
        shapes[value.name] = tuple(d.dim_value for d in tensor.shape.dim)
    counts = [_multiply_adds(node, shapes) for node in inferred.node]
    known = [count for count in counts if count is not None]
    return parameters, sum(known) if len(known) == len(counts) else None


def _multiply_adds(node: Any, shapes: dict[str, tuple[int, ...]]) -> int | None:
    """Of one node of a graph; None where its shapes are not known."""
    kinds = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "Gemm": 1, "MatMul": 1}
    kinds |= {"MatMulInteger": 1, "QLinearMatMul": 3, "QGemm": 3}
    if node.op_type not in kinds:
        return 0
    shape, weight = shapes.get(node.output[0]), shapes.get(node.input[kinds[node.op_type]])
    if not shape or not weight or 0 in weight:
        return None
    if "Gemm" in node.op_type:
        return prod(weight) * max(1, shape[0])  # of one image a row, where it is not known
    if "MatMul" in node.op_type:
        weight = (0, shapes.get(node.input[0], (0,))[-1])
    return prod(shape) * prod(weight[1:]) or None
