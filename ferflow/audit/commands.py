"""The command that looks a data set over."""

from collections.abc import Callable
from typing import Annotated

import typer


def audit(
    path: Annotated[
        str | None, typer.Argument(help="A data set. Default: the one in params.yaml.")
    ] = None,
) -> None:
    """Find duplicates, contradictory labels and images without a face; write a page about them.

    Relatives (twins and mirrored, shifted, rotated, zoomed or equalised copies) are counted
    separately; the page says how many of each kind are found.

    Paths are relative to the repository.
    """
    from rich.console import Console

    from ferflow.audit.write import write_audit

    tables, page = write_audit(path)
    Console().print(*tables, sep="\n")
    print(f"Examples and all figures: {page}")


COMMANDS: list[Callable[..., None]] = [audit]
