"""Commands about claims: decode a figure, write the report."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ferflow.core.errors import FerflowError

if TYPE_CHECKING:
    from rich.table import Table

    from ferflow.claims.verdict import Reading


def decode(
    figure: Annotated[
        str | None, typer.Argument(help="An accuracy, such as 0.8829 or 88.29%.")
    ] = None,
    classes: Annotated[int, typer.Option(help="Number of classes.")] = 7,
    images: Annotated[
        int, typer.Option(help="Number of test images; PrivateTest has 3,589.")
    ] = 3589,
    fit: Annotated[float, typer.Option(help="Accuracy on its training images, 0 to 1.")] = 1.0,
    confusion: Annotated[
        Path | None, typer.Option(help="A printed confusion matrix, CSV or JSON.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Print the verdicts on all claims.")] = False,
) -> None:
    """Say whether an accuracy is possible and, if not, which mistakes could print it."""
    from rich.console import Console

    from ferflow.claims.decoder import decode as read_figure
    from ferflow.claims.decoder import parse_figure
    from ferflow.claims.registry import digits
    from ferflow.evaluation.intervals import wilson_interval

    console = Console()
    if figure is None and confusion is None and not all_:
        raise FerflowError(
            "give a figure such as 0.8829, a matrix (--confusion FILE), or --all for all claims."
        )
    if figure is None and (classes, images, fit) != (7, 3589, 1.0):
        raise FerflowError("--classes, --images and --fit need a figure, such as 0.8829.")
    if all_:
        _print_verdicts()
    if figure is not None:
        verdict = read_figure(parse_figure(figure), classes, n_images=images, fit=fit)
        low, high = wilson_interval(verdict.claimed * images, images)
        console.print(
            f"{verdict.long}\n{digits(verdict.claimed)} on {images:,} test images has the 95 % "
            f"interval {low:.3f} to {high:.3f}.",
            highlight=False,
            soft_wrap=True,
        )
        if verdict.readings:
            console.print(_readings_table(verdict.readings))
    if confusion is not None:
        _print_matrix(confusion)


def report() -> None:
    """Write the reports, and the tables in README.md, docs/papers.md and docs/leaderboard.md."""
    from ferflow.report.write import write_report

    changed = write_report()
    print(f"written: {', '.join(map(str, changed))}" if changed else "everything is up to date")


def _readings_table(readings: tuple["Reading", ...]) -> "Table":
    """The mistakes that could print a figure, and the accuracy that each would need."""
    from rich.table import Table

    table = Table("mistake", "what it does", "honest accuracy", "reached by")
    table.columns[0].no_wrap = True
    for r in sorted(readings, key=lambda r: not r.plausible):
        needed = "-" if r.needed is None else f"{'>= ' if r.at_least else ''}{r.needed:.3f}"
        reach = r.reach if r.plausible else f"ruled out: {r.reach}"
        table.add_row(r.mistake, r.how, needed, reach)
    return table


def _print_verdicts() -> None:
    """Each claimed figure, what is recorded of it, and the verdict."""
    from rich.console import Console

    from ferflow.claims.registry import METRICS, digits
    from ferflow.records.record import load_records
    from ferflow.report.standing import standings

    console = Console()
    for row in standings(load_records()):
        honest = row.honest.text if row.honest else "not yet run"
        about = f"{row.claim.preset}, {METRICS[row.metric]} {digits(row.claimed)}; honest {honest}"
        console.print(f"paper {row.paper.number}, {about}", highlight=False, soft_wrap=True)
        console.print(f"  {row.verdict.long}", highlight=False, soft_wrap=True)


def _print_matrix(path: Path) -> None:
    from rich.console import Console

    from ferflow.claims.confusion import p_text, read_confusion, read_matrix

    found = read_confusion(read_matrix(path))
    lines = [
        f"{found.n:,} images, accuracy {found.accuracy:.4f} "
        f"({found.accuracy_low:.4f} to {found.accuracy_high:.4f}), "
        f"one-vs-rest accuracy {found.one_vs_rest_accuracy:.4f}",
        f"accuracy by chance with these row and column sums {found.agreement:.4f}; "
        f"kappa {found.kappa:.4f}",
    ]
    if found.chi_square is not None and found.p is not None:
        lines.append(
            f"chi-square {found.chi_square:.1f} at {found.degrees} degrees of freedom; "
            f"{found.test}, {p_text(found.p)}"
        )
    Console().print("\n".join([*lines, found.verdict]), highlight=False, soft_wrap=True)


COMMANDS: list[Callable[..., None]] = [decode, report]
