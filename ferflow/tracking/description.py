"""A run's description in MLflow, as Markdown: headline figures, confusions, how to run it again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ferflow.core.paths import TABLES
from ferflow.core.tables import read_table
from ferflow.documents.render import Grid, render
from ferflow.tracking.headline import in_a_line, in_digits, in_words

NOTE = "mlflow.note.content"  # the tag whose Markdown MLflow shows as the description
_MOST = 8000  # characters of a tag; MLflow refuses more, or cuts it


def describe_run(
    tags: Mapping[str, str],
    seed: int,
    protocol: str,
    figures: Mapping[str, float],
    run_id: str,
    tables: Path = TABLES,
) -> str:
    """The description of a finished run.

    MLflow shows its first lines, the rest on demand. tags : the run's, `preset` and `commit` among
    them. protocol : what the figures mean, in a line. figures : the headline figures, by name.
    tables : where the stage `evaluate` wrote its tables. A confusion matrix with which the text
    would be too long for MLflow is left out.
    """
    commit = tags["commit"]
    known = commit.removesuffix("-dirty")
    content: dict[str, Any] = {
        "line": in_a_line(figures),
        "about": f"Preset {tags['preset']}, seed {seed}.",
        "protocol": protocol,
        "figures": figures_grid(figures),
        "commit": "" if known == "none" else known,
        "edited": commit.endswith("-dirty"),
        "run_id": run_id,
    }
    text = render("run.md.j2", confusions=_confusions(tables), **content)
    return text if len(text) <= _MOST else render("run.md.j2", confusions=None, **content)


def figures_grid(figures: Mapping[str, float]) -> Grid:
    """Headline figures as a table."""
    rows = [(in_words(name), in_digits(name, value)) for name, value in figures.items()]
    return Grid(["figure", "value"], rows)


def _confusions(tables: Path) -> dict[str, Any] | None:
    """The confusion matrix of test, of val where test is not scored, None where neither is."""
    for split in ("test", "val"):
        table = read_table(tables / f"confusion_{split}.csv", keep_default_na=False, dtype=str)
        if not table.empty:
            labels = list(dict.fromkeys(table["actual"]))
            counts = table["count"].to_numpy().reshape(len(labels), -1)
            rows = [[label, *row] for label, row in zip(labels, counts, strict=True)]
            return {"split": split, "grid": Grid(["", *labels], rows)}
    return None
