"""A frozen network through ONNX Runtime: MobileNetV2 answers four times as fast as from torch."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ferflow.backbones.onnx_graph import to_graph
from ferflow.backbones.onnx_session import session_of
from ferflow.core.errors import one_line

N_COMPARED = 64  # images
TOLERANCE = 1e-4  # of the largest value, between torch's answer and the other

_MAX_BYTES = 400 << 20  # of weights: while a network is converted, memory holds them three times
_INPUT, _OUTPUT = "pixel_values", "features"

Answer = Callable[[Tensor], NDArray[np.float32]]


class NoEngineError(Exception):
    """Why a network stays with torch."""


def onnx_answer(module: nn.Module, x: Tensor) -> tuple[Answer, str]:
    """What answers as the module does, and a text that says how closely.

    module : on the processor, float32; from (n, channel, height, width) to a tuple of one tensor.
    x : N_COMPARED inputs that are like those to come, or as many as there are. The answers may
    not depend on how many are asked about at once: two calls, of one input and of the others, must
    both agree with torch within TOLERANCE.
    Raises NoEngineError if they do not, and where the module does not convert.
    """
    size = sum(weights.nbytes for weights in module.parameters())
    if size > _MAX_BYTES:
        raise NoEngineError(f"its weights take {size >> 20} MB, more than {_MAX_BYTES >> 20}")
    with torch.inference_mode():
        expected = module(x)[0].numpy()
    try:
        graph = to_graph(module, x[:1].expand(2, -1, -1, -1).contiguous(), _INPUT, [_OUTPUT])
        session = session_of(graph.SerializeToString(), 0)
        answers = [session.run([_OUTPUT], {_INPUT: p.numpy()})[0] for p in (x[:1], x[1:])]
    except Exception as error:  # those of exporters and of onnxruntime have no other base
        reason = one_line(error)
        raise NoEngineError(f"it does not convert to ONNX: {reason}") from None
    found = np.concatenate(answers)
    if found.shape != expected.shape:
        raise NoEngineError(f"its ONNX graph answers {found.shape} in place of {expected.shape}")
    largest = float(np.abs(expected).max())
    apart = float(np.abs(found - expected).max())
    if not apart <= TOLERANCE * largest:  # also for NaN
        raise NoEngineError(
            f"its ONNX graph is {apart:.1e} apart, where values reach {largest:.1e}"
        )

    def answer(x: Tensor) -> NDArray[np.float32]:
        features: NDArray[np.float32] = session.run([_OUTPUT], {_INPUT: x.numpy()})[0]
        return features

    return answer, f"equal to torch on {len(x)} images to {apart / (largest or 1.0):.0e}"
