"""The tables of docs/leaderboard.md: all systems on record, and figures that the field quotes."""

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from ferflow.claims.by_heart import is_by_heart
from ferflow.claims.decoder import decode
from ferflow.claims.published import load_published
from ferflow.claims.registry import digits
from ferflow.core.files import read_json
from ferflow.documents.render import Grid
from ferflow.evaluation.without_twins import SUFFIX
from ferflow.records.compact import Answers
from ferflow.records.record import ENSEMBLES, SCORED, RunRecord, groups
from ferflow.records.whose_labels import BOTH, DIFFER, FERPLUS, by_labels
from ferflow.report.ended import is_unfinished
from ferflow.report.models_table import on_official_splits
from ferflow.report.pictures import Picture, points_picture
from ferflow.report.standing import figure_of
from ferflow.settings.network_sizes import size_of

_HEADER = (
    *("system", "PublicTest", "PrivateTest", "without twins", "macro F1", "disgust's recall"),
    *("by FER+", BOTH, DIFFER, "parameters", "multiply-adds", "ms a face", "chosen on"),
)
PUBLIC, PRIVATE = "val", "test"
SPEEDS = Path("docs/leaderboard_speeds.json")


def on_record(records: list[RunRecord]) -> Grid:
    """A row for each group of records of all seven classes, the best on PublicTest first.

    Those that were trained on the images stand last. Macro F1, disgust's recall and the accuracies
    by FER+'s labels are PrivateTest's.
    """
    rows, speeds, judged = [], read_speeds(), (FERPLUS, BOTH, DIFFER)
    for group in groups(_shown(records)):
        public, private = (figure_of(group, split, "accuracy") for split in (PUBLIC, PRIVATE))
        if public is None or private is None:
            continue
        known = _is_by_heart(group)
        alone = figure_of(group, f"{PRIVATE}{SUFFIX}", "accuracy")
        f1 = figure_of(group, PRIVATE, "f1_macro")
        answers = [by_labels(each[PRIVATE]) for r in group if PRIVATE in (each := r.answers())]
        cells = [
            f"`{_name(group)}`, trained on these images" if known else _what(group, records),
            f"{public.value:.3f}",
            private.text,
            *(f"{figure.value:.3f}" if figure else "" for figure in (alone, f1)),
            _recall(group, "disgust"),
            *(_accuracy([each[by] for each in answers if by in each]) for by in judged),
            *_size(group[0]),
            f"{speeds[_name(group)]:.2f}" if _name(group) in speeds else "",
            _chosen_on(group[0]),
        ]
        rows.append((known, -public.value, cells))
    rows.sort(key=lambda row: row[:2])
    return Grid(_HEADER, [cells for *_, cells in rows])


def published() -> Grid:
    """The quoted figures, the highest first."""
    rows = [
        [
            f"{each.system} ({each.source})",
            digits(each.figure),
            each.split,
            "" if each.networks is None else str(each.networks),
            each.pretrained or "",
            each.chosen_on,
            each.seen,
            decode(each.figure, 7).short if each.split == "PrivateTest" else "",
        ]
        for each in load_published()
    ]
    header = ("system", "accuracy", "images", "networks", "pretrained on", "chosen on", "seen")
    return Grid((*header, "`ferflow decode`"), rows)


def speed_picture(records: list[RunRecord]) -> Picture | None:
    """PrivateTest's accuracy against milliseconds a face; None where nothing was measured."""
    speeds = read_speeds()
    points = {}
    for group in groups(_shown(records)):
        private = figure_of(group, PRIVATE, "accuracy")
        if private is not None and _name(group) in speeds and not _is_by_heart(group):
            points[_name(group)] = (speeds[_name(group)], private.value)
    if not points:
        return None
    axis_names = ("Milliseconds a face, one thread", "Accuracy on PrivateTest")
    return points_picture(SPEEDS.stem, "Accuracy against speed", points, axis_names)


def read_speeds() -> dict[str, float]:
    """Preset -> milliseconds a face, one at a time, by `python -m benchmarks.speeds`."""
    if not SPEEDS.exists():
        return {}
    table = read_json(SPEEDS)["milliseconds_a_face"]
    return {name: float(row["1"]) for name, row in table.items()}


def _shown(records: list[RunRecord]) -> list[RunRecord]:
    """Presets as they are, ensembles, and answers of others."""
    comparable = on_official_splits(records)
    return [r for r in comparable if not r.variant or r.preset in (ENSEMBLES, SCORED)]


def _name(group: list[RunRecord]) -> str:
    return group[0].variant or group[0].preset


def _what(group: list[RunRecord], records: Iterable[RunRecord]) -> str:
    """The name; of an ensemble its members too, of a training whether it was stopped early."""
    about = f"`{_name(group)}`"
    if members := group[0].members:
        names = list(dict.fromkeys(name.split("/")[0] for name in members))
        kind = "mean" if len(set(members.values())) == 1 else "weighted mean"
        return f"{about}, {kind} of {', '.join(names)}"
    unfinished = any(is_unfinished(record, records) for record in group)
    return f"{about}{', unfinished' * unfinished}"


def _recall(group: list[RunRecord], label: str) -> str:
    """A class' mean recall; nothing where a record does not know the class by that name."""
    tables = [record.metrics[PRIVATE].get("per_class") for record in group]
    found = [
        table[label]["recall"] for table in tables if isinstance(table, dict) and label in table
    ]
    return f"{fmean(found):.2f}" if len(found) == len(group) else ""


def _accuracy(answers: list[Answers]) -> str:
    if not answers:
        return ""
    return f"{fmean(a.accuracy for a in answers):.3f}"


def _is_by_heart(group: list[RunRecord]) -> bool:
    """Whether a record's answers to PublicTest or PrivateTest repeat labels that it was taught."""
    answers = [by_labels(each) for record in group for each in record.answers().values()]
    return any(is_by_heart(a[DIFFER].accuracy_interval[0]) for a in answers if DIFFER in a)


def _size(record: RunRecord) -> tuple[str, str]:
    """Parameters and multiply-adds of a face, in millions; nothing where no network was trained."""
    found = size_of(record.params)
    if found is None:
        return "", ""
    return f"{(found.trainable + found.fixed) / 1e6:.2f} M", f"{found.multiply_adds / 1e6:.0f} M"


def _chosen_on(record: RunRecord) -> str:
    if record.preset != SCORED:
        return "PublicTest"
    return str(record.protocol.get("about", {}).get("chosen_on", "not known"))
