"""The last run's metrics as a table for people."""

from typing import Any

from rich import box
from rich.table import Column, Table

from ferflow.core.errors import DataError
from ferflow.core.files import read_json
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
    "ece_floor": "  if calibrated",
}
# what another content of the scores' file raises
_ODD = (KeyError, TypeError, ValueError, AttributeError, IndexError)
_IN_A_CLONE = """
What next (after `source .venv/bin/activate`):
  change a value   edit params.yaml, say balance.method: none, then: dvc repro
  compare          dvc params diff; dvc metrics diff
  see the runs     make ui
  real faces       ferflow use svm --set data.path=../fer2013.zip; dvc repro
"""
_IN_A_PROJECT = """
What next:
  change a value   edit params.yaml, say balance.method: none, then: dvc repro
  compare          dvc params diff; dvc metrics diff
  keep it          git add --all; git commit
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
