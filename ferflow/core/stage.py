"""What every stage script shares: its command line, its manners towards DVC, its errors."""

import inspect
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from ferflow.core.costs import record_cost
from ferflow.core.dvc_locks import lock_holders
from ferflow.core.errors import FerflowError, printable
from ferflow.core.own_rank import LAUNCHER, error_file, n_ranks, rank, silence_others
from ferflow.core.params import flatten
from ferflow.core.pipeline import Pipeline
from ferflow.core.progress import hide_if_quiet
from ferflow.core.system import end_with_parent


def run_stage(main: Callable[..., float | None]) -> None:
    """Call `main` with the command line's words as paths, one for each of its parameters.

    What the user can put right ends as one line on the error stream and exit code 1. Seconds
    and peak memory are kept beside the pipeline's outputs, never in them (see
    `ferflow.core.costs`); `main` may return seconds that killed runs had spent on what it
    finished. Of several ranks (`ferflow.core.own_rank`) the first keeps and prints these.
    """
    _end_with_parent()
    silence_others()
    hide_if_quiet()
    names = list(inspect.signature(main).parameters)
    words = sys.argv[1:]
    if len(words) != len(names):
        sys.exit(f"usage: {Path(sys.argv[0]).name} {' '.join(name.upper() for name in names)}")
    started = time.perf_counter()
    stage = _stage()
    try:
        before = Pipeline().stage_params(stage) if stage else {}
        earlier = main(*map(Path, words)) or 0.0
        if stage:
            _refuse_changed_params(before, Pipeline().stage_params(stage))
        record_cost(stage, time.perf_counter() - started + earlier)
    except (FerflowError, OSError) as error:  # OSError: no permission, a folder for a file
        _fail(printable(f"error: {error}"))


def _fail(line: str) -> NoReturn:
    if (file := error_file(rank())) is not None:
        file.write_text(line, encoding="utf-8", newline="\n")
        sys.exit(1)
    sys.exit(line)


def _stage() -> str | None:
    """The stage of dvc.yaml that DVC runs; None by hand, or in a pipeline beside (with a ':').

    None for ranks after the first, too.
    """
    name = os.environ.get("DVC_STAGE")
    return None if name is None or ":" in name or rank() else name


def _refuse_changed_params(before: dict[str, Any], after: dict[str, Any]) -> None:
    """DVC writes into dvc.lock what params.yaml holds after the stage, whatever that has read."""
    now = flatten(after)
    for key, value in flatten(before).items():
        if now.get(key) != value:
            raise FerflowError(
                f"{key} in params.yaml was {value!r} when this stage began, and is now "
                f"{now.get(key)!r}: its results fit neither. Run `dvc repro` again."
            )


def _end_with_parent() -> None:
    """Ask Linux to end this process with its parent, so that no stage outlives a killed DVC.

    Without it an orphan keeps writing the file that the next `dvc repro` is making. Where DVC
    was killed before the question, while modules were imported, another is the parent by now.
    """
    if not end_with_parent():
        return
    launcher = os.environ.get(LAUNCHER)
    if launcher is None and n_ranks() > 1:
        return  # torchrun's, whatever its number is
    parents = [int(launcher)] if launcher else lock_holders() if "DVC_STAGE" in os.environ else []
    if parents and os.getppid() not in parents:
        sys.exit("error: DVC ended while this stage was starting.")
