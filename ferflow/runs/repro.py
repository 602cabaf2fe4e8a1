"""`dvc repro`, as our own commands run it."""

import os
import subprocess
import sys
from pathlib import Path

from ferflow.core.dvc_locks import delete_cut_off_locks
from ferflow.core.errors import FerflowError


def repro(*targets: str, failed: str) -> None:
    """`dvc repro` in the repository, by this interpreter; its output goes to the terminal.

    DVC's list of locks is deleted first where a kill cut it off. Raises FerflowError with the text
    `failed` where a stage fails.
    """
    delete_cut_off_locks()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [sys.executable, "-m", "dvc", "repro", *targets]
    if subprocess.run(command, check=False, env=os.environ | {"PATH": path}).returncode:
        raise FerflowError(failed)
