"""`ferflow audit`: from a data set to counts, a page and a table for the terminal."""

from pathlib import Path

from rich.table import Table

from ferflow.audit.measures import audit, count
from ferflow.audit.page import audit_page, findings, relatives
from ferflow.core.files import atomic, write_json
from ferflow.core.hashing import sha256_of
from ferflow.core.params import load_params, load_seed
from ferflow.core.tables import write_table
from ferflow.download.params import DataParams
from ferflow.download.sources import load_images

FOLDER = Path("data/audit")


def write_audit(path: str | None) -> tuple[list[Table], Path]:
    """Audit the data at `path`, or those that params.yaml names, into `FOLDER`.

    Writes audit.json (all counts), twins.csv (images outside train with a twin in it),
    relatives.csv (with a relative) and index.html. Returns a table of the findings and one of
    relatives, and where the page lies.
    """
    params = load_params("data", DataParams)
    if path is not None:
        place = {"source": "path", "path": path, "sha256": sha256_of(Path(path))}
        params = params.model_copy(update=place)
    found = audit(load_images(params, load_seed()), params.shape)
    counts = count(found)
    write_json(FOLDER / "audit.json", counts)
    write_table(FOLDER / "twins.csv", found.twins)
    write_table(FOLDER / "relatives.csv", found.relatives)
    page = FOLDER / "index.html"
    with atomic(page) as part:
        part.write_text(audit_page(found, counts), encoding="utf-8", newline="\n")
    title = f"Audit of {found.meta['data_set']}"
    wide = f"{title}: relatives (twins and changed copies)"
    return [_table(title, findings(found, counts)), _table(wide, relatives(found, counts))], page


def _table(title: str, content: tuple[list[str], list[list[str]]]) -> Table:
    head, rows = content
    table = Table(head[0], title=title)
    for name in head[1:]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table
