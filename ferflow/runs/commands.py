"""Commands that run presets: record, reproduce, repeat, sweep, mistakes, the bundled model."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ferflow.core.errors import FerflowError, ParamError
from ferflow.runs.cluster_commands import ClusterOption, cluster

StaleOption = Annotated[bool, typer.Option("--stale", help="Also run what other code recorded.")]
AgainOption = Annotated[bool, typer.Option("--again", help="Also run what is on record.")]


def record(
    name: Annotated[
        str | None, typer.Option(help="The record's name, instead of a hash of your edits.")
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="A network that `benchmarks/gpu.py` trained elsewhere."),
    ] = None,
) -> None:
    """Keep the last run in Git: its metrics, what made them, and its predictions."""
    if from_ is None:
        from ferflow.records.record_run import record_run

        made = record_run(name)
    else:
        from ferflow.runs.elsewhere import record_from

        made = record_from(from_, name)
    print(f"recorded as {made.name}: {made.file('json')} and .parquet; commit both.")


def repeat(
    seeds: Annotated[
        int | None, typer.Option(help="How many seeds, from 0 on; 5 by default.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Run the chain on this many folds instead.")
    ] = None,
    stale: StaleOption = False,
    again: AgainOption = False,
    cluster: ClusterOption = None,
) -> None:
    """Run params.yaml with several seeds or folds; record each, their mean and spread."""
    if seeds is not None and folds is not None:
        raise FerflowError(
            f"--seeds and --folds exclude each other; got {seeds} and {folds}. Folds take the "
            "seed in params.yaml: for more seeds change it there and repeat."
        )
    from ferflow.runs.jobs import fold_jobs, repeat_jobs, run_jobs

    jobs = repeat_jobs(5 if seeds is None else seeds) if folds is None else fold_jobs(folds)
    run_jobs(jobs, stale=stale, again=again, cluster=cluster)
    _print_spread(jobs[0].params, "seeds" if folds is None else "folds")


def reproduce(
    presets: Annotated[list[str] | None, typer.Argument(help="From `ferflow presets`.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Run every preset of a paper.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value, or preset:key=value for one of them; repeatable."),
    ] = None,
    stale: StaleOption = False,
    again: AgainOption = False,
    cluster: ClusterOption = None,
) -> None:
    """Run and record presets one after another; if interrupted, run it again to continue."""
    if bool(presets) == all_:
        raise FerflowError("name the presets to run, or --all for those of the papers.")
    from ferflow.runs.jobs import paper_presets, reproduce_jobs, run_jobs
    from ferflow.settings.presets import parse_setting

    settings = [parse_setting(text) for text in set_ or []]
    jobs = reproduce_jobs(presets or paper_presets(), settings)
    run_jobs(jobs, stale=stale, again=again, cluster=cluster)


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
    """Evaluate the honest run wrongly on purpose, to see how much the score rises."""
    from rich.console import Console

    if (name is None) != all_:
        raise FerflowError("name one mistake of `ferflow mistakes`, or --all for every one.")
    from ferflow.runs.mistakes import run as runner

    if name is not None:
        runner.check_mistake(name)
    from ferflow.records.record_run import record_mistake
    from ferflow.runs.parents import track
    from ferflow.tracking.mirror import track_mistake

    runner.bring_honest_chain_up_to_date(preset)
    names = [name] if name is not None else []
    for other, reason in runner.reasons_against().items() if all_ else ():
        names += [] if reason else [other]
        if reason:
            print(f"{other}: left out, {reason}.")
    print(f"{', '.join(names)}: {runner.cost_text(names)}", flush=True)
    for each in names:
        scores = runner.run_mistake(each)
        Console().print(runner.comparison(each, scores))
        track(partial(track_mistake, each, scores))
        if keep or all_:
            print(f"recorded as {record_mistake(each, scores).name}, which is not a result.")


def mistakes() -> None:
    """List the mistakes that `ferflow mistake` can make."""
    from rich.console import Console
    from rich.table import Table

    from ferflow.runs.mistakes.by_name import FITS, MISTAKES, describe

    console = Console()
    table = Table("mistake", "what it does", "retrains", show_lines=True)
    table.columns[0].no_wrap = True
    for name in MISTAKES:
        n = FITS.get(name, 0)
        fits = "no" if n == 0 else "once" if n == 1 else f"up to {n} times"
        table.add_row(name, describe(name), fits)
    console.print(table)
    console.print(
        "Verdicts name three more. one_vs_rest and one_vs_rest at 0.5 are other metrics; the "
        "report has them for every record. leaky_splits is the twins in the official splits."
    )


def sweep(
    preset: Annotated[str, typer.Argument(help="A preset that names variations, such as fernet.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value for every run; repeatable.")
    ] = None,
    cluster: ClusterOption = None,
) -> None:
    """Compare a preset's variations on validation rows, such as optimisers and schedules."""
    from rich.console import Console
    from rich.table import Table

    from ferflow.runs.sweep import SWEEPS, in_short
    from ferflow.runs.sweep import sweep as run_sweep
    from ferflow.settings.presets import parse_setting

    console = Console()
    found = run_sweep(preset, dict(parse_setting(text) for text in set_ or []), cluster)
    shown = in_short(found)
    table = Table(*shown.columns)
    for row in shown.itertuples(index=False):
        table.add_row(*row)
    console.print(table)
    console.print(f"{len(found)} runs: {SWEEPS / preset}.csv", soft_wrap=True)


def bundle(
    name: Annotated[str, typer.Argument(help="bundled or small.")] = "bundled",
    train: Annotated[
        bool, typer.Option("--train", help="First run, or continue, the preset of that name.")
    ] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="With --train: key=value; repeatable.")
    ] = None,
) -> None:
    """Make the last run's network one of those that come with ferflow, with its model card."""
    from ferflow.recognition.recognizer import BUNDLED
    from ferflow.records.bundle import CARD, SMALL_CARD, bundle_last_run, bundle_small
    from ferflow.runs.jobs import reproduce_jobs, run_jobs
    from ferflow.settings.presets import parse_setting

    ways: dict[str, tuple[Callable[[], int], Path]] = {
        "bundled": (bundle_last_run, BUNDLED / CARD),
        "small": (bundle_small, SMALL_CARD),
    }
    if name not in ways:
        raise ParamError(f"ferflow comes with two networks, {' and '.join(ways)}; got {name!r}.")
    if train:
        jobs = reproduce_jobs([name], [parse_setting(text) for text in set_ or []])
        run_jobs(jobs, stale=True)
    make, card = ways[name]
    print(f"{name}: {make() / 1e6:.1f} MB, with its card in {card}")


def clean(
    older_than: Annotated[int, typer.Option(min=0, max=36_500, help="Days since the last change.")],
    yes: Annotated[bool, typer.Option("--yes", help="Delete the files.")] = False,
) -> None:
    """Show old files that nothing needs: checkpoints, DVC's cache; with --yes delete them."""
    from ferflow.runs.clean import clean as clean_up

    for line in clean_up(older_than, delete=yes):
        print(line, flush=True)


def _print_spread(params: dict[str, Any], what: str) -> None:
    """The summary of the group that runs of these parameters belong to; `what` they differ in."""
    from rich.console import Console
    from rich.table import Table

    from ferflow.records.record import find_records, load_records, summarise, summary_file
    from ferflow.records.record_run import variant_of
    from ferflow.runs.parents import track_repeat

    console = Console()
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
        console.print("Not all of them have the same code and data.")
    track_repeat(group, what)


COMMANDS: list[Callable[..., None]] = [
    record,
    repeat,
    reproduce,
    mistake,
    mistakes,
    sweep,
    bundle,
    clean,
    cluster,
]
