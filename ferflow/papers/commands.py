"""The commands around the papers, put into `ferflow` by `ferflow.cli`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ferflow.errors import FerflowError

console = Console()


def decode(
    figure: Annotated[
        str | None, typer.Argument(help="An accuracy, such as 0.8829 or 88.29%.")
    ] = None,
    classes: Annotated[int, typer.Option(help="Classes that the system tells apart.")] = 7,
    fit: Annotated[float, typer.Option(help="Accuracy on its training images, 0 to 1.")] = 1.0,
    confusion: Annotated[
        Path | None, typer.Option(help="A printed confusion matrix, CSV or JSON.")
    ] = None,
) -> None:
    """Say which honest accuracy each known mistake would need to print a figure."""
    from ferflow.papers.decoder import decode as read_figure
    from ferflow.papers.decoder import parse_figure

    if figure is None and confusion is None:
        raise FerflowError("name a figure, such as 0.8829, or a matrix: --confusion FILE.")
    if figure is not None:
        decoding = read_figure(parse_figure(figure), classes, fit=fit)
        table = Table("mistake", "what it does", "it needs", "reached by")
        table.columns[0].no_wrap = True
        for r in decoding.readings:
            needed = "-" if r.needed is None else f"{'>= ' if r.at_least else ''}{r.needed:.3f}"
            table.add_row(r.mistake, r.how, needed, r.reach)
        console.print(table)
        console.print(decoding.verdict, highlight=False, soft_wrap=True)
    if confusion is not None:
        _print_matrix(confusion)


def record(
    name: Annotated[
        str | None, typer.Option(help="Its name, instead of a hash of your edits.")
    ] = None,
) -> None:
    """Keep the last run in Git: its metrics, what made them, and its predictions."""
    from ferflow.papers.record import record_run

    made = record_run(name)
    print(f"recorded as {made.name}: {made.file('json')} and .parquet; commit both.")


def _print_matrix(path: Path) -> None:
    from ferflow.papers.confusion import p_text, read_confusion, read_matrix

    found = read_confusion(read_matrix(path))
    lines = [
        f"{found.n:,} images, accuracy {found.accuracy:.4f} "
        f"({found.accuracy_low:.4f} to {found.accuracy_high:.4f}), "
        f"one-vs-rest accuracy {found.one_vs_rest_accuracy:.4f}",
        f"these row and column sums agree by chance in {found.agreement:.4f}; "
        f"kappa {found.kappa:.4f}",
    ]
    if found.chi_square is not None and found.p is not None:
        lines.append(
            f"chi-square {found.chi_square:.1f} at {found.degrees} degrees of freedom, "
            f"{p_text(found.p)}"
        )
    console.print("\n".join([*lines, found.verdict]), highlight=False, soft_wrap=True)


COMMANDS: list[Callable[..., None]] = [decode, record]
