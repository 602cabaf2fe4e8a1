"""DVC's list of locks where a kill has cut it off."""

import json

from ferflow.core.busy import LOCKS
from ferflow.core.locks import exclusive


def delete_cut_off_locks() -> bool:
    """Whether the list was no JSON; it is deleted then, since every `dvc repro` would refuse it.

    DVC writes it in place, and holds a guard meanwhile, which is held here too.
    """
    if _is_whole():
        return False
    with exclusive(LOCKS.parent, f"{LOCKS.name}.lock"):
        if _is_whole():  # another process was only just writing it
            return False
        LOCKS.unlink()
    return True


def _is_whole() -> bool:
    try:
        json.loads(LOCKS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True
