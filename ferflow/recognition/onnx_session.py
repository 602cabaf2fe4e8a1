"""ONNX files that anybody may have made, run by ONNX Runtime."""

import os
from pathlib import Path
from typing import Any

from ferflow.core.errors import DataError
from ferflow.core.files import read_bounded

MAX_BYTES = 512 << 20


def open_session(file: Path, threads: int) -> Any:
    """An onnxruntime.InferenceSession on a file.

    threads : on which it computes; 0 for as many as there are cores that the process may use.
    Raises DataError where the file is missing, damaged or too large. It is read as bytes: tensors
    outside the file are not found, and operators of other packages not known.
    """
    try:
        content = read_bounded(file, MAX_BYTES)
    except FileNotFoundError:
        raise DataError(f"{file} does not exist.") from None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # 0 would take all cores of the machine, whatever the process is bound to
    # (findings/onnxruntime-leaves-the-cores-it-was-given.sh)
    options.intra_op_num_threads = threads or usable_cores()
    options.log_severity_level = 4  # what is wrong comes as an exception
    try:
        return onnxruntime.InferenceSession(
            content,
            sess_options=options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # it would print, and try the same again
        )
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{file} is not an ONNX file that can be run ({reason}).") from None


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
