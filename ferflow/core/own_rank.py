"""Which of several processes that train one network together this one is: its rank.

torchrun says so in each one's environment, as does `ferflow.training.shared.launch`, which starts
them on one machine.
"""

import os
import sys
from pathlib import Path

from ferflow.core.progress import QUIET

LAUNCHER = "FERFLOW_LAUNCHER"  # the number of the process that started the ranks, if it is ferflow
FOLDER = "FERFLOW_RANKS_FOLDER"  # what that one and they share until they end


def n_ranks() -> int:
    """How many they are; 1 for a process on its own."""
    started = LAUNCHER in os.environ or "TORCHELASTIC_RUN_ID" in os.environ
    return int(os.environ["WORLD_SIZE"]) if started else 1


def rank() -> int:
    """From 0; rank 0 alone writes files and prints."""
    return int(os.environ["RANK"]) if n_ranks() > 1 else 0


def silence_others() -> None:
    """Have this process print nothing, unless it is rank 0."""
    if rank():
        os.environ[QUIET] = "1"
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  (until the process ends)


def error_file(rank: int) -> Path | None:
    """Where a rank leaves its error for who started it, which prints one of all; None: nowhere."""
    folder = os.environ.get(FOLDER)
    return Path(folder) / f"error-{rank}" if folder else None
