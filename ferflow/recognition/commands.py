"""The commands of recognition, which `ferflow.cli` takes up. They run anywhere."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ferflow.core.errors import FerflowError, ParamError, printable

ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model", help="A folder that `train` wrote, an .onnx file, or small. Default: bundled."
    ),
]

DetectorOption = Annotated[
    str, typer.Option("--detector", help="yunet, haar, or the .onnx file of a YuNet.")
]


def predict(
    paths: Annotated[
        list[str], typer.Argument(help="Pictures, folders, patterns, videos; - is stdin.")
    ],
    model: ModelOption = None,
    annotate: Annotated[
        Path | None,
        typer.Option(help="Folder for copies with boxes and labels, and timelines of videos."),
    ] = None,
    smooth: Annotated[
        float, typer.Option(min=0, help="Seconds over which a video's answers are smoothed.")
    ] = 0.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one row per face.")] = False,
    detect: Annotated[
        bool,
        typer.Option("--detect/--no-detect", help="Find faces, or take each picture as a face."),
    ] = True,
    detector: DetectorOption = "yunet",
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Also find small and turned faces; slower.")
    ] = False,
    threads: Annotated[int, typer.Option(min=0, help="Cores to use; 0 for all.")] = 0,
) -> None:
    """Recognise the expressions of faces in pictures and videos."""
    from ferflow.recognition.inputs import find_inputs
    from ferflow.recognition.predict import predict, tame_libraries
    from ferflow.recognition.recognizer import Recognizer
    from ferflow.recognition.results import make_writer

    if json and csv:
        raise ParamError("--json and --csv exclude each other.")
    if not math.isfinite(smooth):
        raise ParamError(f"--smooth must be a number of seconds, 0 or more; got {smooth}.")

    def note(text: str) -> None:
        print(printable(f"note: {text}"), file=sys.stderr)

    options: dict[str, Any] = {"detector": detector, "thorough": thorough, "threads": threads}
    recognizer = Recognizer(model, **options) if model else Recognizer.bundled(**options)
    tame_libraries()
    write = make_writer("json" if json else "csv" if csv else "text", recognizer.labels)
    inputs = list(find_inputs(paths, note))
    failed = predict(inputs, recognizer, write, detect=detect, annotate=annotate, smooth=smooth)
    for result in failed:
        print(printable(f"error: {result.name} {result.fault}"), file=sys.stderr)
    if len(inputs) > 1 and failed:
        raise FerflowError(f"{len(failed)} of {len(inputs)} inputs could not be read.")
    if failed:
        raise typer.Exit(1)


def app(
    model: ModelOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 7860,
) -> None:
    """Show a page in the browser: a picture or the live camera. Needs the extra `app`."""
    import importlib.util

    if importlib.util.find_spec("gradio") is None:
        raise FerflowError("the page needs gradio: `make app`, or pip install 'ferflow[app]'.")
    from ferflow.recognition.page.serve import serve
    from ferflow.recognition.recognizer import Recognizer

    serve(Recognizer(model) if model else Recognizer.bundled(), port)


def export(
    model: Annotated[
        Path | None,
        typer.Argument(help="A folder that `train` wrote. Default: the bundled network."),
    ] = None,
    to: Annotated[Path, typer.Option(help="The file to write.")] = Path("face.onnx"),
) -> None:
    """Write a trained classifier as an ONNX file, which runs without the workflow."""
    from ferflow.recognition.export import export as write
    from ferflow.recognition.recognizer import BUNDLED

    compared = write(model or BUNDLED, to)
    print(f"{to}: {to.stat().st_size / 1e6:.1f} MB; {compared}.")


COMMANDS: list[Callable[..., None]] = [predict, app, export]
