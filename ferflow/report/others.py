"""The report's section on other people's models: records of answers that no run of ours gave."""

from ferflow.documents.render import Grid
from ferflow.evaluation.without_twins import SUFFIX
from ferflow.records.record import SCORED, RunRecord
from ferflow.report.standing import figure_of

_HEADER = ("record", "what it is", "trained on", "epoch chosen on")
_SPLITS = {"val": "PublicTest", "test": "PrivateTest", f"test{SUFFIX}": "without twins"}
_NOT_SAID = "not known"


def others(records: list[RunRecord]) -> Grid | None:
    """Accuracies, a row for each record that `ferflow score` kept; None where there is none.

    What it is and which images trained and chose it is what the record says: `--about`.
    """
    rows = []
    for record in records:
        if record.preset != SCORED:
            continue
        about = record.protocol.get("about", {})
        what = ", ".join(about[key] for key in ("package", "licence") if key in about)
        told = [str(about.get(key, _NOT_SAID)) for key in ("trained_on", "chosen_on")]
        figures = [str(figure_of([record], split, "accuracy") or "") for split in _SPLITS]
        rows.append([f"`{record.name}`", what or _NOT_SAID, *told, *figures])
    return Grid([*_HEADER, *_SPLITS.values()], rows) if rows else None
