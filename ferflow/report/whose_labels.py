"""The report's section on whose labels count: each record by FER-2013's labels and by FER+'s."""

from statistics import fmean

from ferflow.documents.render import Grid
from ferflow.records.compact import Answers
from ferflow.records.record import RunRecord, groups
from ferflow.records.whose_labels import TRUTHS, by_labels
from ferflow.report.standing import Figure, make_figure

_SPLIT = "test"


def labels_table(records: list[RunRecord]) -> Grid | None:
    """Accuracies on test, a row for each group of honest records; None if there are none."""
    rows = []
    for group in groups(records):
        if group[0].mistake or group[0].is_superseded or group[0].fold is not None:
            continue
        found = [by_labels(each[_SPLIT]) for r in group if _SPLIT in (each := r.answers())]
        if len(found) == len(group) and all(len(each) == len(TRUTHS) for each in found):
            name = "/".join(filter(None, (group[0].preset, group[0].variant)))
            cells = [_cell(group, [each[by] for each in found]) for by in TRUTHS]
            rows.append([f"`{name}`", *cells])
    return Grid(["record", *TRUTHS], rows) if rows else None


def _cell(group: list[RunRecord], answers: list[Answers]) -> str:
    """'0.686 (0.670 to 0.701) of 3,349'."""
    values, bounds = [a.accuracy for a in answers], [a.accuracy_interval for a in answers]
    half = fmean((high - low) / 2 for low, high in bounds)
    figure: Figure = make_figure(group, values, bounds[0], half, len(answers[0].y))
    return f"{figure.text} of {len(answers[0].y):,}"
