"""`ferflow report`: the papers on record, as reports/papers.md, reports/papers.html and the
README's first table. All three come from the registry, the records, the tables of sweeps and the
decoder alone.
"""

import re
from pathlib import Path

from ferflow.errors import FerflowError
from ferflow.files import atomic
from ferflow.papers.blocks import Drawings, markdown_table, to_html, to_markdown
from ferflow.papers.records import RunRecord, load_records
from ferflow.papers.registry import digits
from ferflow.papers.sections import mistake_text, reached_text, report_blocks
from ferflow.papers.standing import standings

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
    blocks = list(report_blocks(records))
    readme = README.read_text(encoding="utf-8")
    if len(_MARKED.findall(readme)) != 1:
        raise FerflowError(
            f"{README} must hold '<!-- papers -->' and, on a later line, '<!-- /papers -->', once."
        )
    table = readme_table(records)
    drawn = [drawing for block in blocks if isinstance(block, Drawings) for drawing in block.items]
    return {
        FOLDER / "papers.md": to_markdown(blocks, PICTURES.name),
        FOLDER / "papers.html": to_html(blocks),
        **{PICTURES / f"{drawing.name}.svg": f"{drawing.svg}\n" for drawing in drawn},
        README: _MARKED.sub(lambda match: f"{match[1]}{table}\n{match[2]}", readme),
    }


def readme_table(records: list[RunRecord]) -> str:
    """A row for each claimed accuracy."""
    rows = [row for row in standings(records) if row.metric == "accuracy"]
    twins, mistakes = any(r.without_twins for r in rows), any(r.nearest_mistake for r in rows)
    header = ["paper", "preset", "claims", "reaches"]
    header += ["without twins"] * twins + ["nearest mistake"] * mistakes + ["verdict"]
    return markdown_table(
        header,
        [
            [
                f"{row.paper.number}, {row.claim.system}",
                f"`{row.claim.preset}`",
                digits(row.claimed),
                reached_text(row),
                *[row.without_twins.text if row.without_twins else ""] * twins,
                *[mistake_text(row.nearest_mistake)] * mistakes,
                row.short_verdict,
            ]
            for row in rows
        ],
    )
