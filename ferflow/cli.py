"""The command `ferflow`."""

import codecs
import os
import sys
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import ferflow.audit.commands as audit
import ferflow.evaluation.commands as evaluation
import ferflow.recognition.commands as recognition
import ferflow.records.commands as records
import ferflow.report.commands as report
import ferflow.runs.commands as runs
import ferflow.score.commands as scoring
import ferflow.settings.commands as settings
import ferflow.tracking.commands as tracking
from ferflow.core.errors import FerflowError, printable
from ferflow.core.progress import QUIET, hide_if_quiet
from ferflow.extras import missing

# They need no repository, but look at one where they are called in it.
_READING = {"presets", "models", "decode"}

# Title -> commands, in the order in which --help lists them.
GROUPS = {
    "Read faces": ["predict", "app", "export"],
    "Choose a system": ["presets", "models", "use", "new", "check"],
    "Look at the last run": ["show", "audit", "track", "store", "clean"],
    "Runs on record": [
        "record",
        "repeat",
        "reproduce",
        "sweep",
        "cluster",
        "compare",
        "ensemble",
        "rescore",
        "answers",
        "bundle",
    ],
    "Published figures": ["decode", "score", "report", "mistakes", "mistake"],
}


class _Grouped(TyperGroup):
    """Lists the commands under the titles of their groups."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  (typer's click)
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(n, self.commands[n].short_help or "") for n in names])


app = typer.Typer(
    cls=_Grouped,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # with boxes and colours --help takes half as long again
    help="A reproducible facial-expression-recognition workflow on FER-2013.",
)
for room in (settings, evaluation, audit, tracking, report, records, scoring, runs, recognition):
    for command in room.COMMANDS:
        first, _, _ = (command.__doc__ or "").partition("\n\n")
        app.command(short_help=first)(command)  # typer's own would be cut off


def _be_quiet(wanted: bool) -> None:
    if wanted:
        os.environ[QUIET] = "1"  # the stages that a command runs read it, too
        hide_if_quiet()


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # takes as long as all else that --help needs

        print(f"ferflow {version('ferflow')}")
        raise typer.Exit


@app.callback()
def enter(
    context: typer.Context,
    _: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
    __: Annotated[
        bool,
        typer.Option("--quiet", "-q", callback=_be_quiet, help="Show no progress bars."),
    ] = False,
) -> None:
    """Go to the repository's root, or, for a command that works anywhere, remember it.

    There the paths that a user types count from where they are.
    """
    name, root = context.invoked_subcommand, _root_above()
    if name in {command.__name__ for command in (*recognition.COMMANDS, *scoring.COMMANDS)}:
        if root is not None:
            # where a model's backbone is looked for, and where a record is kept
            os.environ.setdefault("DVC_ROOT", str(root))
        return
    if name == "new" or "--help" in sys.argv:
        return
    if name not in _READING:
        if find_spec("dvc") is None:
            raise ModuleNotFoundError(name="dvc")
        if root is None:
            raise FerflowError(
                f"{Path.cwd()} is not inside a ferflow repository (no dvc.yaml and presets/). "
                "Change into one, or make a project: ferflow new NAME --data PATH"
            )
    if root is not None:
        os.chdir(root)


def main() -> None:
    """Run a command; errors of the user or the disk are one line, not a traceback.

    So is a command or option whose extra is not installed.
    """
    _speak_utf8()
    try:
        app()
    except ModuleNotFoundError as error:
        if (needed := missing(error.name)) is None:
            raise
        sys.exit(f"error: ferflow {sys.argv[1]} needs {needed}")
    except (FerflowError, OSError) as error:
        sys.exit(printable(f"error: {error}"))


def _speak_utf8() -> None:
    """Print UTF-8, in an ASCII locale, too; paths come out as the bytes that they are."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and codecs.lookup(stream.encoding).name in (
            "ascii",
            "utf-8",
        ):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _root_above() -> Path | None:
    """The folder of the pipeline: this one, or the nearest above it."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").exists() and (folder / "presets").is_dir():
            return folder
    return None
