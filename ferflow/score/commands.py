"""The command `score`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ferflow.core.errors import ParamError

if TYPE_CHECKING:
    from rich.table import Table

    from ferflow.score.score import Scored


def score(
    file: Annotated[
        Path | None,
        typer.Argument(help="CSV or parquet: which image, and a label or seven probabilities."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="A model to run: an ONNX file, or a folder of transformers or of `train`."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="FER-2013's images for it. Default: data.path of params.yaml."),
    ] = None,
    input_size: Annotated[
        int | None, typer.Option(help="Side of its input in pixels, 8 to 1024.")
    ] = None,
    channels: Annotated[str | None, typer.Option(help="grey or rgb.")] = None,
    scale: Annotated[str | None, typer.Option(help="0-1, -1-1, 0-255 or imagenet.")] = None,
    layout: Annotated[str | None, typer.Option(help="nchw or nhwc.")] = None,
    labels: Annotated[
        str | None,
        typer.Option(help="Its classes in order, such as angry,-,happy; - for any other class."),
    ] = None,
    record: Annotated[
        str | None, typer.Option(help="Keep the answers under this name, for compare, ensemble.")
    ] = None,
    about: Annotated[
        list[str] | None,
        typer.Option(help="A note in the record, KEY=TEXT; repeatable."),
    ] = None,
) -> None:
    """Score anybody's answers to FER-2013's PublicTest and PrivateTest, without the data set.

    One column names the image: by file name, row of fer2013.csv, FER+'s image name or a hash of the
    pixels. The other columns are named after the classes. With --model, a model is run on the
    images of --data.
    """
    from rich.console import Console

    from ferflow.fer2013.perfect import perfect_score
    from ferflow.score.score import score_file
    from ferflow.score.stated import Stated

    stated = Stated(input_size, channels, scale, layout, labels)
    ran = None
    if model is not None and file is None:
        from ferflow.score.run import score_model

        ran = score_model(model, stated, data)
        scored = ran.scored
    elif file is not None and model is None:
        stated.refuse(f"{file} is a file of answers, and no model is run")
        scored = score_file(file)
    else:
        got = "both" if file is not None else "neither"
        raise ParamError(f"name a file of answers, or a model with --model; got {got}.")
    console = Console()
    for table in (_figures_table(scored), _classes_table(scored)):
        console.print(table)
    if ran is not None:
        console.print(str(ran.weight), highlight=False, soft_wrap=True)
    for note in scored.notes:
        console.print(f"- {note}.", highlight=False, soft_wrap=True)
    console.print(
        "FER-2013's label is among the most frequent of FER+'s ten votes for {in_lead} of "
        "PrivateTest's images. {n_clear} have a clear majority; it is FER-2013's label for {equal} "
        "of them.".format(**perfect_score()),
        highlight=False,
        soft_wrap=True,
    )
    if record is not None:
        from ferflow.score.keep import keep, parse_about

        kept = keep(scored, record, parse_about(about or []), None if ran is None else ran.about)
        console.print(f"recorded as {kept}", highlight=False)


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
