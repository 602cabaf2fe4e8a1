"""`dvc repro`, as our own commands run it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ferflow.core.dvc_locks import delete_cut_off_locks
from ferflow.core.errors import FerflowError


def repro(*targets: str, failed: str) -> None:
    """`dvc repro` in the repository, by this interpreter; its output goes to the terminal.

    DVC's list of locks is deleted first where a kill cut it off. Raises FerflowError with the text
    `failed` where a stage fails.
    """
    delete_cut_off_locks()
    command = [sys.executable, "-m", "dvc", "repro", *targets]
    if subprocess.run(command, check=False, env=own_python_first(os.environ)).returncode:
        raise FerflowError(failed)


def own_python_first(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables for a process whose `python`, as dvc.yaml calls it, is this one."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{variables.get('PATH', '')}"
    return {**variables, "PATH": path}
