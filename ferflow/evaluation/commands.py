"""The command that prints the last run's metrics."""

from collections.abc import Callable


def show() -> None:
    """Print the metrics of the last run as a table, and what has changed since the last commit."""
    from rich.console import Console

    from ferflow.evaluation.summary import (
        change_lines,
        metrics_table,
        next_steps,
        protocol_line,
    )

    console = Console()
    console.print(metrics_table())
    console.print(protocol_line(), soft_wrap=True)
    if lines := change_lines():
        console.print(f"\n{lines}", soft_wrap=True)
    console.print(next_steps(), highlight=False, soft_wrap=True)


COMMANDS: list[Callable[..., None]] = [show]
