"""The command `score`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from ferflow.score.score import Scored


def score(
    file: Annotated[
        Path,
        typer.Argument(help="CSV or parquet: which image, and a label or seven probabilities."),
    ],
    record: Annotated[
        str | None, typer.Option(help="Keep the answers under this name, for compare, ensemble.")
    ] = None,
) -> None:
    """Score anybody's answers to FER-2013's PublicTest and PrivateTest, without the data set.

    Images are told by file name, row of fer2013.csv, FER+'s image name or a hash of the pixels;
    classes by the columns' names.
    """
    from rich.console import Console

    from ferflow.fer2013.perfect import perfect_score
    from ferflow.score.score import score_file

    scored = score_file(file)
    console = Console()
    for table in (_figures_table(scored), _classes_table(scored)):
        console.print(table)
    for note in scored.notes:
        console.print(f"- {note}.", highlight=False, soft_wrap=True)
    console.print(
        "Of PrivateTest, FER-2013's label is among the most frequent of FER+'s ten votes for "
        "{in_lead}, and their clear majority for {equal} of the {n_clear} images that have "
        "one.".format(**perfect_score()),
        highlight=False,
        soft_wrap=True,
    )
    if record is not None:
        from ferflow.score.keep import keep

        console.print(f"recorded as {keep(scored, record)}", highlight=False)


def _figures_table(scored: "Scored") -> "Table":
    from rich import box
    from rich.table import Column, Table

    heads = (
        Column("images", no_wrap=True),
        "n",
        "accuracy",
        "95 % interval",
        "F1, macro",
        "ECE",
    )
    table = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for usage, parts in scored.parts.items():
        for name, f in parts.items():
            ece = "" if f.ece is None else f"{f.ece:.3f}"
            interval = f"{f.low:.3f} to {f.high:.3f}"
            words = f"  {name}" if name else usage
            table.add_row(
                words, f"{f.n:,}", f"{f.accuracy:.3f}", interval, f"{f.f1_macro:.3f}", ece
            )
    return table


def _classes_table(scored: "Scored") -> "Table":
    from rich import box
    from rich.table import Table

    from ferflow.score.score import class_rows

    table = Table(
        "recall (precision, images)", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for usage in scored.parts:
        table.add_column(usage)
    each = [class_rows(parts[""]) for parts in scored.parts.values()]
    for rows in zip(*each, strict=True):
        cells = (f"{recall:.3f} ({precision:.3f}, {n})" for _, precision, recall, _, n in rows)
        table.add_row(rows[0][0], *cells)
    return table


COMMANDS: list[Callable[..., None]] = [score]
