"""`ferflow report`: the papers on record, as reports/papers.md, reports/papers.html and the
README's first table. All three come from the registry, the records, the tables of sweeps and the
decoder alone.
"""

import re
from pathlib import Path

from ferflow.core.errors import FerflowError
from ferflow.core.files import atomic
from ferflow.documents.render import markdown_page, render
from ferflow.fer2013.perfect import perfect_score
from ferflow.records.record import load_records
from ferflow.report.claims_table import claims_in_short, claims_of_all
from ferflow.report.sections import ensembles, sections
from ferflow.report.standing import standings
from ferflow.report.whose_labels import labels_table
from ferflow.settings.presets import preset_names

TITLE = "The papers on record"
FOLDER = Path("reports")
README = Path("README.md")
PICTURES = FOLDER / "pictures"
_MARKED = re.compile(r"(<!-- papers -->\n).*?(<!-- /papers -->)", re.DOTALL)


def write_report() -> list[Path]:
    """Write both reports, their pictures and the README's table; returns what changed."""
    texts, changed = report_texts(), []
    for path, text in texts.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            with atomic(path) as part:
                part.write_text(text, encoding="utf-8")
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
    readme = README.read_text(encoding="utf-8")
    if len(_MARKED.findall(readme)) != 1:
        raise FerflowError(
            f"{README} must hold '<!-- papers -->' and, on a later line, '<!-- /papers -->', once."
        )
    table = render("readme.md.j2", claims=claims_in_short(rows))
    found = sections(rows, records)
    report = render(
        "papers.md.j2",
        title=TITLE,
        sections=found,
        claims=claims_of_all(rows),
        ensembles=ensembles(records),
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
        README: _MARKED.sub(lambda match: f"{match[1]}{table}{match[2]}", readme),
    }
