"""The commands around the papers, put into `ferflow` by `ferflow.cli`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ferflow.errors import FerflowError

if TYPE_CHECKING:
    from ferflow.papers.verdict import Reading

console = Console()


def decode(
    figure: Annotated[
        str | None, typer.Argument(help="An accuracy, such as 0.8829 or 88.29%.")
    ] = None,
    classes: Annotated[int, typer.Option(help="Classes that the system tells apart.")] = 7,
    images: Annotated[
        int, typer.Option(help="Test images that it was measured on; PrivateTest has 3,589.")
    ] = 3589,
    fit: Annotated[float, typer.Option(help="Accuracy on its training images, 0 to 1.")] = 1.0,
    confusion: Annotated[
        Path | None, typer.Option(help="A printed confusion matrix, CSV or JSON.")
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="The verdicts on all that the papers claim.")
    ] = False,
) -> None:
    """Say whether an accuracy is possible, and which mistakes could print it where it is not."""
    from ferflow.evaluation.metrics import wilson_interval
    from ferflow.papers.decoder import decode as read_figure
    from ferflow.papers.decoder import parse_figure
    from ferflow.papers.registry import digits

    if figure is None and confusion is None and not all_:
        raise FerflowError(
            "name a figure, such as 0.8829, or a matrix: --confusion FILE, or all claims: --all."
        )
    if figure is None and (classes, images, fit) != (7, 3589, 1.0):
        raise FerflowError("--classes, --images and --fit belong to a figure; got none.")
    if all_:
        _print_verdicts()
    if figure is not None:
        verdict = read_figure(parse_figure(figure), classes, n_images=images, fit=fit)
        low, high = wilson_interval(verdict.claimed * images, images)
        console.print(
            f"{digits(verdict.claimed)} on {images:,} test images: 95 % interval {low:.3f} to "
            f"{high:.3f}.",
            highlight=False,
            soft_wrap=True,
        )
        if verdict.readings:
            console.print(_readings_table(verdict.readings))
        console.print(verdict.long, highlight=False, soft_wrap=True)
    if confusion is not None:
        _print_matrix(confusion)


def record(
    name: Annotated[
        str | None, typer.Option(help="Its name, instead of a hash of your edits.")
    ] = None,
) -> None:
    """Keep the last run in Git: its metrics, what made them, and its predictions."""
    from ferflow.papers.record import record_run

    made = record_run(name)
    print(f"recorded as {made.name}: {made.file('json')} and .parquet; commit both.")


def repeat(
    seeds: Annotated[
        int | None, typer.Option(help="How many: 0, 1, 2, ...; 5 where nothing is said.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Cross-validation instead: the chain again per fold.")
    ] = None,
    stale: Annotated[bool, typer.Option("--stale", help="Also what other code recorded.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what is recorded already.")] = False,
) -> None:
    """Run params.yaml with several seeds, or on several folds; record each, mean and spread."""
    from ferflow.papers.runs import fold_jobs, repeat_jobs, run_jobs

    if seeds is not None and folds is not None:
        raise FerflowError(
            f"--seeds and --folds exclude each other; got {seeds} and {folds}. Folds take the "
            "seed in params.yaml: for more seeds change it there and repeat."
        )
    jobs = repeat_jobs(5 if seeds is None else seeds) if folds is None else fold_jobs(folds)
    run_jobs(jobs, stale=stale, again=again)
    _print_spread(jobs[0].params, "seeds" if folds is None else "folds")


def mistake(
    name: Annotated[str | None, typer.Argument(help="One of `ferflow mistakes`.")] = None,
    preset: Annotated[str | None, typer.Option(help="Switch to this preset first.")] = None,
    keep: Annotated[
        bool, typer.Option("--record", help="Keep the figure in Git, marked as a mistake's.")
    ] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="Run and record every mistake that applies.")
    ] = False,
) -> None:
    """Evaluate the honest run wrongly, on purpose, and watch the number rise."""
    from ferflow.papers import run_mistake as runner
    from ferflow.papers.record import record_mistake
    from ferflow.tracking import track_mistake

    if (name is None) != all_:
        raise FerflowError("name one mistake of `ferflow mistakes`, or --all for every one.")
    if name is not None:
        runner.check_mistake(name)
    runner.bring_honest_chain_up_to_date(preset)
    names = [name] if name is not None else []
    for other, reason in runner.reasons_against().items() if all_ else ():
        names += [] if reason else [other]
        if reason:
            print(f"{other}: left out, {reason}.")
    print(f"{', '.join(names)}: {runner.cost_text(names)}", flush=True)
    for each in names:
        scores = runner.run_mistake(each)
        console.print(runner.comparison(each, scores))
        print(track_mistake(each, scores))
        if keep or all_:
            print(f"recorded as {record_mistake(each, scores).name}, which is no result.")


def mistakes() -> None:
    """List the mistakes that `ferflow mistake` can make."""
    from ferflow.papers.mistakes import FITS, MISTAKES, describe

    table = Table("mistake", "what it does", "fits anew", show_lines=True)
    for name in MISTAKES:
        table.add_row(name, describe(name), f"at most {FITS[name]}" if name in FITS else "no")
    console.print(table)
    console.print(
        "Verdicts name three more: one_vs_rest and one_vs_rest at 0.5 lie in the metric, so any "
        "record shows them in the report; leaky_splits lies in the official splits themselves."
    )


def reproduce(
    presets: Annotated[list[str] | None, typer.Argument(help="Some of `ferflow presets`.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every preset of a paper.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value, or preset:key=value for one of them; repeatable."),
    ] = None,
    stale: Annotated[bool, typer.Option("--stale", help="Also what other code recorded.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what is recorded already.")] = False,
) -> None:
    """Run and record presets one after another; called again, it goes on where it was."""
    from ferflow.papers.runs import paper_presets, reproduce_jobs, run_jobs
    from ferflow.presets import parse_setting

    if bool(presets) == all_:
        raise FerflowError("name the presets to run, or --all for those of the papers.")
    settings = [parse_setting(text) for text in set_ or []]
    run_jobs(reproduce_jobs(presets or paper_presets(), settings), stale=stale, again=again)


def sweep(
    preset: Annotated[str, typer.Argument(help="A preset that names variations, such as fernet.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value for every run; repeatable.")
    ] = None,
) -> None:
    """Compare a preset's variations on validation rows, such as optimisers and schedules."""
    from ferflow.papers.sweep import SWEEPS, in_short
    from ferflow.papers.sweep import sweep as run_sweep
    from ferflow.presets import parse_setting

    found = run_sweep(preset, dict(parse_setting(text) for text in set_ or []))
    shown = in_short(found)
    table = Table(*shown.columns)
    for row in shown.itertuples(index=False):
        table.add_row(*row)
    console.print(table)
    console.print(f"{len(found)} runs: {SWEEPS / preset}.csv", soft_wrap=True)


def compare(
    a: Annotated[str, typer.Argument(help="A record (preset/seed-0) or a group (preset).")],
    b: Annotated[str, typer.Argument(help="Another.")],
) -> None:
    """Say how far apart two records or groups of seeds are, on the same images."""
    from ferflow.papers.compare import compare as compare_records
    from ferflow.papers.records import find_records, load_records

    records = load_records()
    first, second = find_records(a, records), find_records(b, records)
    console.print(f"A: {a}\nB: {b}", highlight=False, soft_wrap=True)
    for found in compare_records(first, second):
        title = f"{found.split}, {found.n:,} images"
        if {found.n_a, found.n_b} != {found.n}:
            title += f" in common (of {found.n_a:,} and {found.n_b:,})"
        table = Table("metric", "A", "B", "B - A", "95 % interval", title=title)
        for d in found.differences:
            bounds = f"{d.low:+.4f} to {d.high:+.4f}"
            table.add_row(d.score, f"{d.a:.4f}", f"{d.b:.4f}", f"{d.difference:+.4f}", bounds)
        console.print(table)
        for t in found.tests:
            console.print(
                f"McNemar, {t.a} and {t.b}: only the first right {t.only_a}, only the second "
                f"{t.only_b}; exact p = {t.exact_p:.3g}, mid-p = {t.mid_p:.3g}",
                highlight=False,
                soft_wrap=True,
            )
        console.print(found.method)


def ensemble(
    members: Annotated[list[str], typer.Argument(help="Records or groups, two or more.")],
    weighted: Annotated[bool, typer.Option(help="Weights chosen on val.")] = False,
    name: Annotated[str | None, typer.Option(help="The ensemble's name.")] = None,
) -> None:
    """Average the probabilities of records; the ensemble gets a record of its own."""
    from ferflow.papers.ensemble import make_ensemble
    from ferflow.papers.records import find_records, load_records

    records = load_records()
    found = {r.name: r for reference in members for r in find_records(reference, records)}
    made = make_ensemble(list(found.values()), weighted=weighted, name=name)
    for member, weight in (made.members or {}).items():
        print(f"{weight:.3f}  {member}")
    for split in made.metrics:
        print(f"{split:<6}accuracy {made.score(split, 'accuracy'):.4f}")
    print(f"recorded as {made.name}")


def rescore() -> None:
    """Make the intervals of the records of the present data set again, twins drawn together."""
    from ferflow.papers.rescore import rescore as rescore_records

    for name, what in rescore_records():
        print(f"{name}: {what}")


def report() -> None:
    """Write reports/papers.md, reports/papers.html and the README's first table."""
    from ferflow.papers.report import write_report

    changed = write_report()
    print(f"written: {', '.join(map(str, changed))}" if changed else "everything is up to date")


def _print_spread(params: dict[str, Any], what: str) -> None:
    """The summary of the group that runs of these parameters belong to; `what` they differ in."""
    from ferflow.papers.record import variant_of
    from ferflow.papers.records import find_records, load_records, summarise, summary_file

    variant = variant_of(params)
    name = f"{params['preset']}/{variant}" if variant else str(params["preset"])
    group = find_records(name, load_records())
    summary = summarise(group)
    table = Table("metric", "split", "mean", "sd", "95 % interval of the mean")
    for split, scores in summary["scores"].items():
        for score, s in scores.items():
            bounds = f"{s['low']:.4f} to {s['high']:.4f}"
            table.add_row(score, split, f"{s['mean']:.4f}", f"{s['sd']:.4f}", bounds)
    console.print(table)
    console.print(f"{len(group)} {what}: {summary_file(group[0])}", soft_wrap=True)
    if not summary["same_code_and_data"]:
        console.print("They are not all of the same code and data.")


def _readings_table(readings: tuple["Reading", ...]) -> Table:
    """The mistakes that could print a figure, and the accuracy that each would need."""
    table = Table("mistake", "what it does", "it needs", "reached by")
    table.columns[0].no_wrap = True
    for r in readings:
        needed = "-" if r.needed is None else f"{'>= ' if r.at_least else ''}{r.needed:.3f}"
        table.add_row(r.mistake, r.how, needed, r.reach)
    return table


def _print_verdicts() -> None:
    """Each claimed figure, what is recorded of it, and the verdict."""
    from ferflow.papers.records import load_records
    from ferflow.papers.registry import METRICS, digits
    from ferflow.papers.standing import standings

    for row in standings(load_records()):
        honest = row.honest.text if row.honest else "not yet run"
        about = f"{row.claim.preset}, {METRICS[row.metric]} {digits(row.claimed)}; honest {honest}"
        console.print(f"paper {row.paper.number}, {about}", highlight=False, soft_wrap=True)
        console.print(f"  {row.verdict.long}", highlight=False, soft_wrap=True)


def _print_matrix(path: Path) -> None:
    from ferflow.papers.confusion import p_text, read_confusion, read_matrix

    found = read_confusion(read_matrix(path))
    lines = [
        f"{found.n:,} images, accuracy {found.accuracy:.4f} "
        f"({found.accuracy_low:.4f} to {found.accuracy_high:.4f}), "
        f"one-vs-rest accuracy {found.one_vs_rest_accuracy:.4f}",
        f"these row and column sums agree by chance in {found.agreement:.4f}; "
        f"kappa {found.kappa:.4f}",
    ]
    if found.chi_square is not None and found.p is not None:
        lines.append(
            f"chi-square {found.chi_square:.1f} at {found.degrees} degrees of freedom; "
            f"{found.test}, {p_text(found.p)}"
        )
    console.print("\n".join([*lines, found.verdict]), highlight=False, soft_wrap=True)


COMMANDS: list[Callable[..., None]] = [
    decode,
    record,
    repeat,
    reproduce,
    mistake,
    mistakes,
    sweep,
    compare,
    ensemble,
    rescore,
    report,
]
