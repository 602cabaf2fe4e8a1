"""DVC's list of locks: whether DVC is at work in this repository, and what a kill cut off of it."""

import json
from pathlib import Path

from ferflow.core.errors import FerflowError
from ferflow.core.locks import exclusive
from ferflow.core.system import is_alive

_MAX_PID = 2**31
# what something else than such a list raises
_NO_LIST = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)

LOCKS = Path(".dvc/tmp/rwlock")  # path -> the processes that read it, the one that writes it


def refuse_while_dvc_runs() -> None:
    """FerflowError while a stage runs here: each one reads params.yaml when its turn comes.

    A queued or `--temp` experiment runs in a copy of its own and is not in the way.
    """
    if process := next(filter(is_alive, lock_holders()), None):
        raise FerflowError(
            f"DVC runs the pipeline here (process {process}), and its stages read params.yaml one "
            "after another. Wait until it has ended, or work in another clone. If no DVC process "
            f"is running, delete {LOCKS} (a process id was reused)."
        )


def lock_holders() -> set[int]:
    """The processes that hold one of DVC's locks here; killed ones leave theirs."""
    try:
        locks = json.loads(LOCKS.read_text(encoding="utf-8"))
        holders = [*locks.get("write", {}).values()]
        holders += [holder for readers in locks.get("read", {}).values() for holder in readers]
        return {pid for holder in holders if 0 < (pid := int(holder["pid"])) < _MAX_PID}
    except (FileNotFoundError, *_NO_LIST):  # of a damaged one DVC tells
        return set()


def delete_cut_off_locks() -> bool:
    """Whether the list was no JSON; it is deleted then, since every `dvc repro` would refuse it.

    DVC writes it in place, and holds a guard meanwhile, which is held here too. Both are the
    system's `flock`: DVC's by zc.lockfile, ours by filelock. `lockf` would not keep DVC out, nor
    does anything where a user sets DVC's `core.hardlink_lock`.
    """
    if _is_whole():
        return False
    with exclusive(LOCKS.with_name(f"{LOCKS.name}.lock")):
        if _is_whole():  # another process was only just writing it
            return False
        LOCKS.unlink()
    return True


def _is_whole() -> bool:
    try:
        json.loads(LOCKS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except (ValueError, RecursionError):
        return False
    return True
