"""Whether DVC is at work in this repository, as its own lock file says."""

import json
import os
from pathlib import Path

from ferflow.core.errors import FerflowError

LOCKS = Path(".dvc/tmp/rwlock")  # path -> the processes that read it, the one that writes it


def refuse_while_dvc_runs() -> None:
    """FerflowError while a stage runs here: each one reads params.yaml when its turn comes.

    A queued or `--temp` experiment runs in a copy of its own and is not in the way.
    """
    if process := next(filter(_is_alive, lock_holders()), None):
        raise FerflowError(
            f"DVC runs the pipeline here (process {process}), and its stages read params.yaml one "
            "after another. Wait until it has ended, or work in another clone. If that process is "
            f"not DVC's, a killed one's number was given anew: delete {LOCKS}."
        )


def lock_holders() -> set[int]:
    """The processes that hold one of DVC's locks here; killed ones leave theirs."""
    try:
        locks = json.loads(LOCKS.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # of a damaged one DVC tells
        return set()
    holders = [*locks.get("write", {}).values()]
    holders += [holder for readers in locks.get("read", {}).values() for holder in readers]
    return {int(holder["pid"]) for holder in holders}


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
