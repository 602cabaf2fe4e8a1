"""The table of models: what each preset on record reaches on FER-2013's official splits."""

from collections.abc import Iterable
from statistics import fmean

from ferflow.claims.verdict import CEILING_CLASSES
from ferflow.documents.render import Grid
from ferflow.evaluation.without_twins import SUFFIX
from ferflow.records.record import ENSEMBLES, RunRecord, groups
from ferflow.report.ended import is_unfinished
from ferflow.report.standing import Figure, figure_of

# the stages between an image and a fitted classifier
FITTING = ("extract_features", "balance", "select_features", "train")
_HEADER = ("model", "what it is", "PublicTest", "PrivateTest", "without twins", "time to train")


def models(records: list[RunRecord]) -> Grid:
    """A row for each preset on record, the best on PublicTest first.

    Only presets as they are, of seven classes, trained on Training and scored on PublicTest and
    PrivateTest. `without twins` is PrivateTest less its images with a twin in Training. The time is
    that of the stages from features to the classifier, on the cores named.
    """
    rows = []
    presets = [r for r in on_official_splits(records) if r.preset != ENSEMBLES and not r.variant]
    for group in groups(presets):
        val, test, alone = (figure_of(group, name, "accuracy") for name in _SPLITS)
        if val is None or test is None:
            continue
        unfinished = any(is_unfinished(record, records) for record in group)
        name = f"`{group[0].preset}`{', unfinished' * unfinished}"
        cells = [name, _kind(group[0]), _short(val), _short(test), _short(alone), _time(group)]
        rows.append((val.value, cells))
    rows.sort(key=lambda row: -row[0])
    return Grid(_HEADER, [cells for _, cells in rows])


_SPLITS = ("val", "test", f"test{SUFFIX}")


def on_official_splits(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Records that answer FER-2013's question, seven classes, on its official splits as they are.

    What was trained on val, made by a mistake or put aside is left out.
    """
    return [record for record in records if _is_comparable(record)]


def _is_comparable(record: RunRecord) -> bool:
    about = record.protocol
    return (
        not record.is_superseded
        and not record.mistake
        and about.get("data_set") == "FER-2013"
        and str(about.get("split", "")).startswith("official")
        and len(about.get("classes", [])) == CEILING_CLASSES
        and about.get("trained_on", ["train"]) == ["train"]
        and not about.get("filters_on_val_and_test")
    )


def _kind(record: RunRecord) -> str:
    """'network resnet', or 'svm on hog'."""
    family = str(record.params.get("train.family", "")).replace("_", " ")
    if family == "network":
        return f"network `{record.params.get('train.network.architecture')}`"
    return f"{family} on {record.params.get('features.method')}"


def _short(figure: Figure | None) -> str:
    """'0.684', or the mean and the standard deviation of several runs."""
    if figure is None:
        return ""
    spread = f" ± {figure.sd:.3f}, {figure.n} {figure.what}" if figure.n > 1 else ""
    return f"{figure.value:.3f}{spread}"


def _time(group: list[RunRecord]) -> str:
    """'54 min, 2 cores'; nothing if a run was not timed."""
    if not all("train" in record.costs for record in group):
        return ""
    seconds = fmean(
        sum(record.costs[stage]["seconds"] for stage in FITTING if stage in record.costs)
        for record in group
    )
    time = f"{max(1, round(seconds / 60))} min"
    cores = {record.hardware.get("cores") for record in group}
    return f"{time}, {cores.pop()} cores" if len(cores) == 1 and None not in cores else time
