"""Torch modules as ONNX graphs."""

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence

import onnx
import torch
from onnxscript import optimizer
from torch import Tensor, nn

OPSET = 18  # of ONNX, 2022: what runtimes of the last years know


def to_graph(
    module: nn.Module, two: Tensor, input_name: str, outputs: Sequence[str]
) -> onnx.ModelProto:
    """A module as a graph from any number of inputs like the two in `two`, (2, ...).

    outputs : names for the tensors of the tuple that it returns; it may return fewer.
    The module is left in eval mode. Raises what torch raises of a module that it cannot trace.
    """
    module.eval()
    with torch.inference_mode():
        n_outputs = len(module(two))
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            module,
            (two,),
            input_names=[input_name],
            output_names=outputs[:n_outputs],
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
    return program.model_proto
