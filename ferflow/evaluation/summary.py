"""The last run's metrics as a table for people."""

import json
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Column, Table

from ferflow.core.errors import DataError
from ferflow.core.files import read_json
from ferflow.core.git import committed_file
from ferflow.core.paths import CODE, SCORES
from ferflow.core.split import SPLITS
from ferflow.evaluation.protocol import describe

SHOWN = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1_macro": "F1, macro",
    "precision_weighted": "precision, weighted",
    "recall_weighted": "recall, weighted",
    "f1_weighted": "F1, weighted",
    "mcc": "Matthews correlation",
    "top2_accuracy": "top-2 accuracy",
    "log_loss": "log loss (nats)",
    "ece": "calibration error",
    "ece_floor": "  of a perfect one",
}
# what another content of the scores' file raises
_ODD = (KeyError, TypeError, ValueError, AttributeError, IndexError)
_IN_A_CLONE = """
What next (after `source .venv/bin/activate`):
  change a value   dvc exp run --set-param balance.method=none
  compare          ferflow show; dvc params diff; dvc metrics diff
  see the runs     make ui
  real faces       ferflow use svm --set data.path=../fer2013.zip; dvc repro
"""
_IN_A_PROJECT = """
What next:
  change a value   edit params.yaml, say balance.method: none, then: dvc repro
  keep it          git add --all; git commit
  compare          ferflow show; dvc params diff; dvc metrics diff
  see the runs     ferflow track; mlflow ui --backend-store-uri "$(ferflow store)"
  use the model    ferflow predict --model models/classifier PICTURE
"""


def next_steps() -> str:
    """What to do after a run: commands for a clone, or for a project made by `ferflow new`."""
    return _IN_A_PROJECT if CODE.is_dir() else _IN_A_CLONE


def metrics_table() -> Table:
    """A row per metric, a column per scored split, and beside it that split without twins.

    Scores without relatives are another question: they are only in `SCORES`.
    """
    try:
        return _table(read_json(SCORES))
    except _ODD as error:
        raise _not_scores(error) from None


def _table(scores: Any) -> Table:
    columns = [column for name in SPLITS for column in (name, f"{name}_without_twins")]
    splits = [column for column in columns if column in scores]
    if not splits:
        raise ValueError(f"no scores of {', '.join(SPLITS)}")
    headers = (name.replace("_without_", "\nno ") for name in splits)
    table = Table(
        Column("metric", no_wrap=True),
        *headers,
        box=box.SIMPLE_HEAD,  # fits a terminal of 80 columns
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_row("images", *(f"{scores[split]['n']:,}" for split in splits))
    for key, name in SHOWN.items():
        table.add_row(name, *(f"{scores[split][key]:.3f}" for split in splits))
        if key == "accuracy":
            bounds = ("{accuracy_low:.2f}-{accuracy_high:.2f}".format(**scores[s]) for s in splits)
            table.add_row("  95 % interval", *bounds)
    return table


def change_lines() -> str:
    """How far the accuracy has moved since the last Git commit; "" where it is the same, or none.

    Two intervals that overlap do not tell the runs apart; `ferflow compare` pairs them by image.
    """
    after = read_json(SCORES)
    try:
        return _changes(json.loads(committed_file(SCORES) or "{}"), after)
    except _ODD:  # another build's scores, or none
        return ""


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if before["protocol"] != after["protocol"]:
        return "The last commit has other images, classes or splits: its figures do not compare."
    lines = []
    for name in ("val", "test"):
        if name in before and name in after and before[name] != after[name]:
            lines.append(_change(name, before[name], after[name]))
    return "\n".join(["Since the last commit:", *lines] if lines else [])


def _change(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    old, new = before["accuracy"], after["accuracy"]
    apart = before["accuracy_high"] < after["accuracy_low"] or (
        after["accuracy_high"] < before["accuracy_low"]
    )
    verdict = "their intervals do not overlap" if apart else "their intervals overlap"
    return (
        f"  accuracy on {name} {old:.3f} -> {new:.3f} ({100 * (new - old):+.1f} points); {verdict}"
    )


def protocol_line() -> str:
    """What the figures mean, in a line."""
    try:
        return describe(read_json(SCORES)["protocol"])
    except _ODD as error:
        raise _not_scores(error) from None


def _not_scores(error: Exception) -> DataError:
    reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    return DataError(
        f"{SCORES} does not hold a run's scores, or an older build made it ({reason}). "
        f"`dvc repro` makes it again; git checkout {SCORES} brings the committed one back."
    )
