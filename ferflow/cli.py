"""The command `ferflow`."""

import codecs
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ferflow.errors import FerflowError, printable
from ferflow.papers.commands import COMMANDS
from ferflow.recognition.commands import COMMANDS as ANYWHERE

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A reproducible facial-expression-recognition workflow on FER-2013.",
)
console = Console()


@app.command()
def presets() -> None:
    """List the systems: what each is, which paper it follows and what that claims."""
    from ferflow.papers.registry import claim_text, claims_of, load_papers
    from ferflow.presets import load_preset, preset_names

    table = Table("preset", "what it is", "paper", "claim", show_lines=True)
    for name in preset_names():
        preset = load_preset(name)
        paper = load_papers()[preset.paper].title if preset.paper else ""
        claims = "\n".join(claim_text(claim) for claim in claims_of(name))
        table.add_row(preset.name, preset.about, paper, claims)
    console.print(table)


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="An architecture to explain.")] = None,
) -> None:
    """List the networks with their sizes, or explain one and its options."""
    from ferflow.network_sizes import explain, network_sizes
    from ferflow.papers.registry import load_papers

    if name is not None:
        print(explain(name))
        return
    table = Table("network", "in all", "trainable", "fixed", "mult-adds", "paper", "presets")
    for column in table.columns[1:5]:
        column.justify, column.no_wrap = "right", True
    for size in network_sizes():
        numbers = (size.trainable + size.fixed, size.trainable, size.fixed)
        papers = ", ".join(str(load_papers()[key].number) for key in size.papers)
        options = "".join(f"\n{key}: {value}" for key, value in size.options.items())
        table.add_row(
            size.architecture + options,
            *(f"{number:,}" for number in numbers),
            f"{size.multiply_adds / 1e6:.0f} M",
            papers,
            "\n".join(size.presets),
        )
    console.print(table)
    console.print("finetune: any image backbone of `transformers`; multiply-adds at 48x48 pixels.")


@app.command()
def use(
    preset: Annotated[str, typer.Argument(help="One of `ferflow presets`.")],
    more: Annotated[list[str] | None, typer.Argument(help="More settings.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A value to put in, such as balance.method=none; repeatable."),
    ] = None,
) -> None:
    """Write params.yaml: the defaults, the preset's few lines, and your settings.

    Paths are relative to the repository.
    """
    from ferflow import presets

    settings = dict(presets.parse_setting(text) for text in [*(set_ or []), *(more or [])])
    discarded = presets.use(preset, settings)
    print(f"params.yaml is written for {preset}. Run it with: dvc repro")
    if discarded:
        print("Edits of yours that it no longer holds:")
        print("\n".join(f"  {line}" for line in discarded))


@app.command()
def check() -> None:
    """Say whether every value in params.yaml is legal, before anything runs.

    Where a kill cut off DVC's list of locks, the list is deleted.
    """
    from ferflow.cut_locks import delete_cut_off_locks
    from ferflow.params import PARAMS_FILE, read_yaml
    from ferflow.sections import check_params

    check_params(read_yaml(PARAMS_FILE))
    print("params.yaml is in order.")
    if delete_cut_off_locks():
        print("DVC's list of locks, .dvc/tmp/rwlock, was cut off by a kill and is deleted.")


@app.command()
def show() -> None:
    """Print the metrics of the last run as a table."""
    from ferflow.summary import NEXT_STEPS, metrics_table, protocol_line

    console.print(metrics_table())
    console.print(protocol_line(), soft_wrap=True)
    console.print(NEXT_STEPS, highlight=False, soft_wrap=True)


@app.command()
def audit(
    path: Annotated[
        str | None, typer.Argument(help="A data set; without it the one that params.yaml names.")
    ] = None,
) -> None:
    """Look for twins, contradictory labels and images without a face; write a page about them.

    Paths are relative to the repository.
    """
    from ferflow.audit.report import write_audit

    table, page = write_audit(path)
    console.print(table)
    print(f"Examples and all figures: {page}")


@app.command("colony-study")
def colony_study(
    train: Annotated[Path, typer.Argument()] = Path("data/balanced/train.safetensors"),
    val: Annotated[Path, typer.Argument()] = Path("data/features/val.safetensors"),
    out: Annotated[Path, typer.Option(help="Folder for tables and pictures.")] = Path(
        "docs/ant-colony"
    ),
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions.")] = 3,
    share: Annotated[float, typer.Option(min=0, max=1, help="Of the features to keep.")] = 0.1,
    max_rows: Annotated[int, typer.Option(min=10, help="Rows that the judge is fitted on.")] = 2000,
    n_trees: Annotated[int, typer.Option(min=1, help="Trees of the judge.")] = 20,
) -> None:
    """Compare the ant colony with simpler selectors, at equal size and equal budget."""
    from ferflow.colony_study import StudyOptions, run_study

    options = StudyOptions(n_seeds=seeds, share=share, n_trees=n_trees, max_rows=max_rows)
    print(run_study(train, val, out, options))


@app.command()
def track() -> None:
    """Put the last run into MLflow, unless it is there already."""
    from ferflow.tracked import track_last_run

    print(track_last_run())


@app.command()
def store() -> None:
    """Print the address of MLflow's database, for `mlflow ui` and other readers."""
    from ferflow.store import open_store

    print(open_store()[0].tracking_uri)


@app.command()
def bundle(
    train: Annotated[
        bool, typer.Option("--train", help="First run the preset `best`, or go on with it.")
    ] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="With --train: key=value; repeatable.")
    ] = None,
) -> None:
    """Make the last run's network the bundled model, with its model card."""
    from ferflow.bundle import BUNDLED, bundle_last_run
    from ferflow.papers.runs import reproduce_jobs, run_jobs
    from ferflow.presets import parse_setting

    if train:
        jobs = reproduce_jobs(["best"], [parse_setting(text) for text in set_ or []])
        run_jobs(jobs, stale=True)
    size = bundle_last_run()
    print(f"{BUNDLED.name}: {size / 1e6:.1f} MB, with its card in {BUNDLED / 'README.md'}")


for command in (*COMMANDS, *ANYWHERE):
    app.command()(command)


@app.callback()
def enter(context: typer.Context) -> None:
    """Go to the repository's root, or, for a command that works anywhere, remember it.

    There the paths that a user types count from where they are.
    """
    if context.invoked_subcommand not in {command.__name__ for command in ANYWHERE}:
        os.chdir(_find_root())
    elif root := _root_above():
        os.environ.setdefault("DVC_ROOT", str(root))  # where a model's backbone is looked for


def main() -> None:
    """Run a command; what the user or the disk is at fault for is a line, not a traceback."""
    _speak_utf8()
    try:
        app()
    except (FerflowError, OSError) as error:
        sys.exit(printable(f"error: {error}"))


def _speak_utf8() -> None:
    """Print UTF-8 where the locale knows ASCII alone; paths come out as the bytes that they are."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and codecs.lookup(stream.encoding).name == "ascii":
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _find_root() -> Path:
    """The folder of the pipeline: this one, or the nearest above it."""
    root = _root_above()
    if root is None and "--help" not in sys.argv:
        raise FerflowError(
            f"{Path.cwd()} is not inside a ferflow repository (no dvc.yaml and presets/)."
        )
    return root or Path.cwd()


def _root_above() -> Path | None:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").exists() and (folder / "presets").is_dir():
            return folder
    return None
