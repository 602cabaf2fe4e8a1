"""The report's contents: one table of all claims, then a section for each paper."""

from collections.abc import Iterator

import numpy as np

from ferflow.evaluation.metrics import confusion_table, roc_table
from ferflow.papers.blocks import Block, Commands, Drawing, Drawings, Grid, Heading, Points, Text
from ferflow.papers.confusion import p_text, read_confusion, read_matrix
from ferflow.papers.drawings import Line, draw_lines, draw_matrix, draw_roc
from ferflow.papers.mistakes import METRIC_MISTAKES, describe
from ferflow.papers.records import ENSEMBLES, MISTAKE, RunRecord, groups
from ferflow.papers.registry import METRICS, Claim, Matrix, Paper, digits, load_papers
from ferflow.papers.standing import (
    Figure,
    Standing,
    figure_of,
    honest_group,
    metric_mistakes,
    mistake_groups,
    standings,
)
from ferflow.papers.sweep import in_short, read_sweep
from ferflow.presets import preset_names

TITLE = "The papers on record"
NOT_RUN = "not yet run"
_MISTAKE_SCORES = ("accuracy", "f1_macro")


def report_blocks(records: list[RunRecord]) -> Iterator[Block]:
    """The whole report."""
    rows = standings(records)
    yield Heading(1, TITLE)
    yield Text(
        "What five papers claim (accuracies here, other figures in each paper's section), what "
        "their systems reach here on images that nothing was fitted to or chosen on, and which "
        "known mistakes a claim is consistent with. A match proves nothing. Intervals hold 95 %: "
        "over images for one run; for several, after mean and standard deviation, of the mean over "
        "seeds. The nearest mistake is, where the preset does not reach the claim, what it prints "
        "when it is evaluated wrongly on purpose: no result."
    )
    yield _claims([row for row in rows if row.metric == "accuracy"], of_all=True)
    for paper in load_papers().values():
        yield from _section(paper, [row for row in rows if row.paper is paper], records)
    if ensembles := [record for record in records if record.preset == ENSEMBLES]:
        yield Heading(2, "Ensembles")
        yield Grid(
            ["ensemble", "members", "val accuracy", "test accuracy"],
            list(map(_ensemble, ensembles)),
        )


def mistake_text(mistake: tuple[str, Figure] | None) -> str:
    """A mistake and the figure that it prints."""
    return f"`{mistake[0]}` {mistake[1].value:.3f}" if mistake else ""


def reached_text(row: Standing) -> str:
    """What a claim's preset reaches, and where that is not on PrivateTest."""
    if row.honest is None:
        return NOT_RUN
    where = ", on PublicTest" if row.claim.fer2013 and row.claim.split.startswith("val") else ""
    return f"{row.honest.text}{where}"


def _claims(rows: list[Standing], *, of_all: bool = False) -> Grid:
    """One row a claimed figure; of all papers or of one."""
    twins, mistakes = any(r.without_twins for r in rows), any(r.nearest_mistake for r in rows)
    header = ["paper", "system"] if of_all else ["system", "metric"]
    header += ["claimed", "honest"]
    header += ["without twins"] * twins + ["nearest mistake"] * mistakes + ["verdict"]
    return Grid(
        header,
        [
            [
                *_which(row, of_all=of_all),
                digits(row.claimed),
                reached_text(row),
                *[str(row.without_twins or "")] * twins,
                *[mistake_text(row.nearest_mistake)] * mistakes,
                row.short_verdict,
            ]
            for row in rows
        ],
    )


def _which(row: Standing, *, of_all: bool) -> list[str]:
    """What a figure is of: the first two cells of its row."""
    if of_all:
        return [str(row.paper.number), f"{row.claim.system}, {row.claim.data_set}"]
    return [row.claim.system, METRICS[row.metric]]


def _section(paper: Paper, rows: list[Standing], records: list[RunRecord]) -> Iterator[Block]:
    presets = list(dict.fromkeys([*(claim.preset for claim in paper.claims), *paper.variants]))
    recorded = {name: group for name in presets if (group := honest_group(records, name))}
    yield Heading(2, f"Paper {paper.number}: {paper.title}")
    yield Text(f"{paper.reference} System: {paper.system}.")
    yield _claims(rows)
    yield Points([f"{row.claim.system}: {row.verdict}" for row in rows if row.metric == "accuracy"])
    yield Heading(3, "The commands")
    yield Commands(_commands(paper, presets))
    yield Heading(3, "As stated")
    yield Points([_stated(claim) for claim in paper.claims])
    yield Heading(3, "What it leaves open, and our reading")
    yield Grid(["not said", "our reading"], [[p.silent, p.reading] for p in paper.open])
    if paper.matrices or recorded:
        yield Heading(3, "Confusion matrices")
        yield Drawings(
            [_printed(matrix) for matrix in paper.matrices]
            + [_matrix(paper, name, group[0]) for name, group in recorded.items()]
        )
        yield from (Text(_reading(matrix)) for matrix in paper.matrices)
    for preset in presets:
        others = [r for r in records if r.preset == preset and r.variant and not r.mistake]
        if preset in recorded or others:
            yield Heading(3, f"`{preset}` on record")
        if preset in recorded:
            yield from _recorded(recorded[preset])
            yield from _mistaken(recorded[preset], mistake_groups(records, preset))
        if others:
            yield from _variants(others)
        yield from _compared(preset)


def _commands(paper: Paper, presets: list[str]) -> list[str]:
    """What shows all this; the paths stand for the reader's own copies of the data."""
    lines = [
        f"ferflow decode {digits(claim.values['accuracy'])}"
        + (f" --classes {claim.n_classes}" if claim.n_classes != 7 else "")
        for claim in paper.claims
        if claim.fer2013
    ]
    lines += [f"ferflow decode --confusion ferflow/papers/{m.file}" for m in paper.matrices]
    data = dict.fromkeys(paper.variants, "../fer2013.zip")
    data |= {c.preset: "../fer2013.zip" if c.fer2013 else "../CK+48" for c in paper.claims}
    there = [name for name in presets if name in preset_names()]
    for path in dict.fromkeys(data[name] for name in there):
        names = [name for name in there if data[name] == path]
        lines.append(f"ferflow reproduce {' '.join(names)} --set data.path={path}")
    if len(there) > 1:
        lines.append(f"ferflow compare {there[0]} {there[1]}")
    for name in there:
        lines.append(f"ferflow use {name} --set data.path={data[name]} && ferflow mistake --all")
    return lines


def _stated(claim: Claim) -> str:
    """A claim's protocol, in the paper's terms."""
    absent = "" if claim.preset in preset_names() else ", not there yet"
    text = f"{claim.system} (`{claim.preset}`{absent}): {claim.data_set}; {claim.stated}"
    if claim.range:
        text += f"; its accuracy varied from {claim.range[0]} to {claim.range[1]}"
    return f"{text}. Averages: {claim.averaging}" if claim.averaging else text


def _printed(printed: Matrix) -> Drawing:
    drawn = draw_matrix(read_matrix(printed.path).table())
    return Drawing(f"printed-{printed.path.stem}", drawn, f"The paper's, of {printed.caption}")


def _reading(printed: Matrix) -> str:
    """What a printed matrix says."""
    found = read_confusion(read_matrix(printed.path))
    test = "" if found.p is None else f"; {p_text(found.p)}"
    return (
        f"As printed, {printed.caption}: {found.n:,} images, accuracy {found.accuracy:.4f}, by "
        f"chance {found.agreement:.4f}, one-vs-rest accuracy {found.one_vs_rest_accuracy:.4f}; "
        f"chi-square {found.chi_square or 0:.1f}{test}. {found.verdict}"
    )


def _matrix(paper: Paper, preset: str, record: RunRecord) -> Drawing:
    """The first seed's confusion matrix on test, or on val where test was not scored.

    Its classes stand in the order of the paper's matrices, where those have the same.
    """
    answers = record.answers()
    split = "test" if "test" in answers else "val"
    a = answers[split]
    orders = [read_matrix(matrix.path).labels for matrix in paper.matrices]
    names = next((labels for labels in orders if set(labels) == set(a.labels)), a.labels)
    old = np.array([a.labels.index(name) for name in names])
    drawn = draw_matrix(confusion_table(np.argsort(old)[a.y], a.p[:, old], names))
    return Drawing(f"{preset}-confusion", drawn, f"Ours, `{preset}` on {split}, {_run(record)}")


def _recorded(group: list[RunRecord]) -> Iterator[Block]:
    """A preset's record: scores, where it was made, and curves."""
    splits = [name for name in group[0].metrics if name != "train"]
    shown = [*METRICS, "balanced_accuracy", "log_loss"]
    rows = [
        [
            METRICS.get(score, score.replace("_", " ")),
            *(str(figure_of(group, split, score) or "") for split in splits),
        ]
        for score in shown
    ]
    yield Grid(["metric", *(name.replace("_", " ") for name in splits)], rows)
    yield Text(_origin(group))
    yield Drawings([*_training(group), _roc(group[0])])


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


def _training(group: list[RunRecord]) -> Iterator[Drawing]:
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
            yield Drawing(name, draw_lines(lines, "epoch", y), caption)


def _points(run: dict[str, list[int | float | None]], name: str) -> np.ndarray:
    columns = [[np.nan if v is None else v for v in run[key]] for key in ("epoch", name)]
    return np.array(columns, dtype=float).T


def _roc(record: RunRecord) -> Drawing:
    answers = record.answers()
    split = "test" if "test" in answers else "val"
    a = answers[split]
    caption = f"ROC, each class against the rest, `{record.preset}` on {split}, {_run(record)}"
    return Drawing(f"{record.preset}-roc", draw_roc(roc_table(a.y, a.p, a.labels)), caption)


def _mistaken(group: list[RunRecord], wrong: dict[str, list[RunRecord]]) -> Iterator[Block]:
    """What the same system prints when it is evaluated wrongly, on purpose."""
    split = "test" if "test" in group[0].metrics else "val"
    rows = [
        [f"`{name}`", METRIC_MISTAKES[name], str(figure), ""]
        for name, figure in metric_mistakes(group, split).items()
    ]
    rows += [
        [
            f"`{name}`",
            describe(name),
            *(str(figure_of(runs, MISTAKE, s) or "") for s in _MISTAKE_SCORES),
        ]
        for name, runs in wrong.items()
    ]
    yield Text(f"MISTAKES, none of them a result: what `{group[0].preset}` prints with each.")
    yield Grid(["mistake", "what it does", *(METRICS[score] for score in _MISTAKE_SCORES)], rows)


def _variants(records: list[RunRecord]) -> Iterator[Block]:
    """Runs with edited parameters, and cross-validations."""
    yield Text("With edited parameters, or other splits:")
    rows = []
    for group in groups(records):
        found = (figure_of(group, split, "accuracy") for split in ("val", "test"))
        name = f"`{group[0].preset}/{group[0].variant}`"
        rows.append([name, *(figure.text if figure else "" for figure in found)])
    yield Grid(["record", "val accuracy", "test accuracy"], rows)


def _compared(preset: str) -> Iterator[Block]:
    """The variations of a preset that a sweep scored on val."""
    table = read_sweep(preset)
    if table is None:
        return
    shown = in_short(table)
    margin = ((table["accuracy_high"] - table["accuracy_low"]) / 2).max()
    yield Heading(3, f"Variations of `{preset}`")
    yield Text(
        f"`ferflow sweep {preset}`, the best first: scored on val alone, to choose by and not to "
        f"be quoted. An accuracy's 95 % interval reaches {margin:.3f} to either side, or less."
    )
    yield Grid([name.replace("_", " ") for name in shown.columns], shown.to_numpy().tolist())


def _ensemble(record: RunRecord) -> list[str]:
    members = "; ".join(f"{name} {weight:.2f}" for name, weight in (record.members or {}).items())
    scores = [str(figure_of([record], split, "accuracy") or "") for split in ("val", "test")]
    return [str(record.variant), members, *scores]
