"""`ferflow report`: the papers on record, as reports/papers.md, reports/papers.html and the
README's first table. All three come from the registry, the records and the decoder alone.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ferflow.artifacts import atomic
from ferflow.errors import FerflowError
from ferflow.evaluation.metrics import confusion_table, roc_table
from ferflow.papers.confusion import p_text, read_confusion, read_matrix
from ferflow.papers.pages import (
    Block,
    Drawing,
    Grid,
    Heading,
    Points,
    Text,
    draw_curves,
    draw_matrix,
    markdown_table,
    to_html,
    to_markdown,
)
from ferflow.papers.records import ENSEMBLES, RunRecord, load_records
from ferflow.papers.registry import METRICS, Claim, Paper, digits, load_papers
from ferflow.papers.standing import Standing, figure_of, honest_group, standings
from ferflow.presets import preset_names

FOLDER = Path("reports")
README = Path("README.md")
TITLE = "The papers on record"
NOT_RUN = "not yet run"
_MARKED = re.compile(r"(<!-- papers -->\n).*?(<!-- /papers -->)", re.DOTALL)


def write_report() -> list[Path]:
    """Write both reports and the README's table; returns what changed."""
    changed = []
    for path, text in report_texts().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            with atomic(path) as part:
                part.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def report_texts() -> dict[Path, str]:
    """File -> what must stand in it, by the present records."""
    records = load_records()
    blocks = list(_report(records))
    readme = README.read_text(encoding="utf-8")
    if len(_MARKED.findall(readme)) != 1:
        raise FerflowError(
            f"{README} must hold '<!-- papers -->' and, on a later line, '<!-- /papers -->', once."
        )
    table = readme_table(records)
    return {
        FOLDER / "papers.md": to_markdown(blocks),
        FOLDER / "papers.html": to_html(blocks, TITLE),
        README: _MARKED.sub(lambda match: f"{match[1]}{table}\n{match[2]}", readme),
    }


def readme_table(records: list[RunRecord]) -> str:
    """A row for each claimed accuracy."""
    rows = [row for row in standings(records) if row.metric == "accuracy"]
    twins = any(row.without_twins for row in rows)
    header = [
        "paper",
        "preset",
        "claims",
        "reaches",
        *(["without twins"] if twins else []),
        "verdict",
    ]
    return markdown_table(
        header,
        [
            [
                f"{row.paper.number}, {row.claim.system}",
                f"`{row.claim.preset}`",
                digits(row.claimed),
                str(row.honest or NOT_RUN),
                *[str(row.without_twins or "")] * twins,
                row.short_verdict,
            ]
            for row in rows
        ],
    )


def _report(records: list[RunRecord]) -> Iterator[Block]:
    rows = standings(records)
    yield Heading(1, TITLE)
    yield Text(
        "What five papers claim, what their systems reach here on images that nothing was fitted "
        "to or chosen on, and which known mistakes a claim is consistent with. A match proves "
        "nothing. Intervals hold 95 %: over images for one run, over seeds for several."
    )
    yield _claims(rows, short=True)
    yield Text(
        "`ferflow decode FIGURE` says how a verdict comes about, `ferflow decode --confusion FILE` "
        "reads a printed matrix, `ferflow reproduce PRESET` runs and records a system."
    )
    for paper in load_papers().values():
        yield from _section(paper, [row for row in rows if row.paper is paper], records)
    if ensembles := [record for record in records if record.preset == ENSEMBLES]:
        yield Heading(2, "Ensembles")
        yield Grid(
            ["ensemble", "members", "val accuracy", "test accuracy"],
            list(map(_ensemble, ensembles)),
        )


def _claims(rows: list[Standing], *, short: bool = False) -> Grid:
    """One row a claimed figure; `short` verdicts are those of the README's table."""
    twins, mistakes = any(r.without_twins for r in rows), any(r.mistakes for r in rows)
    header = ["paper", "system", "metric", "claimed", "honest"]
    header += ["without twins"] * twins + ["by mistake"] * mistakes + ["verdict"]
    return Grid(
        header,
        [
            [
                str(row.paper.number),
                f"{row.claim.system}, {row.claim.data_set}",
                METRICS[row.metric],
                digits(row.claimed),
                str(row.honest or NOT_RUN),
                *[str(row.without_twins or "")] * twins,
                *["; ".join(f"`{k}` {v}" for k, v in row.mistakes.items())] * mistakes,
                row.short_verdict if short else row.verdict,
            ]
            for row in rows
        ],
    )


def _section(paper: Paper, rows: list[Standing], records: list[RunRecord]) -> Iterator[Block]:
    yield Heading(2, f"Paper {paper.number}: {paper.title}")
    yield Text(f"{paper.reference} System: {paper.system}.")
    yield _claims(rows)
    yield Heading(3, "As stated")
    yield Points([_stated(claim) for claim in paper.claims])
    yield Heading(3, "What it leaves open, and our reading")
    yield Grid(["not said", "our reading"], [[p.silent, p.reading] for p in paper.open])
    if paper.matrices:
        yield Heading(3, "Its printed confusion matrices")
        yield from _printed(paper)
    for preset in dict.fromkeys(claim.preset for claim in paper.claims):
        if group := honest_group(records, preset):
            yield Heading(3, f"`{preset}` on record")
            yield from _recorded(group)


def _stated(claim: Claim) -> str:
    """A claim's protocol, in the paper's terms."""
    absent = "" if claim.preset in preset_names() else ", not there yet"
    text = f"{claim.system} (`{claim.preset}`{absent}): {claim.data_set}; {claim.stated}"
    if claim.range:
        text += f"; its accuracy varied from {claim.range[0]} to {claim.range[1]}"
    return f"{text}. Averages: {claim.averaging}" if claim.averaging else text


def _printed(paper: Paper) -> Iterator[Block]:
    for printed in paper.matrices:
        matrix = read_matrix(printed.path)
        found = read_confusion(matrix)
        test = "" if found.p is None else f"; {p_text(found.p)}"
        caption = f"As printed: {printed.caption}"
        yield Drawing(draw_matrix(matrix.table()), caption)
        yield Text(
            f"{caption}: {found.n:,} images, accuracy {found.accuracy:.4f}, by chance "
            f"{found.agreement:.4f}, one-vs-rest accuracy {found.one_vs_rest_accuracy:.4f}; "
            f"chi-square {found.chi_square or 0:.1f}{test}. {found.verdict}"
        )


def _recorded(group: list[RunRecord]) -> Iterator[Block]:
    """A preset's record: scores, where it was made, and pictures of its first seed."""
    first = group[0]
    splits = [name for name in first.metrics if name != "train"]
    shown = [*METRICS, "balanced_accuracy", "log_loss"]
    rows = [
        [
            METRICS.get(score, score.replace("_", " ")),
            *(str(figure_of(group, s, score)) for s in splits),
        ]
        for score in shown
    ]
    yield Grid(["metric", *(name.replace("_", " ") for name in splits)], rows)
    seconds = f"{first.seconds:,.0f} s" if first.seconds else "times unknown"
    seeds = ", ".join(str(record.seed) for record in group)
    yield Text(
        f"Seeds {seeds}; recorded {first.date[:10]} at commit `{first.commit}` on "
        f"{first.hardware.get('cpu', 'an unknown processor')}, "
        f"{first.hardware.get('cores', '?')} cores; {seconds} a run."
    )
    answers = first.answers()
    split = "test" if "test" in answers else "val"
    a = answers[split]
    where = f"{split}, seed {first.seed}"
    yield Drawing(draw_matrix(confusion_table(a.y, a.p, a.labels)), f"Confusion matrix, {where}")
    curves = roc_table(a.y, a.p, a.labels)
    drawn = draw_curves(curves, "false_positive_rate", "true_positive_rate")
    yield Drawing(drawn, f"ROC, each class against the rest, {where}")


def _ensemble(record: RunRecord) -> list[str]:
    members = "; ".join(f"{name} {weight:.2f}" for name, weight in (record.members or {}).items())
    scores = [str(figure_of([record], split, "accuracy") or "") for split in ("val", "test")]
    return [str(record.variant), members, *scores]
