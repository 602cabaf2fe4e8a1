"""What every stage script shares: its command line, its manners towards DVC, its errors."""

import ctypes
import inspect
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ferflow.costs import record_cost
from ferflow.errors import FerflowError, printable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run_stage(main: Callable[..., float | None]) -> None:
    """Call `main` with the command line's words as paths, one for each of its parameters.

    What the user can put right ends as one line on the error stream and exit code 1. Seconds
    and peak memory are kept beside the pipeline's outputs, never in them (see `ferflow.costs`);
    `main` may return seconds that killed runs had spent on what it finished.
    """
    _end_with_parent()
    names = list(inspect.signature(main).parameters)
    words = sys.argv[1:]
    if len(words) != len(names):
        sys.exit(f"usage: {Path(sys.argv[0]).name} {' '.join(name.upper() for name in names)}")
    started = time.perf_counter()
    try:
        earlier = main(*map(Path, words)) or 0.0
    except FerflowError as error:
        sys.exit(printable(f"error: {error}"))
    except OSError as error:  # disk full, no permission, a folder where a file belongs
        sys.exit(printable(f"error: {error}"))
    record_cost(os.environ.get("DVC_STAGE"), time.perf_counter() - started + earlier)


def _end_with_parent() -> None:
    """Ask Linux to end this process with its parent, so that no stage outlives a killed DVC.

    Without it an orphan goes on writing the file that the next `dvc repro` is making.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
