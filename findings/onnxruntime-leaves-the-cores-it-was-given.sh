#!/usr/bin/env bash
# onnxruntime 1.32.0: a process bound to one core computes on all of them.
#
# With `intra_op_num_threads` left at 0 a session makes a thread for each core of the machine and
# binds every one to a core of its own, also where the process was bound to fewer (taskset,
# os.sched_setaffinity, a scheduler that shares a machine out so). The threads leave the mask that
# they would inherit. A number of threads keeps them in it. So a measurement "on one core" by
# taskset is one on all cores. Needs a machine with two cores or more.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2
"$folder/venv/bin/python" - <<'PYTHON'
import os
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 8])
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["y"])],
    "g",
    [value("x")],
    [value("y")],
    [numpy_helper.from_array(np.eye(8, dtype=np.float32), "w")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def outside(threads):
    """How many of a session's threads may run on other cores than the process."""
    before = set(os.listdir("/proc/self/task"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    new = set(os.listdir("/proc/self/task")) - before
    found = sum(not os.sched_getaffinity(int(thread)) <= given for thread in new)
    del session
    return f"{found} of {len(new)}"


cores = sorted(os.sched_getaffinity(0))
assert len(cores) > 1, "needs two cores"
given = {cores[0]}
os.sched_setaffinity(0, given)
default, two = outside(0), outside(2)
print("onnxruntime", onnxruntime.__version__)
print(f"bound to one core; threads of a session that may run elsewhere: by default {default}")
print(f"with intra_op_num_threads=2: {two}")
assert default[0] != "0" and two[0] == "0"
PYTHON
# seen: onnxruntime 1.32.0
#       bound to one core; threads of a session that may run elsewhere: by default 1 of 1
#       with intra_op_num_threads=2: 0 of 1
