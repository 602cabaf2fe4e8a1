"""ONNX files that anybody may have made, run by ONNX Runtime."""

import os
from pathlib import Path
from typing import Any

from ferflow.core.errors import DataError, one_line
from ferflow.core.files import read_bounded
from ferflow.core.system import usable_cores

MAX_BYTES = 512 << 20


def open_session(file: Path, threads: int) -> Any:
    """An onnxruntime.InferenceSession on a file.

    threads : on which it computes; 0 for as many as there are cores that the process may use.
    Raises DataError if the file is missing, damaged or too large. Tensors outside
    the file are not read, and operators of other packages not known.
    """
    try:
        content = read_bounded(file, MAX_BYTES)
    except FileNotFoundError:
        raise DataError(f"{file} does not exist.") from None
    try:
        return session_of(content, threads)
    except Exception as error:  # onnxruntime's errors have no base but Exception
        reason = one_line(error)
        raise DataError(f"{file} is not an ONNX file that can be run ({reason}).") from None


def session_of(content: bytes, threads: int) -> Any:
    """As `open_session`, of a file's bytes; raises what onnxruntime raises, any Exception."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # 0 would take all cores of the machine, whatever the process is bound to
    # (findings/onnxruntime-leaves-the-cores-it-was-given.sh)
    options.intra_op_num_threads = threads or usable_cores()
    # threads that wait for work by running keep a core busy: two of them cost 2 to 3 times the
    # processor time of one, and where others compute as well they answer later
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # a place in which no tensor lies, so that none outside the file is ever found
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", os.devnull
    )
    options.log_severity_level = 4  # what is wrong comes as an exception
    return onnxruntime.InferenceSession(
        content,
        sess_options=options,
        providers=["CPUExecutionProvider"],
        enable_fallback=0,  # it would print, and try the same again
    )
