"""What the report shows of each paper; the template `papers.md.j2` says in which order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ferflow.claims.confusion import read_confusion, read_matrix
from ferflow.claims.decoder import N_TEST
from ferflow.claims.registry import METRICS, Claim, Matrix, Paper, digits, load_papers
from ferflow.claims.verdict import CEILING_CLASSES
from ferflow.core.progress import progress
from ferflow.documents.render import Grid
from ferflow.evaluation.curves import roc_table
from ferflow.evaluation.metrics import confusion_table
from ferflow.evaluation.protocol import OWN_LABELS
from ferflow.evaluation.without_twins import RELATIVES_SUFFIX
from ferflow.records.compact import Answers
from ferflow.records.record import ENSEMBLES, MISTAKE, RunRecord, groups
from ferflow.records.whose_labels import whose_labels
from ferflow.report.claims_table import accuracies, claims_of_one
from ferflow.report.ended import is_unfinished
from ferflow.report.pictures import Line, Picture, curves_picture, matrix_picture, roc_picture
from ferflow.report.standing import (
    Standing,
    figure_of,
    honest_group,
    metric_mistakes,
    mistake_groups,
)
from ferflow.runs.mistakes.by_name import METRIC_MISTAKES, describe
from ferflow.runs.sweep import in_short, read_sweep
from ferflow.settings.presets import preset_names

FER2013, CKPLUS = "../fer2013.zip", "../CK+48"  # the reader's own copies
_MISTAKE_SCORES = ("accuracy", "f1_macro")


@dataclass(frozen=True)
class OnRecord:
    """What is on record of a preset: as it is, with edited parameters, its variations."""

    name: str
    scores: Grid | None
    without_relatives: Grid | None
    origin: str
    curves: Sequence[Picture]
    mistakes: Grid | None
    variants: Grid | None
    sweep: Grid | None
    margin: float
    unfinished: bool

    @property
    def recorded(self) -> bool:
        """Whether any run is."""
        return bool(self.scores or self.variants)

    @property
    def heading(self) -> str:
        return f"`{self.name}` on record{', unfinished' * self.unfinished}"


@dataclass(frozen=True)
class Section:
    """A paper, its claims and their standing, and the presets that answer them."""

    paper: Paper
    claims: Grid
    accuracies: Sequence[Standing]
    commands: Sequence[str]
    open: Grid
    matrices: Sequence[Picture]
    readings: Sequence[str]
    presets: Sequence[OnRecord]

    @property
    def heading(self) -> str:
        return f"Paper {self.paper.number}: {self.paper.title}"

    @property
    def pictures(self) -> list[Picture]:
        """All of the section's."""
        return [*self.matrices, *(picture for preset in self.presets for picture in preset.curves)]


def sections(rows: list[Standing], records: list[RunRecord]) -> list[Section]:
    """A section for each paper."""
    return [
        _section(paper, [row for row in rows if row.paper is paper], records)
        for paper in progress(load_papers().values(), "report", unit="paper")
    ]


def ensembles(records: list[RunRecord]) -> Grid | None:
    """The recorded ensembles; None if there is none."""
    made = [_ensemble(record) for record in records if record.preset == ENSEMBLES]
    return Grid(["ensemble", "members", "val accuracy", "test accuracy"], made) if made else None


def _section(paper: Paper, rows: list[Standing], records: list[RunRecord]) -> Section:
    presets = list(dict.fromkeys([*(claim.preset for claim in paper.claims), *paper.variants]))
    recorded = [group for name in presets if (group := honest_group(records, name))]
    return Section(
        paper=paper,
        claims=claims_of_one(rows),
        accuracies=accuracies(rows),
        commands=_commands(paper, presets),
        open=Grid(["not said", "our reading"], [[p.silent, p.reading] for p in paper.open]),
        matrices=[
            *map(_printed, paper.matrices),
            *(_matrix(paper, group[0]) for group in recorded),
        ],
        readings=[_reading(matrix) for matrix in paper.matrices],
        presets=[_on_record(preset, records) for preset in presets],
    )


def _commands(paper: Paper, presets: list[str]) -> list[str]:
    """What shows all this; the paths stand for the reader's own copies of the data."""
    lines = [_decode(claim) for claim in paper.claims if claim.fer2013]
    lines += [f"ferflow decode --confusion ferflow/claims/{m.file}" for m in paper.matrices]
    data = dict.fromkeys(paper.variants, FER2013)
    data |= {c.preset: FER2013 if c.fer2013 else CKPLUS for c in paper.claims}
    there = [name for name in presets if name in preset_names()]
    for path in dict.fromkeys(data[name] for name in there):
        names = [name for name in there if data[name] == path]
        lines.append(f"ferflow reproduce {' '.join(names)} --set data.path={path}")
    other = {claim.preset for claim in paper.claims if claim.n_classes != CEILING_CLASSES}
    alike = [name for name in there if data[name] == FER2013 and name not in other]
    if len(alike) > 1:
        lines.append(f"ferflow compare {alike[0]} {alike[1]}")
    for name in there:
        lines.append(f"ferflow use {name} --set data.path={data[name]} && ferflow mistake --all")
    return lines


def _decode(claim: Claim) -> str:
    """The command that decodes a claimed accuracy."""
    words = ["ferflow decode", digits(claim.values["accuracy"])]
    words += [f"--classes {claim.n_classes}"] if claim.n_classes != CEILING_CLASSES else []
    words += [f"--images {claim.n_images}"] if claim.n_images != N_TEST else []
    return " ".join(words)


@cache
def _printed(printed: Matrix) -> Picture:
    table = read_matrix(printed.path).table()
    name = f"printed-{printed.path.stem}"
    return matrix_picture(name, f"The paper's, of {printed.caption}", table)


def _reading(printed: Matrix) -> str:
    """What a printed matrix says."""
    found = read_confusion(read_matrix(printed.path))
    return (
        f"As printed, {printed.caption}: {found.n:,} images, accuracy {found.accuracy:.4f}, by "
        f"chance {found.agreement:.4f}, one-vs-rest accuracy {found.one_vs_rest_accuracy:.4f}; "
        f"chi-square {found.chi_square or 0:.1f}. {found.verdict}"
    )


def _matrix(paper: Paper, record: RunRecord) -> Picture:
    """The first seed's confusion matrix on test, or on val where test was not scored.

    Its classes stand in the order of the paper's matrices, if those have the same.
    """
    split, a = _answered(record)
    orders = [read_matrix(matrix.path).labels for matrix in paper.matrices]
    names = next((labels for labels in orders if set(labels) == set(a.labels)), a.labels)
    old = np.array([a.labels.index(name) for name in names])
    table = confusion_table(np.argsort(old)[a.y], a.p[:, old], names)
    caption = f"Ours, `{record.preset}` on {split}, {_run(record)}"
    return matrix_picture(f"{record.preset}-confusion", caption, table)


def _answered(record: RunRecord) -> tuple[str, Answers]:
    """The test split and its answers, or val's where test was not scored."""
    answers = record.answers()
    split = "test" if "test" in answers else "val"
    return split, answers[split]


def _on_record(preset: str, records: list[RunRecord]) -> OnRecord:
    group = honest_group(records, preset)
    edited = [r for r in records if r.preset == preset and r.variant and not r.is_superseded]
    others = [record for record in edited if not record.mistake]
    sweep, margin = _variations(preset)
    return OnRecord(
        name=preset,
        scores=_scores(group) if group else None,
        without_relatives=_scores(group, wide=True) if group else None,
        origin=_origin(group) if group else "",
        curves=[*_training(group), _roc(group[0])] if group else [],
        mistakes=_mistaken(group, mistake_groups(records, preset)) if group else None,
        variants=_variants(others, records) if others else None,
        sweep=sweep,
        margin=margin,
        unfinished=any(is_unfinished(record, records) for record in group),
    )


def _scores(group: list[RunRecord], *, wide: bool = False) -> Grid | None:
    """A preset's scores on each split but train; `wide`: on those without relatives alone.

    None if there is no such split. The two never share a table.
    """
    splits = [
        name
        for name in group[0].metrics
        if name != "train" and name.endswith(RELATIVES_SUFFIX) == wide
    ]
    if not splits:
        return None
    rows = [
        [
            METRICS.get(score, score.replace("_", " ")),
            *(str(figure_of(group, split, score) or "") for split in splits),
        ]
        for score in (*METRICS, "balanced_accuracy", "log_loss")
    ]
    return Grid(["metric", *(name.replace("_", " ") for name in splits)], rows)


def _origin(group: list[RunRecord]) -> str:
    """Seeds, date, commit, machine and seconds of a group's runs."""
    first = group[0]
    made = {(r.commit, r.hardware.get("cpu"), r.hardware.get("gpu")) for r in group}
    gpu = f" and {first.hardware['gpu']}" if "gpu" in first.hardware else ""
    times = [record.seconds for record in group if record.seconds]
    seconds = f"{np.mean(times):,.0f} s a run" if times else "times unknown"
    others = f", the first of {len(made)} states of code or machine" if len(made) > 1 else ""
    return (
        f"{_runs(group)}. Recorded {first.date[:10]} at commit "
        f"`{first.commit}` on {first.hardware.get('cpu', 'an unknown processor')}, "
        f"{first.hardware.get('cores', '?')} cores{gpu}{others}; {seconds}.{_fit(first)}"
    )


def _fit(record: RunRecord) -> str:
    """What `train` said of its fit, such as the epoch that it chose."""
    about = record.stages.get("train", {}).get("train", {})
    facts = [
        f"{name.replace('_', ' ')} {f'{value:,}' if isinstance(value, int) else value}"
        for name, value in about.items()
        if isinstance(value, int | float | str)
    ]
    return f" The fit: {', '.join(facts)}." if facts else ""


def _runs(group: list[RunRecord]) -> str:
    """'Seeds 0, 1, 2', and the folds where there are some."""
    seeds, folds = ({getattr(r, name): None for r in group} for name in ("seed", "fold"))
    text = f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
    if None in folds:
        return text
    return f"{text}; fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))}"


def _run(record: RunRecord) -> str:
    fold = "" if record.fold is None else f", fold {record.fold} of {record.n_folds}"
    return f"seed {record.seed}{fold}"


def _training(group: list[RunRecord]) -> Iterator[Picture]:
    """Loss and validation scores by epoch, a line for each run, where it learnt in epochs."""
    preset, runs = group[0].preset, [record.training for record in group if record.training]
    for y, names in (
        ("loss", ["train_loss", "val_loss"]),
        ("score on val", ["val_accuracy", "val_f1_macro"]),
    ):
        lines = [
            Line(name.replace("_", " "), [_points(run, name) for run in runs])
            for name in names
            if any(value is not None for run in runs for value in run.get(name, []))
        ]
        if lines:
            caption = f"Training, `{preset}`: {y}" + (f", {len(runs)} runs" * (len(runs) > 1))
            name = f"{preset}-{y.partition(' ')[0]}"
            yield curves_picture(name, caption, lines, ("Epoch", y.capitalize()))


def _points(run: dict[str, list[int | float | None]], name: str) -> np.ndarray:
    columns = [[np.nan if v is None else v for v in run[key]] for key in ("epoch", name)]
    return np.array(columns, dtype=float).T


def _roc(record: RunRecord) -> Picture:
    split, a = _answered(record)
    caption = f"ROC, each class against the rest, `{record.preset}` on {split}, {_run(record)}"
    return roc_picture(f"{record.preset}-roc", caption, roc_table(a.y, a.p, a.labels))


def _mistaken(group: list[RunRecord], wrong: dict[str, list[RunRecord]]) -> Grid:
    """What the same system prints when it is evaluated wrongly, on purpose."""
    split = "test" if "test" in group[0].metrics else "val"
    rows = [
        [f"`{name}`", METRIC_MISTAKES[name], str(figure), ""]
        for name, figure in metric_mistakes(group, split).items()
    ]
    for name, runs in wrong.items():
        figures = (figure_of(runs, MISTAKE, score) for score in _MISTAKE_SCORES)
        rows.append([f"`{name}`", describe(name), *(str(figure or "") for figure in figures)])
    header = ["mistake", "what it does", *(METRICS[score] for score in _MISTAKE_SCORES)]
    return Grid(header, rows)


def _variants(others: list[RunRecord], records: list[RunRecord]) -> Grid:
    """Runs with edited parameters, and cross-validations."""
    rows = []
    for group in groups(others):
        open_ = any(is_unfinished(record, records) for record in group)
        found = (figure_of(group, split, "accuracy", unfinished=open_) for split in ("val", "test"))
        name = f"`{group[0].preset}/{group[0].variant}`"
        if (labels := whose_labels(group[0])) != OWN_LABELS:
            name += f" (by the labels of {labels})"
        rows.append([name, *(figure.text if figure else "" for figure in found)])
    return Grid(["record", "val accuracy", "test accuracy"], rows)


def _variations(preset: str) -> tuple[Grid | None, float]:
    """What a sweep scored on val, and how far an accuracy's interval reaches at most."""
    table = read_sweep(preset)
    if table is None:
        return None, 0.0
    shown = in_short(table)
    margin = ((table["accuracy_high"] - table["accuracy_low"]) / 2).max()
    header = [name.replace("_", " ") for name in shown.columns]
    return Grid(header, shown.to_numpy().tolist()), float(margin)


def _ensemble(record: RunRecord) -> list[str]:
    members = "; ".join(f"{name} {weight:.2f}" for name, weight in (record.members or {}).items())
    scores = [str(figure_of([record], split, "accuracy") or "") for split in ("val", "test")]
    return [str(record.variant), members, *scores]
