"""`ferflow report`: the papers on record, as reports/papers.md and reports/papers.html, the tables
in docs/papers.md and docs/leaderboard.md, and the table of models in README.md. All come from the
registry, the records, the tables of sweeps and the decoder alone.
"""

import re
from pathlib import Path

from ferflow.core.errors import FerflowError
from ferflow.core.files import atomic
from ferflow.documents.render import Grid, markdown_page, render
from ferflow.fer2013.perfect import perfect_score
from ferflow.records.record import load_records
from ferflow.report.claims_table import claims_in_short, claims_of_all
from ferflow.report.leaderboard import on_record, published, speed_picture
from ferflow.report.models_table import models
from ferflow.report.others import others
from ferflow.report.sections import ensembles, sections
from ferflow.report.standing import standings
from ferflow.report.whose_labels import labels_table
from ferflow.settings.presets import preset_names

TITLE = "The papers on record"
FOLDER = Path("reports")
README = Path("README.md")
CLAIMS = Path("docs/papers.md")
LEADERBOARD = Path("docs/leaderboard.md")
PICTURES = FOLDER / "pictures"


def write_report() -> list[Path]:
    """Write the reports, their pictures and the tables in other pages; returns what changed."""
    texts, changed = report_texts(), []
    for path, text in texts.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            with atomic(path) as part:
                part.write_text(text, encoding="utf-8", newline="\n")
            changed.append(path)
    for path in sorted(PICTURES.glob("*.svg")):
        if path not in texts:
            path.unlink()
            changed.append(path)
    return changed


def report_texts() -> dict[Path, str]:
    """File -> what must stand in it, by the present records."""
    records = load_records()
    rows = standings(records)
    pages = {}
    if CLAIMS.exists():  # not in a project of `ferflow new`, whose README is somebody's own
        pages[README] = _filled(README, "models", models(records))
        pages[CLAIMS] = _filled(CLAIMS, "claims", claims_in_short(rows))
        board = _filled(LEADERBOARD, "systems", on_record(records))
        pages[LEADERBOARD] = _fill(LEADERBOARD, board, "published", published())
        if picture := speed_picture(records):
            pages[LEADERBOARD.with_suffix(".svg")] = f"{picture.svg}\n"
    found = sections(rows, records)
    report = render(
        "papers.md.j2",
        title=TITLE,
        sections=found,
        claims=claims_of_all(rows),
        ensembles=ensembles(records),
        others=others(records),
        labels=labels_table(records),
        perfect=perfect_score(),
        present=preset_names(),
    )
    drawn = {f"{p.name}.svg": p.svg for section in found for p in section.pictures}
    shown = {f"{PICTURES.name}/{name}": svg for name, svg in drawn.items()}
    return {
        FOLDER / "papers.md": report,
        FOLDER / "papers.html": markdown_page(TITLE, report, shown),
        **{PICTURES / name: f"{svg}\n" for name, svg in drawn.items()},
        **pages,
    }


def _filled(path: Path, mark: str, grid: Grid) -> str:
    """A page with a table between its marks, '<!-- MARK -->' and '<!-- /MARK -->'."""
    return _fill(path, path.read_text(encoding="utf-8"), mark, grid)


def _fill(path: Path, page: str, mark: str, grid: Grid) -> str:
    marked = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    if len(marked.findall(page)) != 1:
        raise FerflowError(
            f"{path} must hold '<!-- {mark} -->' and, on a later line, '<!-- /{mark} -->', once."
        )
    table = render("one_table.md.j2", grid=grid)
    return marked.sub(lambda match: f"{match[1]}{table}{match[2]}", page)
