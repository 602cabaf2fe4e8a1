"""Small tables as CSV: readable in Git, and what `dvc plots` draws."""

from pathlib import Path

import pandas as pd

from ferflow.artifacts import atomic


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table with six significant digits, enough for a picture and stable in a diff."""
    with atomic(path) as part:
        table.to_csv(part, index=False, float_format="%.6g", lineterminator="\n")
