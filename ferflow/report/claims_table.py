"""The table of claims: what each paper's systems claim, what they reach here, what that leaves."""

from collections.abc import Callable, Mapping, Sequence

from ferflow.claims.registry import METRICS, digits
from ferflow.documents.render import Grid
from ferflow.report.standing import Standing

Columns = Mapping[str, Callable[[Standing], str]]


def claims_of_all(rows: list[Standing]) -> Grid:
    """The claimed accuracies of all papers, as in the report."""
    return _claims(
        accuracies(rows),
        {
            "paper": lambda row: str(row.paper.number),
            "system": lambda row: f"{row.claim.system}, {row.claim.data_set}",
            "claimed": lambda row: digits(row.claimed),
            "honest": reached_text,
        },
    )


def claims_in_short(rows: list[Standing]) -> Grid:
    """The claimed accuracies of all papers, as in docs/papers.md."""
    return _claims(
        accuracies(rows),
        {
            "paper": lambda row: f"{row.paper.number}, {row.claim.system}",
            "preset": lambda row: f"`{row.claim.preset}`",
            "claims": lambda row: digits(row.claimed),
            "reaches": reached_text,
        },
    )


def claims_of_one(rows: list[Standing]) -> Grid:
    """All claimed figures of one paper."""
    return _claims(
        rows,
        {
            "system": lambda row: row.claim.system,
            "metric": lambda row: METRICS[row.metric],
            "claimed": lambda row: digits(row.claimed),
            "honest": reached_text,
        },
    )


def accuracies(rows: list[Standing]) -> list[Standing]:
    """The rows that are of an accuracy."""
    return [row for row in rows if row.metric == "accuracy"]


def reached_text(row: Standing) -> str:
    """What a claim's preset reaches, and where that is not on PrivateTest."""
    if row.honest is None:
        return "not yet run"
    where = ", on PublicTest" if row.claim.fer2013 and row.claim.split.startswith("val") else ""
    return f"{row.honest.text}{where}"


def _claims(rows: Sequence[Standing], first: Columns) -> Grid:
    """A row for each claimed figure: the first columns, what there is besides, the verdict."""
    besides: Columns = {"without twins": _without_twins, "nearest mistake": _nearest_mistake}
    shown = {name: cell for name, cell in besides.items() if any(cell(row) for row in rows)}
    columns: Columns = {**first, **shown, "verdict": lambda row: row.verdict.short}
    return Grid(list(columns), [[cell(row) for cell in columns.values()] for row in rows])


def _without_twins(row: Standing) -> str:
    return str(row.without_twins or "")


def _nearest_mistake(row: Standing) -> str:
    """The mistake that comes nearest, and the figure that it prints."""
    if row.nearest_mistake is None:
        return ""
    name, figure = row.nearest_mistake
    return f"`{name}` {figure.value:.3f}"
