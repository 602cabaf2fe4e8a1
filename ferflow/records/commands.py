"""Commands about records: compare, ensemble, rescore, answers; `record` is one of runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer


def compare(
    a: Annotated[str, typer.Argument(help="A record (preset/seed-0) or a group (preset).")],
    b: Annotated[str, typer.Argument(help="Another.")],
) -> None:
    """Compare two records or groups of seeds on the same images, with intervals."""
    from rich.console import Console
    from rich.table import Table

    from ferflow.records.compare import compare as compare_records
    from ferflow.records.compare_labels import compare_by_labels
    from ferflow.records.record import find_records, load_records

    console = Console()
    records = load_records()
    first, second = find_records(a, records), find_records(b, records)
    console.print(f"A: {a}\nB: {b}", highlight=False, soft_wrap=True)
    for found in compare_records(first, second):
        title = f"{found.split}, {found.n:,} images"
        if {found.n_a, found.n_b} != {found.n}:
            title += f" in common (of {found.n_a:,} and {found.n_b:,})"
        table = Table("metric", "A", "B", "B - A", "95 % interval", title=title)
        for d in found.differences:
            bounds = f"{d.low:+.4f} to {d.high:+.4f}"
            table.add_row(d.score, f"{d.a:.4f}", f"{d.b:.4f}", f"{d.difference:+.4f}", bounds)
        console.print(table)
        for t in found.tests:
            console.print(
                f"McNemar, {t.a} and {t.b}: only the first right {t.only_a}, only the second "
                f"{t.only_b}; exact p = {t.exact_p:.3g}, mid-p = {t.mid_p:.3g}",
                highlight=False,
                soft_wrap=True,
            )
        console.print(found.method)
    for split, comparisons in compare_by_labels(first, second).items():
        table = Table("by whose labels", "images", "A", "B", "B - A", "95 % interval")
        table.title = f"{split}, accuracy on the images that FER+ voted on"
        for found in comparisons:
            (d,) = (d for d in found.differences if d.score == "accuracy")
            bounds = f"{d.low:+.4f} to {d.high:+.4f}"
            figures = (f"{d.a:.4f}", f"{d.b:.4f}", f"{d.difference:+.4f}", bounds)
            table.add_row(found.split, f"{found.n:,}", *figures)
        console.print(table)


def ensemble(
    members: Annotated[list[str], typer.Argument(help="Records or groups, two or more.")],
    weights: Annotated[
        Literal["equal", "log_loss", "accuracy"],
        typer.Option(help="Equal, or chosen on val: for the least log loss or the most right."),
    ] = "equal",
    name: Annotated[str | None, typer.Option(help="The ensemble's name.")] = None,
) -> None:
    """Average the probabilities of records; the ensemble gets its own record."""
    from ferflow.records.ensemble import make_ensemble
    from ferflow.records.record import find_records, load_records

    records = load_records()
    found = {r.name: r for reference in members for r in find_records(reference, records)}
    made = make_ensemble(list(found.values()), weights=weights, name=name)
    for member, weight in (made.members or {}).items():
        print(f"{weight:.3f}  {member}")
    for split in made.metrics:
        words = split.replace("_", " ")
        print(f"accuracy on {words:<20} {made.score(split, 'accuracy'):.4f}")
    print(f"recorded as {made.name}")


def rescore() -> None:
    """Compute intervals, and scores without relatives, of this data set's records again."""
    from ferflow.records.rescore import rescore as rescore_records

    for name, what in rescore_records():
        print(f"{name}: {what}")


def answers(
    file: Annotated[Path, typer.Argument(help="Where to write them.")],
    model: Annotated[
        Path | None, typer.Option(help="A folder that `train` wrote. Default: the last run's.")
    ] = None,
) -> None:
    """Write a network's answers to the training images, for other networks to learn from."""
    from ferflow.records.train_answers import write_train_answers

    n = write_train_answers(file, model)
    print(f"{file}: answers to {n:,} training images. Name it in train.network.teachers.")


COMMANDS: list[Callable[..., None]] = [compare, ensemble, rescore, answers]
